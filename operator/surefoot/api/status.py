"""The status of a ModelRelease: intent, evidence and account; the operator's only memory."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from surefoot.api.base import ApiModel, Count, Label, Name, Short, Text
from surefoot.api.hypothesis import HypothesisStatus
from surefoot.api.signal_status import EvidenceStatus, SignalStatus, Snapshot, WatchStatus
from surefoot.api.times import Time, TimeSeconds
from surefoot.api.vocabulary import ConditionType, Outcome, Phase, Reason, Rule

Percent = Annotated[int, Field(ge=0, le=100)]
MOST_STEPS = 32
MOST_SECONDS = 1e9
_DEEPEST = 32


def _not_too_deep(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec that nobody accepted counts as none: one that cannot be written again would keep the
    whole status from being saved."""
    level: list[Any] = [spec]
    for _ in range(_DEEPEST):
        level = [
            below
            for node in level
            for below in (node.values() if isinstance(node, dict) else node)
            if isinstance(below, dict | list)
        ]
    return {} if level else spec


class Condition(ApiModel):
    """As metav1.Condition, with its own observedGeneration."""

    type: ConditionType
    status: Literal["True", "False", "Unknown"]
    reason: Reason
    message: Annotated[str, Field(max_length=32_768)] = ""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    last_transition_time: TimeSeconds


class Backend(ApiModel):
    """A Service and its port."""

    name: Label
    port: Annotated[int, Field(ge=1, le=65_535)]


class Serving(ApiModel):
    """The version that serves when no release is in flight."""

    version: Short
    workload: Label
    backend: Backend
    fingerprint: Annotated[
        Short, Field(description="Digest of the workload's name and what its pods run.")
    ]
    since: Time


class Exposure(ApiModel):
    """How long the candidate was meant to have this share of the traffic, altogether."""

    weight: Percent
    seconds: Annotated[float, Field(ge=0, le=MOST_SECONDS)]


class Released(ApiModel):
    """One release: a fingerprint of the candidate, and which try of it this is."""

    id: Short
    attempt: Count = 1
    version: Short
    workload: Label
    backend: Backend
    fingerprint: Short
    template_hash: Annotated[
        Short, Field(description="Digest of the whole pod template; a change restarts warm-up.")
    ]
    started_at: Time
    warmup_from: Annotated[
        Time | None, Field(description="First verified traffic, or the last restart of the pods.")
    ] = None
    pods_ready_at: Annotated[
        Time | None, Field(description="When all of the candidate's pods were first available.")
    ] = None
    paused_seconds: Annotated[float, Field(ge=0, le=1e12)] = 0
    incumbent_replicas: Annotated[
        int, Field(ge=0, lt=2**31, description="What the incumbent ran when the release started.")
    ] = 0
    lone_rules: Annotated[
        Count,
        Field(
            description="In how many rules of the route the candidate had weight without the incumbent when it began."
        ),
    ] = 0
    rollback: bool = False
    exposure: Annotated[
        list[Exposure],
        Field(description="Time at each intended weight above 0, up to when the last step began."),
    ] = Field(default_factory=list)
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: Text | None = None
    ended_at: Time | None = None
    accepted_spec: Annotated[
        dict[str, Any],
        AfterValidator(_not_too_deep),
        Field(
            description="The last sound spec, by which a release is guarded when the spec becomes invalid.",
            json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
        ),
    ] = Field(default_factory=dict)


class StepStatus(ApiModel):
    """Which step stands; index −1 is weight 0 before the first, `count` is the bake."""

    index: Annotated[int, Field(ge=-1, le=MOST_STEPS)] = -1
    count: Annotated[int, Field(ge=0, le=MOST_STEPS)] = 0
    position: Annotated[Short, Field(description="For people: 2/5, bake, or start.")] = "start"
    weight: Percent = 0
    entered_at: Annotated[Time | None, Field(description="When the step was intended.")] = None
    verified_at: Annotated[
        Time | None, Field(description="When the route was seen to carry the weight.")
    ] = None
    covered_seconds: Annotated[
        float, Field(ge=0, le=1e9, description="Of the hold, as far as samples cover it.")
    ] = 0
    hold_seconds: Annotated[float, Field(ge=0, le=1e9)] = 0


