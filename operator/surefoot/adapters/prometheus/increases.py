"""From the samples of one query to what each series counted in the window."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.native import Native, NativeSample
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.promql import Arms
from surefoot.stats.counters import Sample, born_from_zero, increase, reset_times

Target = tuple[str, str]


def target(series: Series) -> Target | None:
    """Which scraped target a series came from; None where its labels do not say."""
    instance = series.labels.get("instance")
    return None if instance is None else (series.labels.get("job", ""), instance)


class Index:
    """The series of one query, found by name and arm; shared by all signals that it answers."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._by_name: dict[str, list[Series]] = defaultdict(list)
        for each in series:
            if each.samples or each.natives:
                self._by_name[each.name].append(each)
        self._by_value: dict[tuple[str, str], dict[str, list[Series]]] = {}
        self._selected: dict[tuple[str, Arms, str], list[Series]] = {}

    def select(self, name: str, arms: Arms, pattern: str) -> list[Series]:
        """The series of one metric of one arm."""
        key = name, arms, pattern
        if key not in self._selected:
            self._selected[key] = self._select(name, arms, pattern)
        return self._selected[key]

    def _select(self, name: str, arms: Arms, pattern: str) -> list[Series]:
        mine, shared = re.compile(pattern), set(arms.shared)
        return [
            series
            for value, many in self._values(name, arms.label).items()
            if mine.fullmatch(value)
            for series in many
            if not shared or shared <= series.labels.items()
        ]

    def _values(self, name: str, label: str) -> Mapping[str, list[Series]]:
        if (name, label) not in self._by_value:
            values: dict[str, list[Series]] = defaultdict(list)
            for series in self._by_name.get(name, ()):
                values[series.labels.get(label, "")].append(series)
            self._by_value[name, label] = values
        return self._by_value[name, label]

    @cached_property
    def spans(self) -> Mapping[Target, Collection[tuple[float, float]]]:
        """First and last sample time of every series, by target."""
        spans: dict[Target, set[tuple[float, float]]] = defaultdict(set)
        for series in (each for many in self._by_name.values() for each in many):
            where = target(series)
            many: Sequence[Sample | NativeSample] = series.samples or series.natives
            if where is not None:
                spans[where].add((many[0][0], many[-1][0]))
        return spans


@dataclass(frozen=True)
class Sheet:
    """All series that one query returned, and the window that is counted: (start, end] in Unix
    seconds."""

    index: Index
    start: float
    end: float

    def born(self, series: Series) -> bool:
        """Whether the series is known to have started at zero with its first sample."""
        where = target(series)
        first = (series.samples or series.natives)[0][0]
        return where is not None and born_from_zero(first, self.index.spans.get(where, ()))

    def risen(self, series: Series, resets: frozenset[float] = frozenset()) -> float:
        """What the series counted in the window. Raises NotANumber."""
        return increase(series.samples, self.start, self.end, self.born(series), resets)

    def observed(self, many: Iterable[Series]) -> Native:
        """What native histograms observed together in the window. Raises NotANumber."""
        return native.added(
            native.increase(series.natives, self.start, self.end, self.born(series))
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
