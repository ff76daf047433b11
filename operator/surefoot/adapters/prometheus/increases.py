"""From the samples of one query to what each series counted in the window."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import Any, TypeVar

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.native import Native, NativeSample
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.prefixes import matching
from surefoot.adapters.prometheus.promql import Arms
from surefoot.stats.counters import (
    NotANumber,
    Sample,
    Spans,
    born_from_zero,
    increase,
    reset_times,
)

Target = tuple[str, str]
T = TypeVar("T", Sample, NativeSample)


def target(series: Series) -> Target | None:
    """Which scraped target a series came from; None where its labels do not say."""
    instance = series.labels.get("instance")
    return None if instance is None else (series.labels.get("job", ""), instance)


# After a restart a counter has to count anew, from one sample to the next, all that it had: a small
# number by chance, hardly nine tenths of many, and hardly half of it twice in a row.
_MANY, _KEPT = 1000.0, 0.9
_OFTEN, _HALF = 2, 2.0


_NOBODY = Spans()


class GoesBackwards(NotANumber):
    """A counter that fell by a little: it is none, or samples of two are mixed."""

    def __init__(self, earlier: float, later: float) -> None:
        super().__init__(f"falls from {earlier:g} to {later:g}, which no restart does")


class Index:
    """The series of one query, found by name and arm; shared by all signals that it answers."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._by_name: dict[str, list[Series]] = defaultdict(list)
        for each in series:
            if each.samples or each.natives:
                self._by_name[each.labels.get("__name__", "")].append(each)
        self._by_value: dict[tuple[str, str], dict[str, list[Series]]] = {}
        self._sorted: dict[tuple[str, str], list[str]] = {}
        self._selected: dict[tuple[str, Arms, str], list[Series]] = {}
        self.kept: dict[Hashable, Any] = {}
        """What was made of some of the series, by their ids among others, for the next signal."""

    def select(self, name: str, arms: Arms, pattern: str) -> list[Series]:
        """The series of one metric of one arm."""
        key = name, arms, pattern
        if key not in self._selected:
            self._selected[key] = self._select(name, arms, pattern)
        return self._selected[key]

    def _select(self, name: str, arms: Arms, pattern: str) -> list[Series]:
        by_value, shared = self._values(name, arms.label), set(arms.shared)
        if (name, arms.label) not in self._sorted:
            self._sorted[name, arms.label] = sorted(by_value)
        return [
            series
            for value in matching(self._sorted[name, arms.label], pattern)
            for series in by_value[value]
            if not shared or shared <= series.labels.items()
        ]

    def _values(self, name: str, label: str) -> Mapping[str, list[Series]]:
        if (name, label) not in self._by_value:
            values: dict[str, list[Series]] = {}
            for series in self._by_name.get(name, ()):
                value = series.labels.get(label, "")
                if value in values:
                    values[value].append(series)
                else:
                    values[value] = [series]
            self._by_value[name, label] = values
        return self._by_value[name, label]

    @cached_property
    def spans(self) -> Mapping[Target, Spans]:
        """First and last sample time of every series, by target."""
        spans: dict[Target, set[tuple[float, float]]] = defaultdict(set)
        for series in (each for many in self._by_name.values() for each in many):
            where = target(series)
            many: Sequence[Sample | NativeSample] = series.samples or series.natives
            if where is not None:
                spans[where].add((many[0][0], many[-1][0]))
        return {where: Spans(many) for where, many in spans.items()}


