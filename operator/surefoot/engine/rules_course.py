"""The rules of the course: supersede, follow, start, rest."""

from dataclasses import replace

from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus, Serving, StepStatus
from surefoot.api.vocabulary import ActionType, Outcome, Reason, Rule
from surefoot.engine import transitions
from surefoot.engine.references import (
    Missing,
    check_backends,
    check_refusal,
    check_rivals,
    check_route,
    find_arm,
    left_alone,
    shared_service,
)
from surefoot.engine.rollback import is_rollback
from surefoot.engine.tick import Ruling, Tick, accepted_of, ended_like, written_of
from surefoot.engine.world import Action


def stuck(tick: Tick, missing: Missing, rule: Rule = Rule.INVALID) -> Ruling:
    """Nothing new is intended until a person has mended what the sentence says."""
    return Ruling(
        rule, missing.reason, missing.message, tick.status, stalled=True,
        accepted=False, announced=True, warning=True,
    )  # fmt: skip


def supersede(tick: Tick) -> Ruling | None:
    """The pointer or the route changed mid-release: back to the incumbent on the old one first."""
    spec, release = tick.obs.spec, tick.release
    if not tick.in_flight or spec is None or release is None:
        return None
    what = _what_changed(tick, spec)
    if what is None:
        return None
    if tick.intended > 0 and (tick.incumbent is None or tick.incumbent.available == 0):
        text = f"{what}, but the incumbent has no available pod to go back to: held"
        return Ruling(Rule.SUPERSEDE, Reason.INCUMBENT_NOT_READY, text, tick.status, announced=True)
    text = f"{what}: {release.version} is superseded at {tick.intended} %, traffic goes back first"
    status = transitions.fall_back(
        tick.status, tick.obs, Outcome.SUPERSEDED, Reason.SUPERSEDED, text
    )
    return Ruling(Rule.SUPERSEDE, Reason.SUPERSEDED, text, status, recorded=True, announced=True)


def _what_changed(tick: Tick, spec: ModelReleaseSpec) -> str | None:
    release, traffic = tick.release, tick.status.traffic
    assert release is not None
    assert traffic is not None
    name = spec.candidate.workload_ref.name
    if name != release.workload:
        return f"the candidate is now {spec.candidate.version} ({name})"
    workload = tick.obs.workloads.get(name)
    if workload is not None and workload.fingerprint != release.fingerprint:
        return f"{name} now runs something else"
    if written_of(spec) != release.accepted_spec:
        accepted = accepted_of(release)
        if accepted is not None and spec.traffic != accepted.traffic:
            return "spec.traffic changed"
    backend = tick.obs.port_of(spec.candidate.service, spec.candidate.port)
    if backend is not None and backend != release.backend:
        return f"the candidate's backend is now {backend.name}:{backend.port}"
    return None


def unsound(tick: Tick) -> Ruling | None:
    """An invalid spec moves nothing; above 0 the release is held where it is, and guarded."""
    if tick.obs.spec is not None:
        return None
    return stuck(tick, Missing(tick.obs.fault, tick.obs.problem))


def follow_steps(tick: Tick) -> Ruling | None:
    """Steps changed mid-flight: the weight stays, and on from the first step above it."""
    spec, release, step = tick.obs.spec, tick.release, tick.status.step
    if not tick.in_flight or spec is None or release is None or step is None:
        return None
    written = written_of(spec)
    if written == release.accepted_spec:
        return None
    accepted = accepted_of(release)
    release = release.model_copy(
        update={"accepted_spec": written, "version": spec.candidate.version}
    )
    status = tick.status.model_copy(update={"release": release})
    if accepted is None or (accepted.steps, accepted.bake) != (spec.steps, spec.bake):
        release = transitions.accounted(status, tick.now)
        status = status.model_copy(update={"step": _moved(tick, spec), "release": release})
    before = tick.obs.status.observed_generation if tick.obs.status else 0
    by_class = spec.release_class_name is not None and before == tick.obs.generation
    what = f"ReleaseClass {spec.release_class_name}" if by_class else "the spec"
    text = f"{what} changed: the weight stays, and the release goes on by the new one"
    return Ruling(Rule.START, Reason.VALID, text, status, recorded=True)


