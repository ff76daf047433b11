"""Where a signal's numbers are: counters, histograms and gauges, and which of them are asked for."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from surefoot.adapters.prometheus.prefixes import compiled
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric, SignalType

_BUCKET, _SUM, _COUNT = "_bucket", "_sum", "_count"

MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class Labelled(Protocol):
    """Anything that has labels, as a series has."""

    @property
    def labels(self) -> Mapping[str, str]: ...


S = TypeVar("S", bound=Labelled)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class PresetModel(BaseModel):
    """A part of a preset; a misspelt key is an error, because a preset is ours to get right."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True
    )


class Selection(PresetModel):
    """Which series of a metric count: those with all of `labels`, that match all patterns of any one
    of `where` (when there are some), and none of `without`.

    A pattern is a regular expression for the whole of a label's value; an absent label is "".
    """

    labels: Mapping[LabelName, str] = {}
    where: tuple[Mapping[LabelName, Pattern], ...] = ()
    without: Mapping[LabelName, Pattern] = {}

    @property
    def told_by(self) -> frozenset[str]:
        """The labels that the choice depends on."""
        patterns = (*self.where, self.without)
        return frozenset({*self.labels, *(label for each in patterns for label in each)})

    def among(self, series: Iterable[S]) -> list[S]:
        """Those that count."""
        if not (self.labels or self.where or self.without):
            return list(series)
        return [each for each in series if self.selects(each.labels)]

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels counts."""
        # Plain loops: this is asked of every series of every signal.
        for label, value in self.labels.items():
            if labels.get(label) != value:
                return False
        for label, each in self.without.items():
            if _matches(labels, label, each):
                return False
        return not self.where or any(
            all(_matches(labels, label, each) for label, each in patterns.items())
            for patterns in self.where
        )


def _matches(labels: Mapping[str, str], label: str, pattern: str) -> bool:
    return compiled(pattern).fullmatch(labels.get(label, "")) is not None


class CounterSource(Selection):
    """A counter, or several that make one together: `metric` and what it goes with."""

    metric: MetricName
    plus: tuple[MetricName, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.metric, *self.plus)

    def series(self, of: Callable[[str], Iterable[S]]) -> list[S]:
        """Those that count, out of what `of` gives for a metric's name."""
        return [each for name in self.names for each in self.among(of(name))]


class CountsSource(PresetModel):
    """Two counters: all requests, and those that failed."""

    requests: CounterSource
    errors: CounterSource

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """The names of the series that a signal needs."""
        del signal
        return (*self.requests.names, *self.errors.names)


class HistogramSource(Selection):
    """A histogram, named without `_bucket`; edges are divided by `divide_by` (1000: ms to s)."""

    histogram: MetricName
    divide_by: float = Field(default=1.0, gt=0)

    @property
    def bucket(self) -> str:
        return self.histogram + _BUCKET

    @property
    def sum(self) -> str:
        return self.histogram + _SUM

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """The sum only where a mean is asked for; or for latency, how much an arm had to do."""
        mean = signal.measure is SignalMetric.MEAN_SHIFT
        loaded = signal.type is SignalType.LATENCY
        return (self.bucket, self.sum) if mean or loaded else (self.bucket,)


class LabeledScoresSource(PresetModel):
    """A histogram of scores by outcome; its buckets are read only where a metric needs them."""

    labeled_scores: MetricName
    outcome_label: LabelName
    positive: str

    @property
    def sum(self) -> str:
        return self.labeled_scores + _SUM

    @property
    def count(self) -> str:
        return self.labeled_scores + _COUNT

    @property
    def bucket(self) -> str:
        return self.labeled_scores + _BUCKET

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """Sum and count tell the calibration in the large; the rest needs buckets, too."""
        if signal.measure is SignalMetric.CALIBRATION_IN_THE_LARGE:
            return (self.sum, self.count)
        return (self.bucket, self.sum)


class FairnessSource(PresetModel):
    """Scores, and labelled scores, by group."""

    scores: HistogramSource
    labeled: LabeledScoresSource

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """Parity needs no labels."""
        if signal.measure is SignalMetric.DEMOGRAPHIC_PARITY_RATIO:
            return (self.scores.bucket,)
        return (self.labeled.bucket,)


class QualitySource(PresetModel):
    """When the features were last updated (a gauge in Unix seconds), and how many were missing."""

    last_update: MetricName
    missing: MetricName
    total: MetricName

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """What the limits of the signal need."""
        age = (self.last_update,) if signal.max_age is not None else ()
        return (*age, self.missing, self.total) if signal.min_completeness is not None else age


class RatioSource(PresetModel):
    """Two counters of the user's."""

    numerator: MetricName
    denominator: MetricName

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """Both."""
        del signal
        return (self.numerator, self.denominator)


SeriesSource = (
    CountsSource
    | HistogramSource
    | LabeledScoresSource
    | FairnessSource
    | QualitySource
    | RatioSource
)
