"""Candidate against incumbent over the same minutes: the margins of the sequential tests."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule


class Margin(ApiModel):
    """How much worse is still the same: a fraction of the incumbent's value, or a difference."""

    relative: Annotated[
        float | None,
        Field(gt=0, le=10, description="0.1 allows a value 10 % above the incumbent's."),
    ] = None
    absolute: Annotated[
        float | None, Field(gt=0, le=1e9, description="In the signal's base unit.")
    ] = None
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "has(self.relative) != has(self.absolute)",
            "a margin is either relative or absolute: set exactly one of them",
            lambda m: (m.relative is None) != (m.absolute is None),
        ),
    )


class Worse(StrEnum):
    """Which way is the bad one."""

    HIGHER = "Higher"
    LOWER = "Lower"


class Compare(ApiModel):
    """A test that may be looked at every minute; all signals share `analysis.falseRevertBudget`."""

    revert_margin: Annotated[
        Margin | None,
        Field(
            description="Reverts on evidence that the candidate is worse by more. Default: relative "
            "0.1 for ErrorRate, Latency and Fairness; absolute 0.1 (of PSI) for Drift, 0.01 for "
            "Calibration and Performance; Business and PromQL have none."
        ),
    ] = None
    promote_margin: Annotated[
        Margin | None,
        Field(
            description="Once every signal that gates is shown to be worse by less than its "
            "promoteMargin, the remaining holds are cut short. The bake is not."
        ),
    ] = None
    worse: Annotated[
        Worse | None,
        Field(description="Business and PromQL: whether a Higher or a Lower value is worse."),
    ] = None