def _moved(tick: Tick, spec: ModelReleaseSpec) -> StepStatus:
    old, count = tick.step, len(spec.steps)
    if old.index < 0:
        return transitions.step_at(spec, tick.now, -1)
    above = next((i for i, s in enumerate(spec.steps) if s.weight > tick.intended), count)
    index = count if old.index >= old.count else max(above - 1, 0)
    new = transitions.step_at(spec, tick.now, index, weight=tick.intended)
    covered = min(old.covered_seconds, new.hold_seconds)
    return new.model_copy(update={"verified_at": old.verified_at, "covered_seconds": covered})


def start(tick: Tick) -> Ruling | None:
    """A fingerprint that does not serve becomes a release; one that was reverted rests."""
    spec, serving = tick.obs.spec, tick.status.incumbent
    if tick.in_flight or spec is None or serving is None:
        return None
    name = spec.candidate.workload_ref.name
    if name == serving.workload:
        return _idle(tick)
    workload = tick.obs.workloads.get(name)
    retry = tick.action(ActionType.RETRY)
    release = tick.release
    if ended_like(release, Outcome.REVERTED) and release is not None and retry is None:
        same = release.workload == name
        if same and (workload is None or workload.fingerprint == release.fingerprint):
            return _reverted(tick)
    if (waiting := _given_back(tick)) is not None:
        return waiting
    return _begin(tick, spec, retry if ended_like(release, Outcome.REVERTED) else None)


def _given_back(tick: Tick) -> Ruling | None:
    """An ended release keeps the stage until the route is seen to give it nothing."""
    traffic = tick.status.traffic
    if not ended_like(tick.release, Outcome.REVERTED, Outcome.SUPERSEDED):
        return None
    if not tick.splits or traffic is None or not traffic.observed:
        return None
    text = "waiting until the route has given all of the traffic back to the incumbent"
    return Ruling(Rule.REST, Reason.WEIGHT_NOT_VERIFIED, text, tick.status)


def _begin(tick: Tick, spec: ModelReleaseSpec, retry: Action | None) -> Ruling:
    obs, serving = tick.obs, tick.status.incumbent
    assert serving is not None
    asserted = spec.incumbent
    if asserted is not None and asserted.workload_ref.name != serving.workload:
        text = (
            f"spec.incumbent names {asserted.workload_ref.name}, but {serving.workload} serves: "
            "correct it or remove it"
        )
        return stuck(tick, Missing(Reason.INCUMBENT_MISMATCH, text), Rule.START)
    found = (
        check_rivals(obs) or check_route(obs, spec) or find_arm(obs, spec.candidate, "candidate")
    )
    if isinstance(found, Missing):
        return stuck(tick, found, Rule.START)
    if found.backend.name == serving.backend.name:
        return stuck(tick, shared_service(found.backend.name, serving.workload), Rule.START)
    if spec.traffic.route is not None:
        missing = check_backends(obs, serving.backend, found.backend)
        if missing is not None:
            return stuck(tick, missing, Rule.START)
    rollback = is_rollback(tick.status, spec, found.workload.fingerprint)
    status = transitions.start(tick.status, obs, spec, found.workload, found.backend, rollback)
    assert status.release is not None
    kind = "rollback" if rollback else "release"
    text = f"{kind} of {spec.candidate.version} ({found.workload.name}), attempt {status.release.attempt}"
    return Ruling(
        Rule.START, Reason.STARTED, text, status, recorded=True, announced=True,
        by=retry.by if retry else None, done=(retry,) if retry else (),
    )  # fmt: skip


