"""The frozen picture that one decision is made from; every read has happened before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from surefoot.api.record import ReleaseRecordSpec
from surefoot.api.signal_status import FrozenBins
from surefoot.api.spec import Candidate, ModelReleaseSpec
from surefoot.api.status import Backend, ModelReleaseStatus
from surefoot.api.vocabulary import ActionType, Reason
from surefoot.engine.questions import Answer


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, as far as it matters.

    `fingerprint` digests its name and what its pods run, `template_hash` the whole pod template.
    `settled` is true when its newest template is rolled out and every desired pod is available.
    """

    name: str
    fingerprint: str
    template_hash: str
    replicas: int
    available: int
    settled: bool


@dataclass(frozen=True, slots=True)
class BackendWeight:
    """One backendRef of a route rule; an omitted weight has been read as 1."""

    name: str
    port: int
    weight: int


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTPRoute. `managed`: Surefoot made it, for the release of its name. `accepted` is None
    while no Gateway has judged this generation. `carried` is the intent that this process wrote into
    it last: whatever it says now came after."""

    name: str
    generation: int
    managed: bool
    rules: tuple[tuple[BackendWeight, ...], ...]
    parents: tuple[Mapping[str, str], ...] = ()
    hostnames: tuple[str, ...] = ()
    accepted: bool | None = None
    verdict: str = ""
    manager: str = "someone"
    carried: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A ReleaseAction that has not been carried out."""

    name: str
    uid: str
    type: ActionType
    by: str
    message: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Rival:
    """Another ModelRelease on the same route that lists one of the same backends.

    `adopted`: it has taken the route in hand; one that was refused from the start has not.
    """

    name: str
    uid: str
    created: datetime
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A ReleaseRecord. `spec` is None where nobody needs it (of a sealed one, which only counts,
    unless it was asked for) and where it cannot be read. `created` is by the API server's clock,
    `started_at` by that of an operator."""

    name: str
    started_at: datetime
    sealed: bool
    spec: ReleaseRecordSpec | None
    created: datetime | None = None


@dataclass(frozen=True)
class Observation:
    """Everything that `decide` may know. `spec` is None when it is invalid, and `problem` says why.

    `workloads` and `services` hold None for what was looked for and is not there; a Service is the
    tuple of its ports. `answers` is None when no collection has finished since the last tick.
    `references` holds the bins from ConfigMaps by signal, or a sentence on what is wrong with them.
    `refused` is what the API server said against the managed route that the spec asks for.
    `spec` is the plan of release and ReleaseClass together; `fault` is the reason of `problem`, and
    `notice` says that the class is gone and the accepted plan stands in for it.
    `records` are the ReleaseRecords of this name, oldest first. `waiting` is the spec's candidate
    while it is queued: `spec` then is the plan of the release in flight.
    """

    now: datetime
    namespace: str
    name: str
    uid: str
    generation: int
    created: datetime
    deleted: bool = False
    spec: ModelReleaseSpec | None = None
    problem: str = ""
    fault: Reason = Reason.INVALID_SPEC
    notice: str = ""
    status: ModelReleaseStatus | None = None
    workloads: Mapping[str, Workload | None] = field(default_factory=dict)
    services: Mapping[str, tuple[int, ...] | None] = field(default_factory=dict)
    route: Route | None = None
    refused: str = ""
    actions: tuple[Action, ...] = ()
    rivals: tuple[Rival, ...] = ()
    records: tuple[Record, ...] = ()
    waiting: Candidate | None = None
    answers: Mapping[str, Answer] | None = None
    references: Mapping[str, FrozenBins | str] = field(default_factory=dict)

    def has(self, backend: Backend) -> bool:
        """Whether a backend's Service is there with its port; what was not looked for counts as it."""
        ports = self.services.get(backend.name, (backend.port,))
        return ports is not None and backend.port in ports

    def port_of(self, service: str, wanted: int | None) -> Backend | None:
        """The backend that a reference means, or None when the Service or the choice is missing."""
        ports = self.services.get(service)
        if ports is None:
            return None
        if wanted is not None:
            return Backend(name=service, port=wanted) if wanted in ports else None
        return Backend(name=service, port=ports[0]) if len(ports) == 1 else None
