"""What a spec names, and whether it is there: one sentence per thing that is missing."""

from dataclasses import dataclass

from surefoot.api.spec import Candidate, ModelReleaseSpec
from surefoot.api.status import Backend
from surefoot.api.vocabulary import Reason
from surefoot.engine.tick import Tick
from surefoot.engine.weights import lists
from surefoot.engine.world import Observation, Route, Workload

# A Gateway judges a change within moments.
GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Missing:
    """A reference that does not hold, and what to do about it."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Arm:
    """A version whose Deployment and Service are both there."""

    named: Candidate
    workload: Workload
    backend: Backend


def find_arm(obs: Observation, named: Candidate, role: str) -> Arm | Missing:
    """Resolve one version to its Deployment and the port of its Service."""
    workload = obs.workloads.get(named.workload_ref.name)
    if workload is None:
        return Missing(
            Reason.WORKLOAD_MISSING,
            f"Deployment {named.workload_ref.name} of the {role} does not exist in namespace "
            f"{obs.namespace}: create it or correct spec.{role}.workloadRef.name",
        )
    ports = obs.services.get(named.service)
    if ports is None:
        return Missing(
            Reason.SERVICE_MISSING,
            f"Service {named.service} of the {role} does not exist in namespace {obs.namespace}: "
            f"create it, or name another one in spec.{role}.backendRef.name",
        )
    backend = obs.port_of(named.service, named.port)
    if backend is None:
        if not ports:
            text = f"Service {named.service} of the {role} has no port: give it one"
            return Missing(Reason.PORT_AMBIGUOUS, text)
        have = ", ".join(map(str, ports))
        if named.port is not None:
            return Missing(
                Reason.PORT_MISSING,
                f"Service {named.service} has no port {named.port} (it has {have}): correct "
                f"spec.{role}.backendRef.port",
            )
        return Missing(
            Reason.PORT_AMBIGUOUS,
            f"Service {named.service} has the ports {have}: say which one in spec.{role}.backendRef.port",
        )
    return Arm(named, workload, backend)


def no_gateway(route: Route) -> str:
    """Nobody has judged the route: most likely a parent that does not exist."""
    named = ", ".join(
        f"{parent['namespace']}/{parent['name']}" if "namespace" in parent else parent["name"]
        for parent in route.parents
    )
    return f"no Gateway has accepted HTTPRoute {route.name} yet: check its parentRefs ({named})"


def check_route(obs: Observation, spec: ModelReleaseSpec) -> Missing | None:
    """Whether the route may be used at all: it exists (when given) or is ours (when managed)."""
    given = spec.traffic.route
    if given is not None and obs.route is None:
        return Missing(
            Reason.ROUTE_MISSING,
            f"HTTPRoute {given.name} does not exist in namespace {obs.namespace}: create it, or use "
            "spec.traffic.managedRoute and let Surefoot create one",
        )
    if given is None and obs.route is not None and not obs.route.managed:
        return Missing(
            Reason.ROUTE_NOT_OURS,
            f"HTTPRoute {obs.name} exists and was not created by Surefoot: delete or rename it, "
            f"or name it in spec.traffic.route",
        )
    return None


def check_refusal(obs: Observation) -> Missing | None:
    """Whether the API server takes the managed route as the spec describes it."""
    if not obs.refused:
        return None
    return Missing(
        Reason.ROUTE_REFUSED,
        f"the API server refuses the managed HTTPRoute: {obs.refused}; correct "
        "spec.traffic.managedRoute",
    )


def check_backends(obs: Observation, incumbent: Backend, candidate: Backend) -> Missing | None:
    """Whether a given route lists both arms in one rule; the incumbent's absence comes first."""
    if obs.route is None:
        return None
    for backend, role in ((incumbent, "incumbent"), (candidate, "candidate")):
        if not lists(obs.route, backend):
            weight = "weight 100" if role == "incumbent" else "an explicit weight 0"
            return Missing(
                Reason.BACKEND_MISSING,
                f"HTTPRoute {obs.route.name} has no backendRef {backend.name}:{backend.port} of the "
                f"{role}: add it with {weight} beside the other one",
            )
    return None


def left_alone(tick: Tick) -> str:
    """Backends are the user's to list: no weight can help a rule that has the candidate alone."""
    serving, route, release = tick.status.incumbent, tick.obs.route, tick.release
    assert serving is not None
    assert route is not None
    assert release is not None
    return (
        f"rule {tick.left_alone[0] + 1} of HTTPRoute {route.name} gives {release.backend.name} everything: "
        f"list {serving.backend.name}:{serving.backend.port} beside it, or remove the rule"
    )


def shared_service(name: str, serving: str) -> Missing:
    """Two Deployments behind one Service cannot be told apart by weights."""
    return Missing(
        Reason.BACKEND_SHARED,
        f"the candidate uses Service {name}, which {serving} serves through: give it a Service of "
        "its own and name that in spec.candidate.backendRef",
    )


def check_rivals(obs: Observation) -> Missing | None:
    """The older release keeps a route.

    Creation times have whole seconds: of two from the same second, the one that has the route in
    hand keeps it, and only while neither or both have does the uid settle it.
    """
    adopted = obs.status is not None and obs.status.incumbent is not None
    mine = (obs.created, not adopted, obs.uid)
    first = min(((r.created, not r.adopted, r.uid, r.name) for r in obs.rivals), default=None)
    if first is None or mine < first[:3]:
        return None
    return Missing(
        Reason.ROUTE_CONFLICT,
        f"ModelRelease {first[3]} was there first and moves weights of the same route and "
        "backends: delete one of the two, or give this one another route",
    )
