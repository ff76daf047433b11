"""What a status keeps of its signals: values, histograms, and the evidence of comparisons."""

from typing import Annotated

from pydantic import Field

from surefoot.api.base import ApiModel, Count, Short, Text
from surefoot.api.times import Time
from surefoot.api.vocabulary import SignalType

MOST_EDGES = 400
"""Of one histogram: bins are kept as frozen, as a snapshot and by a watch, of 16 signals at most, and
an object of 1 MiB is still saved."""


class FrozenBins(ApiModel):
    """The incumbent's histogram at the last split step, for the bake, where it has no traffic."""

    edges: list[float]
    counts: list[float]
    total: Annotated[float | None, Field(description="The sum of the scores.")] = None


class Snapshot(ApiModel):
    """How a promoted version scored at the end of its bake: the reference of later releases."""

    signal: Short
    version: Short
    bins: FrozenBins


class SignalStatus(ApiModel):
    name: Short
    type: SignalType
    value: Annotated[
        float | None, Field(description="The candidate's value, in the signal's base unit.")
    ] = None
    incumbent_value: float | None = None
    samples: Annotated[
        int | None, Field(ge=0, le=2**53, description="The candidate's samples behind the value.")
    ] = None
    limit: Annotated[Short, Field(description="The limit in words, such as ≤ 0.05.")] = ""
    verdict: Short
    reason: Annotated[Text, Field(description="One sentence.")] = ""
    judges_from: Annotated[
        Short, Field(description="The first step that it judges: step 2/3, bake or never.")
    ] = ""
    breaches: Annotated[Count, Field(description="Crossings in a row so far.")] = 0
    sampled_at: Annotated[Time | None, Field(description="The newest sample that was judged.")] = (
        None
    )
    frozen: FrozenBins | None = None


MOST_FLOATS = 200
"""What a test may keep; the longest, of calibration by 40 bins, has 67."""


class PromotionEvidence(ApiModel):
    """The mirrored test of a comparison: that the candidate is not worse than its promoteMargin."""

    agreed: Annotated[Short, Field(description="As in the comparison.")]
    value: Annotated[float, Field(ge=0, description="Enough at 1 / falsePromoteBudget.")] = 1.0
    state: Annotated[list[float], Field(max_length=MOST_FLOATS)] = Field(default_factory=list)


class SignalEvidence(ApiModel):
    """What one comparison has seen so far: all that its test needs, each interval spent once."""

    name: Short
    agreed: Annotated[
        Short, Field(description="Digest of what the test was begun with; a change starts it anew.")
    ]
    share: Annotated[float, Field(ge=0, le=1, description="Its part of falseRevertBudget.")]
    value: Annotated[
        float, Field(ge=0, description="Evidence that the candidate is worse than its margin.")
    ] = 1.0
    counted: Annotated[
        bool, Field(description="Whether it spends the budget: it may revert the release.")
    ] = True
    until: Annotated[Time, Field(description="The end of the last interval that was taken in.")]
    blind: Annotated[
        Count, Field(description="How many intervals in a row could not be compared.")
    ] = 0
    intervals: Annotated[Count, Field(description="How many closed intervals.")] = 0
    state: Annotated[list[float], Field(max_length=MOST_FLOATS)] = Field(default_factory=list)
    promotion: PromotionEvidence | None = None
    unlike: Annotated[
        Text, Field(description="Why the last interval was not bet on: the arms' loads differed.")
    ] = ""


class EvidenceStatus(ApiModel):
    """The comparisons of a release under one budget: it reverts when `value` reaches `limit`."""

    value: float = 1.0
    limit: Annotated[float, Field(description="1 / falseRevertBudget.")] = 20.0
    leading: Annotated[Short | None, Field(description="The signal that weighs most.")] = None
    spare: Annotated[
        float, Field(ge=0, le=1, description="The share of the budget that no signal has.")
    ] = 0.0
    signals: list[SignalEvidence] = Field(default_factory=list)


class WatchStatus(ApiModel):
    """What goes on being looked at after a promotion, by the signals that have `watch`."""

    version: Short
    since: Annotated[Time, Field(description="The promotion; no window reaches back before it.")]
    signals: list[SignalStatus] = Field(default_factory=list)