class RouteStatus(ApiModel):
    kind: Short = "HTTPRoute"
    name: Name
    managed: bool = False


class TrafficStatus(ApiModel):
    """Candidate percent as intended, as last seen to be written, and as the route says now."""

    route: RouteStatus
    intended: Percent = 0
    written: Percent = 0
    observed: Percent | None = None
    revert_capacity: Annotated[
        float | None,
        Field(
            description="Share of all of the traffic that the incumbent can take right now (0 to 1)."
        ),
    ] = None
    repairs: Annotated[
        Count, Field(description="How often in a row a raised weight was put right.")
    ] = 0
    repaired_at: Time | None = None
    repaired_generation: Annotated[
        Count | None, Field(description="The route's generation that had the raised weight.")
    ] = None
    repaired_uid: Annotated[
        Short, Field(description="The uid of that route: made anew, it begins with generation 1.")
    ] = ""


MOST_SPLITS = 1000
"""Far more rules than a route can have."""


class HandHold(ApiModel):
    """A person, or another tool, stopped the release; only a Resume goes on."""

    reason: Reason
    by: Short
    since: Time
    message: Text = ""
    left: Annotated[
        list[Percent],
        Field(
            max_length=MOST_SPLITS,
            description="What someone's lowering left the candidate with, by rule with both arms.",
        ),
    ] = Field(default_factory=list)


class DecisionRecord(ApiModel):
    """Who or what, when, at which weight, on which numbers, by which rule."""

    time: Time
    rule: Rule
    reason: Reason
    weight: Annotated[Percent, Field(description="The candidate's intended percent from here on.")]
    message: Text = ""
    by: Short | None = None
    numbers: Annotated[
        dict[str, float],
        Field(
            description="Signal values at that moment, by signal name.",
            json_schema_extra={"additionalProperties": {"type": "number"}},
        ),
    ] = Field(default_factory=dict)


class PastRelease(ApiModel):
    """How an earlier release ended."""

    id: Short
    version: Short
    workload: Short
    backend: Backend
    fingerprint: Short
    attempt: Count = 1
    outcome: Outcome
    reason: Reason
    ended_at: Time


class Retirable(ApiModel):
    """A workload that no longer serves."""

    workload: Short
    version: Short
    since: Time


class ModelReleaseStatus(ApiModel):
    """All that the operator knows of a release."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    phase: Phase = Phase.PENDING
    reason: Reason = Reason.IN_FLIGHT
    message: Text = ""
    conditions: Annotated[
        list[Condition],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = Field(default_factory=list)
    incumbent: Serving | None = None
    release: Released | None = None
    step: StepStatus | None = None
    traffic: TrafficStatus | None = None
    hold: HandHold | None = None
    signals: list[SignalStatus] = Field(default_factory=list)
    evidence: EvidenceStatus | None = None
    snapshots: list[Snapshot] = Field(default_factory=list)
    hypothesis: HypothesisStatus | None = None
    watch: WatchStatus | None = None
    last_evaluated_time: Time | None = None
    decisions: list[DecisionRecord] = Field(default_factory=list)
    history: list[PastRelease] = Field(default_factory=list)
    retirable: list[Retirable] = Field(default_factory=list)
    handled_actions: Annotated[
        list[Short], Field(description="uids of the newest actions that were carried out.")
    ] = Field(default_factory=list)

    @property
    def holds_together(self) -> bool:
        """Whether what serves has its route, and a release in flight all that it needs; else someone
        has damaged the status."""
        step, traffic = self.step, self.traffic
        if self.incumbent is None or traffic is None:
            return self.incumbent is None and traffic is None and self.release is None
        if self.release is None or self.release.outcome is not None:
            return True
        if step is None:
            return False
        return step.index < step.count or (step.index == step.count and traffic.intended == 100)

    def condition(self, kind: ConditionType) -> Condition | None:
        return next((c for c in self.conditions if c.type is kind), None)
