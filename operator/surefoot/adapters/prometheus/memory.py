"""What is remembered from one collection to the next; with nothing of it, all is asked anew."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.promql import Arms
from surefoot.stats.counters import reset_times

REMEMBERED_S = 600.0
_MOST = 10_000
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


MOST_JOINED = 50
"""What makes one query at most."""
MOST_TRACED = 50_000
"""Series in all traces together."""


class Bounded(OrderedDict[K, V], Generic[K, V]):
    """A mapping that forgets its oldest entries."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > _MOST:
            self.popitem(last=False)


Identity = frozenset[tuple[str, str]]


def identity(series: Series) -> Identity:
    """A series' labels, to be found by."""
    return frozenset(series.labels.items())


@dataclass(frozen=True)
class Trace:
    """The samples around births and restarts in a long window, read up to `until`."""

    until: float = 0.0
    series: Mapping[Identity, Series] = field(default_factory=dict)

    def falls(self, series: Series, start: float, end: float) -> int:
        """How often a series is known to have restarted in (start, end]."""
        known = self.series.get(identity(series))
        if known is None:
            return 0
        times = reset_times(known.samples) | native.reset_times(known.natives)
        return sum(start < time <= end for time in times)

    def since(self, start: float) -> "Trace":
        """Without what is older than a window."""
        kept = {name: _since(series, start) for name, series in self.series.items()}
        found = {name: series for name, series in kept.items() if series.samples or series.natives}
        return Trace(self.until, found)


def _since(series: Series, start: float) -> Series:
    samples = tuple(each for each in series.samples if each[0] > start)
    return Series(series.labels, samples, tuple(e for e in series.natives if e[0] > start))


@dataclass
class Memory:
    """`crowded`: how many series the arms have that are above the limit, until when that is
    believed. `scalars`: whether a user's query gives a scalar, once it gave anything. `traces`: by
    arms, metrics and window."""

    apart: Bounded[Hashable, float] = field(default_factory=Bounded)
    crowded: Bounded[Arms, tuple[int, float]] = field(default_factory=Bounded)
    scalars: Bounded[str, bool] = field(default_factory=Bounded)
    traces: Bounded[Hashable, Trace] = field(default_factory=Bounded)
    _joined: tuple[int, float] = (MOST_JOINED, 0.0)

    def keep(self, key: Hashable, trace: Trace) -> None:
        """A window's trace; the oldest go when all together hold more series than is good."""
        self.traces[key] = trace
        held = sum(len(each.series) for each in self.traces.values())
        while held > MOST_TRACED and len(self.traces) > 1:
            held -= len(self.traces.popitem(last=False)[1].series)

    def joined_most(self, at: float) -> int:
        """How many wants make one query: fewer for a while, where together they were too much."""
        most, until = self._joined
        return most if until > at else MOST_JOINED

    def too_much_together(self, number: int, at: float) -> None:
        """So many wants failed together, and none of them alone."""
        self._joined = max(1, number // 2), at + REMEMBERED_S

    def is_apart(self, key: Hashable, at: float) -> bool:
        """Whether a want is asked on its own, because it failed while it was asked with others."""
        return self.apart.get(key, 0.0) > at

    def set_apart(self, keys: Iterable[Hashable], at: float) -> None:
        """Ask these on their own for a while."""
        for key in keys:
            self.apart[key] = at + REMEMBERED_S

    def rejoin(self, keys: Iterable[Hashable]) -> None:
        """These were not at fault."""
        for key in keys:
            self.apart.pop(key, None)

    def series_of(self, arms: Arms, at: float) -> int:
        """How many series these arms have, if they are known to have too many; else 0."""
        count, until = self.crowded.get(arms, (0, 0.0))
        return count if until > at else 0
