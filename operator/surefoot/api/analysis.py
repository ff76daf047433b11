"""How often a release is judged, and how much error its comparisons may spend."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule
from surefoot.api.durations import Duration


class Analysis(ApiModel):
    """How often signals are read, and from when on."""

    interval: Annotated[Duration, Field(description="Between two evaluations. Default 15s.")] = (
        timedelta(seconds=15)
    )
    warmup: Annotated[
        Duration,
        Field(description="After first traffic; only ErrorRate limits are live in it. Default 1m."),
    ] = timedelta(minutes=1)
    evidence_interval: Annotated[
        Duration,
        Field(description="Of comparisons: each closed one is one piece of evidence. Default 60s."),
    ] = timedelta(seconds=60)
    false_revert_budget: Annotated[
        float,
        Field(
            ge=0.0001,
            le=0.5,
            description="How likely comparisons may revert a candidate that is no worse, over the "
            "whole release and all signals. Default 0.05.",
        ),
    ] = 0.05
    false_promote_budget: Annotated[
        float,
        Field(
            ge=0.0001,
            le=0.5,
            description="How likely a candidate that is worse by promoteMargin may be promoted "
            "early. Default 0.05.",
        ),
    ] = 0.05
    min_adverse_intervals: Annotated[
        int,
        Field(ge=1, le=20, description="Fewer adverse intervals never revert. Default 3."),
    ] = 3
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.evidenceInterval) || (self.evidenceInterval >= duration('5s') && "
            "self.evidenceInterval <= duration('1h'))",
            "analysis.evidenceInterval must be between 5s and 1h; below 30s false reverts grow",
            lambda a: timedelta(seconds=5) <= a.evidence_interval <= timedelta(hours=1),
        ),
        CelRule(
            "!has(self.interval) || (self.interval >= duration('1s') && self.interval <= duration('1h'))",
            "analysis.interval must be between 1s and 1h: nothing is seen in between",
            lambda a: timedelta(seconds=1) <= a.interval <= timedelta(hours=1),
        ),
        CelRule(
            "!has(self.warmup) || self.warmup <= duration('2160h')",
            "analysis.warmup must be 90d or shorter",
            lambda a: a.warmup <= timedelta(days=90),
        ),
    )
