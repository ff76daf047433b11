"""The spec of a ModelRelease: what should serve next, where, and how carefully."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from unicodedata import category

from pydantic import Field

from surefoot.api.analysis import Analysis
from surefoot.api.base import ApiModel, CelRule, Label, Name, Short, Text
from surefoot.api.durations import Duration
from surefoot.api.hypothesis import Hypothesis
from surefoot.api.signals import Signal
from surefoot.api.spec_rules import SPEC_RULES, YEAR
from surefoot.api.status import MOST_STEPS

ZERO = timedelta(0)


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
    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            r"!has(self.version) || self.version == '' || self.version.matches('[\\p{L}\\p{N}\\p{P}\\p{S}]')",
            "nothing can be seen of version: write what people call it",
            lambda c: not c.version or any(category(x)[0] in "LNPS" for x in c.version),
        ),
    )

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


class OnNewCandidate(StrEnum):
    SUPERSEDE = "Supersede"
    QUEUE = "Queue"


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
    on_new_candidate: Annotated[
        OnNewCandidate,
        Field(
            description="While a release runs: Supersede (default) takes its traffic back and starts "
            "the new one; Queue lets it end first."
        ),
    ] = OnNewCandidate.SUPERSEDE
    suspend: Annotated[bool, Field(description="True: hands off entirely, nothing is guarded.")] = (
        False
    )

    rules: ClassVar[tuple[CelRule, ...]] = SPEC_RULES

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
