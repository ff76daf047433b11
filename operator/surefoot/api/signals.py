"""The signals of a ModelRelease: what is read, and which limit it must keep."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule, Label
from surefoot.api.durations import Duration
from surefoot.api.vocabulary import OnBreach, SignalType


class SignalMetric(StrEnum):
    PSI = "PSI"
    CALIBRATION_IN_THE_LARGE = "CalibrationInTheLarge"


class Baseline(StrEnum):
    INCUMBENT = "Incumbent"


class Threshold(ApiModel):
    """An absolute limit on the candidate, in the signal's base unit (seconds, fractions)."""

    min: Annotated[float | None, Field(description="The value must not fall below this.")] = None
    max: Annotated[float | None, Field(description="The value must not rise above this.")] = None
    window: Annotated[
        Duration, Field(description="How far back a value reaches; never across a weight step.")
    ]
    min_samples: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000_000,
            description="With fewer samples there is no verdict (NoData). Default 1.",
        ),
    ] = 1
    consecutive: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="Evaluations in a row that must cross the limit. Default 1: at once.",
        ),
    ] = 1
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "has(self.min) || has(self.max)",
            "a threshold needs a limit: set min, max or both",
            lambda t: t.min is not None or t.max is not None,
        ),
        CelRule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "threshold.min is above threshold.max: swap them or change one",
            lambda t: t.min is None or t.max is None or t.min <= t.max,
        ),
        CelRule(
            "self.window > duration('0s')",
            "threshold.window must be longer than 0s",
            lambda t: t.window > timedelta(0),
        ),
    )


class Source(ApiModel):
    """Where a signal's numbers come from."""

    preset: Annotated[Label, Field(description="A metric preset: envoy or model-server.")]


_PLACEHOLDER = re.compile(
    r"\{\{ *((candidate|incumbent)[.](workload|service|port)|namespace|window) *\}\}"
)
_PROMQL = f"self.type == '{SignalType.PROMQL}'"


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
        Field(description="Drift: PSI. Calibration: CalibrationInTheLarge. Both are the default."),
    ] = None
    baseline: Annotated[
        Baseline | None, Field(description="Drift only: what the candidate is held against.")
    ] = None
    label_delay: Annotated[
        Duration | None,
        Field(description="Calibration only: how long after a request its label arrives."),
    ] = None
    threshold: Annotated[
        Threshold, Field(description="The limit, its window and its minimum sample.")
    ]
    on_breach: Annotated[
        OnBreach,
        Field(description="Revert (default), Hold (no step up while it lasts) or Observe."),
    ] = OnBreach.REVERT

    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            f"({_PROMQL}) == has(self.query)",
            "query belongs to a PromQL signal and to no other: add it there, remove it elsewhere",
            lambda s: (s.type is SignalType.PROMQL) == (s.query is not None),
        ),
        CelRule(
            f"({_PROMQL}) != has(self.source)",
            "every signal but PromQL needs source.preset, and PromQL takes none",
            lambda s: (s.type is SignalType.PROMQL) != (s.source is not None),
        ),
        CelRule(
            "(self.type == 'Latency') == has(self.quantile)",
            "a Latency signal needs quantile (0.99 for the p99), and no other type takes one",
            lambda s: (s.type is SignalType.LATENCY) == (s.quantile is not None),
        ),
        CelRule(
            "self.type != 'ErrorRate' || !has(self.threshold.max) || self.threshold.max <= 1.0",
            "an ErrorRate limit is a fraction: write 0.05 for 5 %",
            lambda s: (
                s.type is not SignalType.ERROR_RATE
                or s.threshold.max is None
                or s.threshold.max <= 1
            ),
        ),
        CelRule(
            "!has(self.query) || self.query.findAll('\\\\{\\\\{[^{}]*\\\\}\\\\}').all(p, "
            "p.matches('^\\\\{\\\\{ *((candidate|incumbent)[.](workload|service|port)|namespace|window) *\\\\}\\\\}$'))",
            "the query has an unknown placeholder: there are {{candidate.workload}}, "
            "{{candidate.service}}, {{candidate.port}}, the same of incumbent, {{namespace}} and "
            "{{window}}",
            lambda s: all(
                _PLACEHOLDER.fullmatch(p) for p in re.findall(r"\{\{[^{}]*\}\}", s.query or "")
            ),
        ),
        CelRule(
            "!has(self.metric) || (self.type == 'Drift' && self.metric == 'PSI') || "
            "(self.type == 'Calibration' && self.metric == 'CalibrationInTheLarge')",
            "metric is PSI for Drift and CalibrationInTheLarge for Calibration; other types have none",
            lambda s: (
                s.metric is None
                or (s.type, s.metric)
                in (
                    (SignalType.DRIFT, SignalMetric.PSI),
                    (SignalType.CALIBRATION, SignalMetric.CALIBRATION_IN_THE_LARGE),
                )
            ),
        ),
        CelRule(
            "!has(self.baseline) || self.type == 'Drift'",
            "baseline belongs to a Drift signal: remove it here",
            lambda s: s.baseline is None or s.type is SignalType.DRIFT,
        ),
        CelRule(
            "!has(self.labelDelay) || self.type == 'Calibration'",
            "labelDelay belongs to a Calibration signal: remove it here",
            lambda s: s.label_delay is None or s.type is SignalType.CALIBRATION,
        ),
        CelRule(
            f"!({_PROMQL}) || !has(self.threshold.minSamples)",
            "a PromQL query reports no sample count: remove threshold.minSamples",
            lambda s: (
                s.type is not SignalType.PROMQL or "min_samples" not in s.threshold.model_fields_set
            ),
        ),
    )

    @property
    def delay(self) -> timedelta:
        """How old a request is when its answer can be counted (0 where no label is awaited)."""
        return self.label_delay or timedelta(0)
