"""The first rule of a course: who serves when there is no status yet, or none any more."""

from surefoot.api.base import is_label
from surefoot.api.spec import Candidate, ModelReleaseSpec, WorkloadRef
from surefoot.api.vocabulary import Reason, Rule
from surefoot.engine import transitions
from surefoot.engine.recovery import nowhere_to_go_back, recorded_arm
from surefoot.engine.references import Arm, Missing, check_rivals, check_route, find_arm
from surefoot.engine.rules_course import stuck
from surefoot.engine.tick import Ruling, Tick


def adopt(tick: Tick) -> Ruling | None:
    """First sight of a release: whoever serves now is the incumbent."""
    if tick.status.incumbent is not None:
        return None
    spec = tick.obs.spec
    if spec is None:
        return stuck(tick, Missing(tick.obs.fault, tick.obs.problem))
    route = transitions.route_of(spec, tick.obs.name)
    missing = check_rivals(tick.obs) or nowhere_to_go_back(tick.obs) or check_route(tick.obs, spec)
    known = recorded_arm(tick.obs) if missing is None else None
    if known is not None:
        (serving, reverted), says = known, ", as its ReleaseRecords say"
    else:
        found = missing or _who_serves(tick, spec)
        if isinstance(found, Missing):
            return stuck(tick, found, Rule.ADOPT)
        serving = transitions.serve(tick.obs, found.named, found.backend, found.workload)
        reverted, says = None, ""
    status = transitions.adopt(tick.status, tick.obs, serving, route, reverted)
    text = f"{serving.version} ({serving.workload}) is what serves{says}: adopted as the incumbent"
    return Ruling(Rule.ADOPT, Reason.ADOPTED, text, status, recorded=True, announced=True)


def _who_serves(tick: Tick, spec: ModelReleaseSpec) -> Arm | Missing:
    """The arm with all of the weight, else the asserted incumbent, else the candidate itself."""
    candidate = find_arm(tick.obs, spec.candidate, "candidate")
    if tick.obs.route is None or (isinstance(candidate, Missing) and spec.incumbent is None):
        named = spec.incumbent or spec.candidate
        return find_arm(tick.obs, named, "incumbent" if spec.incumbent else "candidate")
    mine = candidate.backend.name if isinstance(candidate, Arm) else spec.candidate.service
    serving = {
        b.name
        for rule in tick.obs.route.rules
        if any(b.name == mine or _asserted(spec, b.name) for b in rule)
        for b in rule
        if b.weight > 0
    }
    if serving == {mine}:
        return candidate
    if spec.incumbent is not None:
        return find_arm(tick.obs, spec.incumbent, "incumbent")
    others = serving - {mine}
    name = next(iter(others), "")
    if len(others) == 1 and is_label(name):
        ref = Candidate(version=name[:64], workload_ref=WorkloadRef(name=name))
        arm = find_arm(tick.obs, ref, "incumbent")
        if isinstance(arm, Arm):
            return arm
    return Missing(
        Reason.INCUMBENT_UNKNOWN,
        f"HTTPRoute {tick.obs.route.name} does not tell which Deployment serves now: name it in "
        "spec.incumbent.workloadRef",
    )


def _asserted(spec: ModelReleaseSpec, name: str) -> bool:
    return spec.incumbent is not None and spec.incumbent.service == name
