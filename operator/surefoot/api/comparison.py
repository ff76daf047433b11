"""Candidate against incumbent over the same minutes: the margins of the sequential tests."""

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


class Compare(ApiModel):
    """A test that may be looked at every minute; all signals share `analysis.falseRevertBudget`."""

    revert_margin: Annotated[
        Margin | None,
        Field(
            description="Reverts on evidence that the candidate is worse by more. Default: relative "
            "0.1 for ErrorRate and Latency, absolute 0.1 (of PSI) for Drift."
        ),
    ] = None
