"""Where a signal's numbers are: counters, histograms and gauges, and which of them are asked for."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric, SignalType

_BUCKET, _SUM, _COUNT = "_bucket", "_sum", "_count"

MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class PresetModel(BaseModel):
    """A part of a preset; a misspelt key is an error, because a preset is ours to get right."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True
    )


class CounterSource(PresetModel):
    """One counter, of which only the series with `labels` count."""

    metric: MetricName
    labels: Mapping[LabelName, str] = {}


class CountsSource(PresetModel):
    """Two counters: all requests, and those that failed."""

    requests: CounterSource
    errors: CounterSource

    def metrics(self, signal: Signal) -> tuple[str, ...]:
        """The names of the series that a signal needs."""
        del signal
        return (self.requests.metric, self.errors.metric)


class HistogramSource(PresetModel):
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
