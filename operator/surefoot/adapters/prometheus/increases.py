"""From the samples of one query to what each series counted in the window."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.native import Native, NativeSample
from surefoot.adapters.prometheus.payload import Series
from surefoot.stats.counters import Sample, born_from_zero, increase, reset_times

Target = tuple[str, str]


def target(series: Series) -> Target | None:
    """Which scraped target a series came from; None where its labels do not say."""
    instance = series.labels.get("instance")
    return None if instance is None else (series.labels.get("job", ""), instance)


@dataclass(frozen=True)
class Sheet:
    """All series that one query returned, and the window that is counted: (start, end] in Unix
    seconds."""

    series: tuple[Series, ...]
    start: float
    end: float

    @cached_property
    def _spans(self) -> Mapping[Target, list[tuple[float, float]]]:
        """First and last sample time of every series, by target."""
        spans: dict[Target, list[tuple[float, float]]] = defaultdict(list)
        for series in self.series:
            where = target(series)
            many: Sequence[Sample | NativeSample] = series.samples or series.natives
            if where is not None and many:
                spans[where].append((many[0][0], many[-1][0]))
        return spans

    def born(self, series: Series) -> bool:
        """Whether the series is known to have started at zero with its first sample."""
        where = target(series)
        first = (series.samples or series.natives)[0][0]
        return where is not None and born_from_zero(first, self._spans[where])

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
