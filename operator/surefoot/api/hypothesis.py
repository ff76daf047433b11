"""A stated hope: what the team expects to get better, by how much, and what became of it."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule, Label, Short, Text
from surefoot.api.times import Time
from surefoot.api.vocabulary import Hope


class Better(StrEnum):
    HIGHER = "Higher"
    LOWER = "Lower"


class Improvement(ApiModel):
    """How much better: a fraction of the incumbent's value, or a difference."""

    relative: Annotated[
        float | None,
        Field(gt=0, le=10, description="0.1 expects a value that is 10 % better."),
    ] = None
    absolute: Annotated[
        float | None,
        Field(gt=0, le=1e9, description="As a fraction: 0.015 for 1.5 points of recall."),
    ] = None
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "has(self.relative) != has(self.absolute)",
            "improveBy is either relative or absolute: set exactly one of them",
            lambda i: (i.relative is None) != (i.absolute is None),
        ),
    )


class Hypothesis(ApiModel):
    """Tested beside the guards, by an interval of the difference between the arms."""

    signal: Annotated[
        Label,
        Field(description="An ErrorRate, Latency, Business or Performance (not AUC) signal."),
    ]
    improve_by: Improvement
    better: Annotated[
        Better | None,
        Field(description="Business only: Higher (default) or Lower. The other types know."),
    ] = None
    required: Annotated[
        bool,
        Field(description="True: no step to 100 % before it is reached. Default: only reported."),
    ] = False


class HypothesisStatus(ApiModel):
    """How the hope stands. Improvements are in the terms of `improveBy`; above 0 is better."""

    signal: Short
    expected: Annotated[float, Field(description="The improvement that was hoped for.")]
    relative: Annotated[bool, Field(description="A fraction of the incumbent's value.")]
    verdict: Hope = Hope.TESTING
    message: Annotated[Text, Field(description="One sentence.")] = ""
    estimate: Annotated[float | None, Field(description="The improvement as seen.")] = None
    low: Annotated[float | None, Field(description="At least this, at 95 % for all times.")] = None
    high: Annotated[float | None, Field(description="At most this, at 95 % for all times.")] = None
    agreed: Annotated[Short, Field(description="Digest of what it was begun with.")] = ""
    until: Annotated[Time, Field(description="The end of the last interval that was taken in.")]
    intervals: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="How many closed intervals.")
    ] = 0
    state: Annotated[list[float], Field(max_length=16)] = Field(default_factory=list)
