"""What a signal needs of Prometheus: the names of its series, what they are, and their labels."""

from collections.abc import Iterator

from surefoot.adapters.prometheus.sources import (
    CountsSource,
    FairnessSource,
    HistogramSource,
    LabeledScoresSource,
    QualitySource,
    SeriesSource,
)
from surefoot.api.signals import Signal

_PARTS = ("_bucket", "_sum", "_count")


def names_of(source: SeriesSource, signal: Signal) -> tuple[str, ...]:
    """The names of all series, histograms in both forms: classic and native, which has no suffix."""
    return tuple(sorted({*source.metrics(signal), *natives_of(source, signal)}))


def natives_of(source: SeriesSource, signal: Signal) -> frozenset[str]:
    """The names that the signal's histograms have where they are native."""
    return frozenset(_natives(source, signal))


def _natives(source: SeriesSource, signal: Signal) -> Iterator[str]:
    if isinstance(source, CountsSource | QualitySource) or signal.source is None:
        return
    own = (signal.source.numerator, signal.source.denominator)
    for name in source.metrics(signal):
        part = next((part for part in _PARTS if name.endswith(part)), None)
        if part is not None and name not in own:
            yield name.removesuffix(part)


def gauges_of(source: SeriesSource) -> frozenset[str]:
    """Those that may fall without having started anew."""
    return frozenset({source.last_update}) if isinstance(source, QualitySource) else frozenset()


def labels_of(source: SeriesSource, signal: Signal) -> frozenset[str]:
    """The labels by which its series are told apart within an arm."""
    labels = {"le"}
    if isinstance(source, CountsSource):
        labels |= source.requests.told_by | source.errors.told_by
    if isinstance(source, HistogramSource):
        labels |= source.told_by
    if isinstance(source, LabeledScoresSource):
        labels.add(source.outcome_label)
    if isinstance(source, FairnessSource):
        labels |= source.scores.told_by | {source.labeled.outcome_label}
    if signal.groups is not None:
        labels.add(signal.groups.label)
    return frozenset(labels)
