"""The spec of a ModelRelease: what should serve next, where, and how carefully."""

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from surefoot.api.analysis import Analysis
from surefoot.api.base import ApiModel, CelRule, Label, Name, Short, Text
from surefoot.api.durations import Duration
from surefoot.api.hypothesis import Hypothesis
from surefoot.api.hypothesis_rules import HYPOTHESIS_RULES
from surefoot.api.signals import Signal
from surefoot.api.status import MOST_STEPS

ZERO = timedelta(0)
YEAR = timedelta(days=365)


# As the Gateway API has it: a DNS name, of which the first label may be a wildcard.
Hostname = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]


class Owner(ApiModel):
    """Who answers for the model."""

    team: Short | None = None
    contact: Short | None = None
    runbook: Annotated[
        str | None, Field(max_length=1024, description="Where the steps of a rollback stand.")
    ] = None


class WorkloadRef(ApiModel):
    """The Deployment that runs one version, in the release's namespace."""

    kind: Annotated[Literal["Deployment"], Field(description="Deployment (the default).")] = (
        "Deployment"
    )
    name: Label


class BackendRef(ApiModel):
    """The Service that selects that Deployment's pods."""

    name: Label
    port: Annotated[
        int | None, Field(ge=1, le=65_535, description="Default: the Service's only port.")
    ] = None


class Lineage(ApiModel):
    """Where the model comes from; free strings, shown and kept with the release."""

    model: Text | None = None
    digest: Text | None = None
    dataset: Text | None = None
    code: Text | None = None
    run: Text | None = None


class Candidate(ApiModel):
    """The version that should serve. The one pointer that a release changes."""

    version: Annotated[
        str,
        Field(min_length=1, max_length=64, description="The model's version, as people say it."),
    ]
    workload_ref: WorkloadRef
    backend_ref: Annotated[
        BackendRef | None,
        Field(description="Default: the workload's name and that Service's only port."),
    ] = None
    lineage: Lineage | None = None

    @property
    def service(self) -> str:
        return self.backend_ref.name if self.backend_ref else self.workload_ref.name

    @property
    def port(self) -> int | None:
        return self.backend_ref.port if self.backend_ref else None


class Incumbent(Candidate):
    """An assertion: must be what serves now, else the release is Stalled and nothing moves."""

    version: Annotated[str | None, Field(min_length=1, max_length=64)] = None  # type: ignore[assignment]


class ParentRef(ApiModel):
    """A Gateway (or one listener of it) that the managed route attaches to."""

    name: Name
    namespace: Label | None = None
    section_name: Name | None = None


class ManagedRoute(ApiModel):
    """An HTTPRoute, named as the release, that Surefoot creates and owns."""

    parent_refs: Annotated[list[ParentRef], Field(min_length=1, max_length=8)]
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = Field(default_factory=list)


class RouteRef(ApiModel):
    """An existing route, of which only weights are written."""

    kind: Literal["HTTPRoute"] = "HTTPRoute"
    name: Name


class Traffic(ApiModel):
    """Where the weights stand."""

    managed_route: Annotated[
        ManagedRoute | None,
        Field(description="Surefoot creates and owns the HTTPRoute; Git holds no weights."),
    ] = None
    route: Annotated[
        RouteRef | None,
        Field(description="An existing HTTPRoute, of which only weights are written."),
    ] = None
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "has(self.managedRoute) != has(self.route)",
            "set exactly one of traffic.managedRoute and traffic.route",
            lambda t: (t.managed_route is None) != (t.route is None),
        ),
    )


class Step(ApiModel):
    """A share of the traffic for the candidate, and how long it stays there."""

    weight: Annotated[int, Field(ge=1, le=100, description="Percent of the requests.")]
    hold: Annotated[Duration, Field(description="Counted in minutes that samples cover.")]
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self.hold > duration('0s') && self.hold <= duration('8760h')",
            "a step's hold must be longer than 0s and at most 365d",
            lambda s: ZERO < s.hold <= YEAR,
        ),
    )


ParameterName = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z][a-zA-Z0-9]*$")]
# No quote, brace or backslash: a value can end no string and open no selector.
ParameterValue = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\"'`{}\\\n\r]*$")]


class ParameterSetting(ApiModel):
    """A value for one of the class's parameters."""

    name: ParameterName
    value: ParameterValue


class OnNoData(StrEnum):
    HOLD = "Hold"
    REVERT = "Revert"


class OnInconclusive(StrEnum):
    HOLD = "Hold"
    REVERT = "Revert"


class OnDelete(StrEnum):
    REVERT = "Revert"
    LEAVE = "Leave"


STEPS_RISE = CelRule(
    "!has(self.steps) || (self.steps.all(i, self.steps.filter(j, j.weight == i.weight).size() == 1) "
    "&& self.steps.map(s, s.weight).isSorted())",
    "weights must rise from step to step: order them, and remove repeated ones",
    lambda s: all(a.weight < b.weight for a, b in pairwise(s.steps or ())),
)
BAKE_BOUND = CelRule(
    "!has(self.bake) || self.bake <= duration('8760h')",
    "bake must be 365d or shorter",
    lambda s: s.bake is None or s.bake <= YEAR,
)
SIGNAL_NAMES = CelRule(
    "!has(self.signals) || self.signals.all(s, self.signals.exists_one(t, t.name == s.name))",
    "two signals have the same name: rename one",
    lambda s: len({x.name for x in s.signals or ()}) == len(s.signals or ()),
)


