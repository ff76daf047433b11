"""ReleaseAction: one audited act of one person on one release."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule, Name, Text
from surefoot.api.times import Time
from surefoot.api.vocabulary import ActionType


class ReleaseActionSpec(ApiModel):
    """Who asks for what. It cannot be edited afterwards."""

    release_name: Annotated[Name, Field(description="The ModelRelease, in the same namespace.")]
    type: Annotated[ActionType, Field(description="Abort, Pause, Resume or Retry.")]
    requested_by: Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            description="The requesting user's name; the API server checks it.",
        ),
    ]
    message: Annotated[Text | None, Field(description="Why, for the record.")] = None
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self == oldSelf",
            "a ReleaseAction cannot be edited: create a new one",
            lambda _: True,
        ),
    )


class ActionPhase(StrEnum):
    DONE = "Done"
    REFUSED = "Refused"


class ReleaseActionStatus(ApiModel):
    """What became of it."""

    phase: ActionPhase
    message: Text = ""
    time: Time
