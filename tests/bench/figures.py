"""What a bench found: values, the limit that the project set itself, and how busy the machine was."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Literal

from tests.bench.machine import Load


@dataclass
class Figure:
    """One measured thing. `judged` says whether the limit holds for every value or their median."""

    bench: str
    what: str
    unit: str
    values: list[float]
    limit: float | None = None
    judged: Literal["max", "median"] = "max"
    load: Load = field(default_factory=Load)

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def kept(self) -> bool | None:
        """Whether the limit holds; None without a limit, False without a value."""
        if self.limit is None:
            return None
        if not self.values:
            return False
        seen = self.median if self.judged == "median" else max(self.values)
        return seen is not None and seen <= self.limit

    def row(self) -> dict[str, object]:
        """For `-o json`."""
        return {
            "bench": self.bench,
            "what": self.what,
            "unit": self.unit,
            "values": [round(value, 4) for value in self.values],
            "median": self.median,
            "limit": self.limit,
            "judged": self.judged,
            "kept": self.kept,
            "stealPercent": self.load.steal_percent,
            "busyPercent": self.load.busy_percent,
            "load1m": self.load.load_1m,
        }
