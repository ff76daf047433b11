"""How busy the machine was while something was measured: a figure means little without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_IDLE, _IOWAIT, _STEAL = 3, 4, 7


@dataclass
class Load:
    """Shares of all processor time, in percent, over a measurement, and the load at its end."""

    cores: int = 0
    busy_percent: float = 0.0
    steal_percent: float = 0.0
    load_1m: float = 0.0

    def words(self) -> str:
        """For a table's cell."""
        return f"{self.steal_percent:.1f} % / {self.busy_percent:.0f} % / {self.load_1m:.1f}"


def _ticks() -> list[int]:
    first = Path("/proc/stat").read_text().splitlines()[0]
    return [int(word) for word in first.split()[1:9]]


@contextmanager
def measured() -> Iterator[Load]:
    """A Load that is filled in when the block ends, also when it ends badly."""
    load, before = Load(cores=os.cpu_count() or 1), _ticks()
    try:
        yield load
    finally:
        spent = [after - earlier for after, earlier in zip(_ticks(), before, strict=True)]
        total = max(sum(spent), 1)
        load.steal_percent = round(100 * spent[_STEAL] / total, 2)
        rest = spent[_IDLE] + spent[_IOWAIT] + spent[_STEAL]
        load.busy_percent = round(100 * (total - rest) / total, 1)
        load.load_1m = round(os.getloadavg()[0], 2)
