"""The signals of a ModelRelease: what is read, and by what it is judged."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from surefoot.api.base import ApiModel, CelRule, Label
from surefoot.api.comparison import Compare
from surefoot.api.durations import Duration
from surefoot.api.reference import Reference
from surefoot.api.signal_rules import METRICS, SIGNAL_RULES
from surefoot.api.threshold import Threshold
from surefoot.api.vocabulary import OnBreach, SignalMetric, SignalType

SHOWN_WINDOW = timedelta(minutes=5)
MetricName = Annotated[str, Field(max_length=200, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelName = Annotated[str, Field(max_length=64, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class Baseline(StrEnum):
    INCUMBENT = "Incumbent"
    REFERENCE = "Reference"


class Source(ApiModel):
    """Where a signal's numbers come from."""

    preset: Annotated[
        Label | None,
        Field(description="A metric preset; kubectl surefoot presets lists them."),
    ] = None
    numerator: Annotated[
        MetricName | None, Field(description="Business only: the counter of what is counted.")
    ] = None
    denominator: Annotated[
        MetricName | None, Field(description="Business only: the counter of what it is a part of.")
    ] = None


class Groups(ApiModel):
    """The groups of people that a Fairness signal holds against each other."""

    label: Annotated[LabelName, Field(description="The label of the metric that names the group.")]
    values: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]],
        Field(
            min_length=2, max_length=10, description="Its values; all of them must have samples."
        ),
    ]
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self.values.all(v, self.values.exists_one(w, w == v))",
            "two groups have the same value, and a group is always like itself: remove one",
            lambda g: len(set(g.values)) == len(g.values),
        ),
    )


class Watch(ApiModel):
    """How long a signal goes on being looked at after the promotion."""

    for_: Annotated[
        Duration,
        Field(alias="for", description="From the promotion on; at least labelDelay and window."),
    ]
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self.__for__ > duration('0s') && self.__for__ <= duration('8760h')",
            "watch.for must be longer than 0s and at most 365d",
            lambda w: timedelta(0) < w.for_ <= timedelta(days=365),
        ),
    )


class Signal(ApiModel):
    """One question asked of Prometheus every interval, and what its answer means."""

    name: Annotated[Label, Field(description="Unique in the release; Events and metrics carry it.")]
    type: Annotated[SignalType, Field(description="What is measured.")]
    source: Annotated[Source | None, Field(description="Every type but PromQL needs one.")] = None
    query: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=2048,
            description="PromQL only: a query with one value; {{candidate.workload}}, "
            "{{candidate.service}}, {{candidate.port}}, the same of incumbent, {{namespace}} and "
            "{{window}} are filled in.",
        ),
    ] = None
    quantile: Annotated[
        float | None, Field(ge=0.01, le=0.9999, description="Latency only: 0.99 is the p99.")
    ] = None
    metric: Annotated[
        SignalMetric | None,
        Field(
            description="Drift: PSI (default), JensenShannonDistance, KolmogorovSmirnov, "
            "WassersteinNormed, MeanShift. Calibration: CalibrationInTheLarge (default), ECE, MCE, "
            "Brier. Performance: AUC, Accuracy, Precision, Recall. Fairness: DemographicParityRatio, "
            "EqualOpportunityDifference, FalsePositiveRateDifference."
        ),
    ] = None
    baseline: Annotated[
        Baseline | None,
        Field(
            description="Drift only: what the candidate is held against: Incumbent (default), or "
            "Reference: the snapshot taken when the incumbent was promoted, or reference."
        ),
    ] = None
    reference: Annotated[
        Reference | None, Field(description="With baseline Reference: bins of your own.")
    ] = None
    groups: Annotated[Groups | None, Field(description="Fairness only.")] = None
    decision_threshold: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="Fairness, Accuracy, Precision, Recall: scores above it are a yes. Must be a "
            "bucket edge.",
        ),
    ] = None
    label_delay: Annotated[
        Duration | None,
        Field(
            description="Calibration, Performance, Fairness: how long after a request its label "
            "arrives."
        ),
    ] = None
    max_age: Annotated[
        Duration | None,
        Field(description="DataQuality only: how old the features may be."),
    ] = None
    min_completeness: Annotated[
        float | None,
        Field(gt=0, le=1, description="DataQuality only: the share of values that must be there."),
    ] = None
    threshold: Annotated[
        Threshold | None, Field(description="The limit, its window and its minimum sample.")
    ] = None
    compare: Annotated[
        Compare | None,
        Field(description="Candidate against incumbent: evidence, without a limit to choose."),
    ] = None
    watch: Annotated[
        Watch | None,
        Field(
            description="Goes on after the promotion: a breach raises an Event and Watched=False."
        ),
    ] = None
    on_breach: Annotated[
        OnBreach,
        Field(
            description="Revert (default), Hold (no step up while it lasts; default for DataQuality "
            "and for Drift from a Reference) or Observe."
        ),
    ] = OnBreach.REVERT

    rules: ClassVar[tuple[CelRule, ...]] = SIGNAL_RULES

    @model_validator(mode="after")
    def _hold_for_bad_input(self) -> Self:
        """Neither stale features nor a world that has changed since the reference was taken are the
        candidate's fault: they hold unless it is said otherwise."""
        shared = self.baseline is Baseline.REFERENCE or self.type is SignalType.DATA_QUALITY
        if shared and "on_breach" not in self.model_fields_set:
            self.__dict__["on_breach"] = OnBreach.HOLD
        return self

    @property
    def measure(self) -> SignalMetric | None:
        """The metric, or the type's first where none was chosen."""
        first = METRICS.get(self.type, (None,))[0]
        return self.metric if self.metric is not None else first

    @property
    def window(self) -> timedelta:
        """How far back a value reaches; without a limit, what is shown beside the evidence."""
        return self.threshold.window if self.threshold is not None else SHOWN_WINDOW

    @property
    def delay(self) -> timedelta:
        """How old a request is when its answer can be counted (0 where no label is awaited)."""
        return self.label_delay or timedelta(0)
