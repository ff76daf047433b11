"""The spec of a ReleaseClass: what a platform team decides once for many releases."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.analysis import Analysis
from surefoot.api.base import ApiModel, CelRule, Text
from surefoot.api.durations import Duration
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.signals import Signal
from surefoot.api.spec import (
    OnDelete,
    OnInconclusive,
    OnNewCandidate,
    OnNoData,
    ParameterName,
    ParameterValue,
    Step,
)
from surefoot.api.spec_rules import BAKE_BOUND, SIGNAL_NAMES, STEPS_RISE
from surefoot.api.status import MOST_STEPS


class Locked(StrEnum):
    """What a class may lock: a release tightens it, or leaves it as it is."""

    STEPS = "steps"
    BAKE = "bake"
    START_DEADLINE = "startDeadline"
    MAX_DURATION = "maxDuration"
    ROLLBACK_WINDOW = "rollbackWindow"
    ANALYSIS = "analysis"
    SIGNALS = "signals"
    ON_NO_DATA = "onNoData"
    ON_INCONCLUSIVE = "onInconclusive"
    ON_DELETE = "onDelete"
    ON_NEW_CANDIDATE = "onNewCandidate"


class Parameter(ApiModel):
    """What a release fills in: `{{parameters.<name>}}` in the query of a PromQL signal."""

    name: ParameterName
    description: Annotated[Text | None, Field(description="What a release is to write here.")] = (
        None
    )
    default: Annotated[
        ParameterValue | None, Field(description="Without one, every release must set it.")
    ] = None


def _set_in_class(field: Locked) -> str:
    return f"(f != '{field}' || has(self.{field}))"


class ReleaseClassSpec(ApiModel):
    """Steps, bake, analysis, signals and the metrics source of the releases that name it."""

    summary: Annotated[Text | None, Field(description="For whom this class is.")] = None
    parameters: Annotated[
        list[Parameter],
        Field(max_length=16, description="What releases fill in, in queries of PromQL signals."),
    ] = Field(default_factory=list)
    steps: Annotated[
        list[Step] | None,
        Field(
            min_length=1,
            max_length=MOST_STEPS,
            description="Locked: a release keeps each of them, holds it as long or longer, and may "
            "put others in between.",
        ),
    ] = None
    bake: Annotated[Duration | None, Field(description="Locked: a release may bake longer.")] = None
    start_deadline: Annotated[
        Duration | None, Field(description="Locked: a release may wait for less long.")
    ] = None
    max_duration: Annotated[
        Duration | None, Field(description="Locked: a release may take less long.")
    ] = None
    rollback_window: Annotated[
        int | None, Field(ge=0, le=10, description="Locked: a release may have a smaller one.")
    ] = None
    analysis: Annotated[
        Analysis | None,
        Field(
            description="Locked: a release may look more often, warm up for less long, need fewer "
            "adverse intervals and spend more on reverts."
        ),
    ] = None
    signals: Annotated[
        list[Signal] | None,
        Field(
            max_length=16,
            description="Locked: a release may add signals, and of these narrow limits and margins.",
        ),
    ] = None
    on_no_data: Annotated[
        OnNoData | None, Field(description="Locked: a release may turn Hold into Revert.")
    ] = None
    on_inconclusive: Annotated[
        OnInconclusive | None, Field(description="Locked: a release may turn Hold into Revert.")
    ] = None
    on_delete: Annotated[
        OnDelete | None, Field(description="Locked: a release may turn Leave into Revert.")
    ] = None
    on_new_candidate: Annotated[
        OnNewCandidate | None, Field(description="Locked: a release leaves it as it is.")
    ] = None
    locked: Annotated[
        list[Locked] | None,
        Field(
            max_length=len(Locked),
            description="The fields above that a release may only tighten. Default: signals. All "
            "others are what a release gets unless it says otherwise.",
        ),
    ] = None
    metrics: Annotated[
        MetricsSource | None,
        Field(description="Where the signals are asked for; a release cannot change it."),
    ] = None

    rules: ClassVar[tuple[CelRule, ...]] = (
        STEPS_RISE,
        BAKE_BOUND,
        SIGNAL_NAMES,
        CelRule(
            f"!has(self.locked) || self.locked.all(f, {' && '.join(map(_set_in_class, Locked))})",
            "locked names a field that this class does not set: set it, or take it off the list",
            lambda c: all(f.value in c.as_written() for f in c.locked or ()),
        ),
        CelRule(
            "!has(self.parameters) || "
            "self.parameters.all(p, self.parameters.exists_one(q, q.name == p.name))",
            "two parameters have the same name: remove one",
            lambda c: len({p.name for p in c.parameters}) == len(c.parameters),
        ),
    )

    @property
    def locks(self) -> tuple[Locked, ...]:
        """What is locked and set, in a fixed order."""
        named = (Locked.SIGNALS,) if self.locked is None else self.locked
        return tuple(f for f in Locked if f in named and f.value in self.as_written())