@dataclass(frozen=True)
class Sheet:
    """All series that one query returned, and the window that is counted: (start, end] in Unix
    seconds.

    A sample from up to `reach_s` before the start tells how a counter stood then; an older one would
    bring in what was counted before the window, say at another weight.
    """

    index: Index
    start: float
    end: float
    reach_s: float = inf

    def born(self, series: Series) -> bool:
        """Whether the series is known to have started at zero with its first sample."""
        where = target(series)
        first = (series.samples or series.natives)[0][0]
        if where is None or first <= self.start:
            return False
        return born_from_zero(first, self.index.spans.get(where, _NOBODY))

    def risen_together(self, buckets: Mapping[float, Series]) -> dict[float, float]:
        """What the buckets of one histogram counted, by edge. They are sampled together, so that
        where one of them has its ends the others have theirs. Raises NotANumber."""
        resets = resets_of(each for each in buckets.values() if not each.steady)
        samples = next(iter(buckets.values())).samples
        first = bisect_right(samples, (self.start, inf)) - 1
        last = bisect_right(samples, (self.end, inf)) - 1
        if resets or first < 0 or samples[first][0] < self.start - self.reach_s:
            return {edge: self.risen(each, resets) for edge, each in buckets.items()}
        length, begun, ended = len(samples), samples[first][0], samples[last][0]
        risen: dict[float, float] = {}
        for edge, each in buckets.items():
            many = each.samples
            if each.steady and len(many) == length:
                (start, below), (end, above) = many[first], many[last]
                if start == begun and end == ended:
                    risen[edge] = above - below
                    continue
            risen[edge] = self.risen(each)
        return risen

    def risen(self, series: Series, resets: frozenset[float] = frozenset()) -> float:
        """What the series counted in the window. Raises NotANumber and GoesBackwards."""
        samples = series.samples
        if series.steady and not resets:
            first = bisect_right(samples, (self.start, inf))
            last = bisect_right(samples, (self.end, inf), first)
            if first > 0 and samples[first - 1][0] >= self.start - self.reach_s:
                return samples[last - 1][1] - samples[first - 1][1]
        if not series.steady:
            self._check(samples)
        return increase(self._near(samples), self.start, self.end, self.born(series), resets)

    def _near(self, samples: tuple[T, ...]) -> tuple[T, ...]:
        if samples and samples[0][0] >= self.start - self.reach_s:
            return samples
        return tuple(each for each in samples if each[0] >= self.start - self.reach_s)

    def covers(self, many: Iterable[Series]) -> bool:
        """Whether series tell how much was counted from the window's start to its end, both times
        to within the reach; one is enough, as others come and go."""
        begun = ended = False
        for series in many:
            times = [time for time, _ in (series.samples or series.natives)]
            begun |= any(0 <= self.start - time <= self.reach_s for time in times)
            begun |= times[0] <= self.end and self.born(series)
            ended |= any(0 <= self.end - time <= self.reach_s for time in times)
        return begun and ended

    def _check(self, samples: Sequence[Sample]) -> None:
        """A counter falls to what it counted since its restart, and below zero never."""
        often = 0
        for (_, earlier), (time, value) in pairwise(samples):
            if not self.start < time <= self.end:
                continue
            if min(earlier, value) < 0:
                raise NotANumber("a sample is negative")
            often += value < earlier <= _HALF * value
            if value < earlier and (
                (earlier >= _MANY and value >= _KEPT * earlier) or often >= _OFTEN
            ):
                raise GoesBackwards(earlier, value)

    def moved(self, sums: Iterable[Series], counters: Iterable[Series]) -> float:
        """What sums of observations rose or fell. They restart with the counters beside them, and
        not where they fall: an observation may be negative. Raises NotANumber."""
        resets: dict[object, frozenset[float]] = defaultdict(frozenset)
        for each in counters:
            if not each.steady:
                resets[_labels(each, ("le", "__name__"))] |= reset_times(each.samples)
        total = 0.0
        for each in sums:
            mine = resets[_labels(each, ("__name__",))] if resets else frozenset()
            if each.steady:
                total += self.risen(each, mine)
                continue
            samples, born = self._near(each.samples), self.born(each)
            total += increase(samples, self.start, self.end, born, mine, may_fall=True)
        return total

    def observed(self, many: Iterable[Series]) -> Native:
        """What native histograms observed together in the window. Raises NotANumber."""
        return native.added(
            native.increase(self._near(series.natives), self.start, self.end, self.born(series))
            for series in many
        )

    def total(self, many: Iterable[Series]) -> float:
        """What several counters counted together. Raises NotANumber."""
        return sum(self.risen(series) for series in many)

    def total_of_siblings(
        self, many: Iterable[Series], family: Iterable[Series], but_for: Collection[str]
    ) -> float:
        """As `total`, for series of one metric, of which all that differ only in the labels
        `but_for` start anew together. Raises NotANumber."""
        resets: dict[frozenset[tuple[str, str]], frozenset[float]] = defaultdict(frozenset)
        for each in family:
            resets[_labels(each, but_for)] |= reset_times(each.samples)
        return sum(self.risen(each, resets[_labels(each, but_for)]) for each in many)


def _labels(series: Series, but_for: Collection[str]) -> frozenset[tuple[str, str]]:
    return frozenset(item for item in series.labels.items() if item[0] not in but_for)


def resets_of(many: Iterable[Series]) -> frozenset[float]:
    """The times at which any bucket of one histogram started anew: all of them did."""
    return frozenset[float]().union(*(reset_times(series.samples) for series in many))


def joined(one: tuple[Sample, ...], other: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Two spellings of one series (`le="1"` until a Prometheus 3 came, then `le="1.0"`) as one."""
    return tuple(sorted({*one, *other}))