class ModelReleaseSpec(ApiModel):
    """One endpoint of one model, long-lived: what should serve next, where and how."""

    release_class_name: Annotated[
        Name | None,
        Field(
            description="A ReleaseClass of the platform team: what is written here adds to it, and "
            "never loosens what it locks."
        ),
    ] = None
    parameters: Annotated[
        list[ParameterSetting],
        Field(max_length=16, description="Values for the parameters of the ReleaseClass."),
    ] = Field(default_factory=list)
    summary: Annotated[
        Text | None, Field(description="What changes and what is expected of it.")
    ] = None
    owner: Owner | None = None
    candidate: Candidate
    incumbent: Annotated[
        Incumbent | None,
        Field(description="Optional assertion of what serves; not needed after the first apply."),
    ] = None
    traffic: Traffic
    steps: Annotated[
        list[Step],
        Field(
            min_length=1,
            max_length=MOST_STEPS,
            description="Needed unless the ReleaseClass has them.",
        ),
    ] = Field(default_factory=list)
    bake: Annotated[
        Duration, Field(description="At 100 before the candidate is promoted. Default 10m.")
    ] = timedelta(minutes=10)
    start_deadline: Annotated[
        Duration,
        Field(description="How long the candidate's pods may take at weight 0. Default 30m."),
    ] = timedelta(minutes=30)
    max_duration: Annotated[
        Duration | None,
        Field(description="Of the whole release, bake included; then see onInconclusive."),
    ] = None
    rollback_window: Annotated[
        int,
        Field(
            ge=0,
            le=10,
            description="One of the last N promoted versions goes to 100 at once. Default 3.",
        ),
    ] = 3
    analysis: Analysis = Field(default_factory=Analysis)
    signals: Annotated[list[Signal], Field(max_length=16)] = Field(default_factory=list)
    hypothesis: Annotated[
        Hypothesis | None,
        Field(description="What is expected to get better; tested, and reported with the outcome."),
    ] = None
    on_no_data: Annotated[
        OnNoData, Field(description="Hold (default) or Revert, once a signal's window has passed.")
    ] = OnNoData.HOLD
    on_inconclusive: Annotated[
        OnInconclusive,
        Field(description="At maxDuration: Hold (default; Stalled until someone acts) or Revert."),
    ] = OnInconclusive.HOLD
    on_delete: Annotated[
        OnDelete, Field(description="Revert (default) or Leave, when deleted mid-release.")
    ] = OnDelete.REVERT
    suspend: Annotated[bool, Field(description="True: hands off entirely, nothing is guarded.")] = (
        False
    )

    rules: ClassVar[tuple[CelRule, ...]] = (
        *HYPOTHESIS_RULES,
        CelRule(
            "has(self.steps) || has(self.releaseClassName)",
            "steps are missing: write spec.steps, or name a ReleaseClass that has them in "
            "spec.releaseClassName",
            lambda s: bool(s.steps) or s.release_class_name is not None,
        ),
        CelRule(
            "!has(self.parameters) || has(self.releaseClassName)",
            "parameters are those of a ReleaseClass: name it in spec.releaseClassName, or remove them",
            lambda s: "parameters" not in s.model_fields_set or s.release_class_name is not None,
        ),
        CelRule(
            "!has(self.parameters) || "
            "self.parameters.all(p, self.parameters.exists_one(q, q.name == p.name))",
            "two parameters have the same name: remove one",
            lambda s: len({p.name for p in s.parameters}) == len(s.parameters),
        ),
        STEPS_RISE,
        CelRule(
            "!has(self.incumbent) || self.incumbent.workloadRef.name != self.candidate.workloadRef.name",
            "incumbent and candidate name the same Deployment: a release needs two, so that one can take over",
            lambda s: (
                s.incumbent is None
                or s.incumbent.workload_ref.name != s.candidate.workload_ref.name
            ),
        ),
        CelRule(
            "!has(self.incumbent) || self.incumbent.workloadRef.name == self.candidate.workloadRef.name || "
            "(has(self.incumbent.backendRef) ? self.incumbent.backendRef.name : self.incumbent.workloadRef.name) != "
            "(has(self.candidate.backendRef) ? self.candidate.backendRef.name : self.candidate.workloadRef.name)",
            "incumbent and candidate use the same Service: give each Deployment one of its own (backendRef)",
            lambda s: (
                s.incumbent is None
                or s.incumbent.workload_ref.name == s.candidate.workload_ref.name
                or s.incumbent.service != s.candidate.service
            ),
        ),
        BAKE_BOUND,
        SIGNAL_NAMES,
        CelRule(
            "!has(self.maxDuration) || !has(self.steps) || "
            "self.maxDuration >= self.steps.map(s, s.hold).sum() + (has(self.bake) ? self.bake : "
            "has(self.releaseClassName) ? duration('0s') : duration('10m'))",
            "maxDuration is shorter than all holds and the bake (10m unless set) together: raise it",
            lambda s: s.max_duration is None or not s.steps or s.max_duration >= s.shortest,
        ),
    )

    def as_written(self) -> dict[str, Any]:
        """The spec without defaults: what the user wrote, and nothing that a default would add."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)

    @property
    def awaits_class(self) -> bool:
        """Whether its class may still add to what is written here."""
        return self.release_class_name is not None

    @property
    def shortest(self) -> timedelta:
        """All holds and the bake; that of a class is not known here and counts as none."""
        from_class = self.awaits_class and "bake" not in self.model_fields_set
        return sum((x.hold for x in self.steps), ZERO) + (ZERO if from_class else self.bake)

    def hold_of(self, index: int) -> timedelta:
        """How long step `index` lasts; the bake stands one past the last step."""
        return self.steps[index].hold if index < len(self.steps) else self.bake

    def weight_of(self, index: int) -> int:
        """The candidate's percent at step `index`: 0 before the first, 100 in the bake."""
        if index < 0:
            return 0
        return self.steps[index].weight if index < len(self.steps) else 100
