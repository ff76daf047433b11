"""ReleaseRecord: the account of one release, opened when it starts and sealed when it ends.

The operator alone writes it, and all of it stands in `spec`: backup tools leave out `status` when
they restore, and a record without its end would read as a release that is still under way.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule, Count, Label, Name, Short, Text
from surefoot.api.spec import OnDelete
from surefoot.api.status import Backend, DecisionRecord, Exposure, RouteStatus
from surefoot.api.times import Time
from surefoot.api.vocabulary import Hope, Outcome, Reason

MOST_DECISIONS = 20
MOST_WEIGHTS = 100
_MOST_OF_LABEL = 63


def label_of(name: str) -> str:
    """A release's name as the value of its records' label, which is shorter than names may be."""
    return name[:_MOST_OF_LABEL].rstrip("-.")


class RecordedArm(ApiModel):
    """A version, and how it is reached."""

    version: Short
    workload: Label
    backend: Backend
    fingerprint: Short


class RecordedHypothesis(ApiModel):
    """What became of what was expected of the candidate."""

    verdict: Hope
    message: Text = ""


class RecordEnd(ApiModel):
    """How the release ended. Written once."""

    outcome: Outcome
    reason: Reason
    message: Text = ""
    ended_at: Time
    decisions: Annotated[
        list[DecisionRecord],
        Field(max_length=MOST_DECISIONS, description="The newest of this release, oldest first."),
    ] = Field(default_factory=list)
    exposure: Annotated[
        list[Exposure],
        Field(
            max_length=MOST_WEIGHTS,
            description="Time at each intended weight above 0; nothing where it is not known.",
        ),
    ] = Field(default_factory=list)
    hypothesis: RecordedHypothesis | None = None


_OPENING = (
    "releaseName", "releaseUid", "id", "attempt", "candidate", "incumbent", "route", "onDelete",
    "rollback", "startedAt",
)  # fmt: skip


class ReleaseRecordSpec(ApiModel):
    """What is known when a release starts, and its end."""

    release_name: Annotated[Name, Field(description="The ModelRelease, in the same namespace.")]
    release_uid: Short
    id: Annotated[Short, Field(description="As in status.release of the ModelRelease.")]
    attempt: Count
    candidate: RecordedArm
    incumbent: Annotated[RecordedArm, Field(description="Where the traffic goes back to.")]
    route: RouteStatus
    on_delete: Annotated[
        OnDelete, Field(description="What was to happen if the ModelRelease were deleted.")
    ]
    rollback: bool
    started_at: Time
    end: Annotated[
        RecordEnd | None, Field(description="How it ended; a record without one is open.")
    ] = None

    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            " && ".join(f"self.{field} == oldSelf.{field}" for field in _OPENING),
            "what a ReleaseRecord says of the start of its release cannot be edited",
            lambda _: True,
        ),
        CelRule(
            "!has(oldSelf.end) || (has(self.end) && self.end == oldSelf.end)",
            "a sealed ReleaseRecord cannot be edited",
            lambda _: True,
        ),
    )