def _reverted(tick: Tick) -> Ruling:
    release = tick.release
    assert release is not None
    reason = release.reason or Reason.REVERTED
    if tick.left_alone:
        return stuck(tick, Missing(Reason.BACKEND_MISSING, left_alone(tick)), Rule.REST)
    text = f"{release.version} was reverted: {(release.message or '').strip() or reason.value}"
    return Ruling(Rule.REST, reason, text, tick.status, stalled=True)


def _idle(tick: Tick) -> Ruling:
    """The candidate is what serves."""
    serving, workload, release = tick.status.incumbent, tick.incumbent, tick.release
    assert serving is not None
    if ended_like(release, Outcome.REVERTED, Outcome.SUPERSEDED) and release is not None:
        if (waiting := _given_back(tick)) is not None:
            return waiting
        status = tick.status.model_copy(update={"release": None, "step": None, "signals": []})
        text = f"{serving.version} serves; {release.version} is set aside"
        return Ruling(
            Rule.REST, Reason.REVERT_ACKNOWLEDGED, text, status, recorded=True, announced=True
        )
    if workload is None:
        text = f"Deployment {serving.workload}, which serves, is gone: create it again"
        return stuck(tick, Missing(Reason.WORKLOAD_MISSING, text), Rule.REST)
    if workload.fingerprint != serving.fingerprint:
        changed = serving.model_copy(
            update={"fingerprint": workload.fingerprint, "version": _named(tick, serving)}
        )
        status = tick.status.model_copy(update={"incumbent": changed})
        text = f"{serving.workload}, which serves, now runs something else: it was rolled without a release"
        return Ruling(
            Rule.REST, Reason.INCUMBENT_CHANGED, text, status,
            recorded=True, announced=True, warning=True,
        )  # fmt: skip
    if (named := _named(tick, serving)) != serving.version:
        if serving.version != serving.workload:
            return stuck(tick, _other_name(serving, named), Rule.REST)
        # It was adopted when nobody had said its version yet.
        status = tick.status.model_copy(
            update={"incumbent": serving.model_copy(update={"version": named})}
        )
        return _serving(replace(tick, status=status))
    return _serving(tick)


def _named(tick: Tick, serving: Serving) -> str:
    """The version that the spec gives to what serves."""
    return tick.obs.spec.candidate.version if tick.obs.spec is not None else serving.version


def _other_name(serving: Serving, named: str) -> Missing:
    """A version that was raised without its Deployment must not read as promoted."""
    return Missing(
        Reason.VERSION_MISMATCH,
        f"spec.candidate is version {named}, but names {serving.workload}, which serves as "
        f"{serving.version}: name the Deployment of {named} in spec.candidate.workloadRef, or set "
        f"the version back to {serving.version}",
    )


def _serving(tick: Tick) -> Ruling:
    serving = tick.status.incumbent
    assert serving is not None
    route = _missing_given_route(tick)
    if route is not None:
        return stuck(tick, route, Rule.REST)
    observed = tick.status.traffic.observed if tick.status.traffic else None
    if ended_like(tick.release, Outcome.PROMOTED) and observed not in (None, 100):
        text = f"{serving.version} serves, but the route gives it {observed} % of its two arms"
        return Ruling(Rule.REST, Reason.WEIGHTS_DIFFER, text, tick.status)
    text = f"{serving.version} serves"
    return Ruling(Rule.REST, Reason.SERVING, text, _on_its_route(tick))


def _on_its_route(tick: Tick) -> ModelReleaseStatus:
    """With nothing in flight, a changed `spec.traffic` is simply followed."""
    spec, traffic = tick.obs.spec, tick.status.traffic
    assert spec is not None
    assert traffic is not None
    route = transitions.route_of(spec, tick.obs.name)
    return tick.status.model_copy(update={"traffic": traffic.model_copy(update={"route": route})})


def _missing_given_route(tick: Tick) -> Missing | None:
    assert tick.obs.spec is not None
    return check_route(tick.obs, tick.obs.spec) or check_refusal(tick.obs)
