"""An absolute limit on a signal of the candidate."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule
from surefoot.api.durations import Duration


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
            "self.window > duration('0s') && self.window <= duration('2160h')",
            "threshold.window must be longer than 0s and at most 90d",
            lambda t: timedelta(0) < t.window <= timedelta(days=90),
        ),
    )
