"""The rules of a running release: what blocks a step, when it is over, and what comes next."""

from datetime import timedelta

from surefoot.api.vocabulary import OnBreach, Reason, Rule, Verdict
from surefoot.engine import compare, hypothesis, transitions
from surefoot.engine.baselines import snapshots
from surefoot.engine.early import early, next_index
from surefoot.engine.judge import freeze
from surefoot.engine.references import (
    GRACE_S,
    Missing,
    check_backends,
    check_refusal,
    check_rivals,
    left_alone,
    no_gateway,
)
from surefoot.engine.tick import Ruling, Tick, overdue
from surefoot.engine.weights import FULL, too_coarse
from surefoot.stats.combine import Ruling as Asked

_BLOCKED_BY = {
    Verdict.NO_DATA: Reason.SIGNAL_NO_DATA,
    Verdict.INCONCLUSIVE: Reason.SIGNAL_INCONCLUSIVE,
    Verdict.ERROR: Reason.SIGNAL_ERROR,
    Verdict.FAIL: Reason.SIGNAL_BREACH,
}


def _held(
    tick: Tick, reason: Reason, text: str, *, stalled: bool = False, accepted: bool = True
) -> Ruling:
    return Ruling(
        Rule.HOLD, reason, text, tick.status, announced=True, stalled=stalled, accepted=accepted
    )


def hold(tick: Tick) -> Ruling | None:
    """What blocks the next step however long the hold has lasted."""
    if not tick.in_flight or tick.plan is None:
        return None
    if (rival := check_rivals(tick.obs)) is not None:
        return _held(tick, rival.reason, rival.message, stalled=True, accepted=False)
    if tick.step.index < 0:
        return _blocked_start(tick)
    if tick.release is not None and tick.release.rollback:
        return None
    return _blocked_arms(tick) or _too_long(tick) or _blocked_signals(tick)


def _blocked_start(tick: Tick) -> Ruling | None:
    """From 0 to the first step: pods, backends, an accepted route and an answering Prometheus."""
    release, serving, workload = tick.release, tick.status.incumbent, tick.candidate
    assert release is not None
    assert serving is not None
    if workload is None or not workload.settled:
        pods = f"{workload.available} of {workload.replicas}" if workload else "0"
        text = f"waiting for {release.workload}: {pods} pods available"
        return _held(tick, Reason.WAITING_FOR_CANDIDATE, text)
    if (refused := check_refusal(tick.obs)) is not None:
        return _held(tick, refused.reason, refused.message, stalled=True, accepted=False)
    missing = check_backends(tick.obs, serving.backend, release.backend)
    if tick.obs.route is None:
        missing = Missing(Reason.ROUTE_MISSING, "the HTTPRoute does not exist yet: create it")
    if missing is not None:
        managed = tick.status.traffic is not None and tick.status.traffic.route.managed
        if managed:
            # Ours to write, and under way; what refuses it is told above.
            return Ruling(Rule.HOLD, missing.reason, missing.message, tick.status)
        return _held(tick, missing.reason, missing.message, stalled=True, accepted=False)
    if release.rollback:
        return _blocked_route(tick)
    return _blocked_route(tick) or _blocked_incumbent(tick) or _blocked_metrics(tick)


def _blocked_route(tick: Tick) -> Ruling | None:
    route, plan = tick.obs.route, tick.plan
    assert plan is not None
    if route is None or route.accepted is None:
        return _unjudged(tick)
    if not route.accepted:
        text = f"{route.verdict}; correct HTTPRoute {route.name} or what its Gateway allows"
        return _held(tick, Reason.ROUTE_NOT_ACCEPTED, text, stalled=tick.step.index < 0)
    repeated = next((split for split in tick.splits if split.repeats), None)
    if repeated is not None:
        text = f"rule {repeated.rule} lists a backend of one arm more than once: list each arm once"
        return _held(tick, Reason.ROUTE_UNSUITABLE, text, stalled=True)
    target = plan.weight_of(next_index(tick, plan))
    coarse = too_coarse(tick.splits, target)
    if coarse is not None:
        text = (
            f"the arms' weights in rule {coarse.rule} sum to {coarse.pool} beside other backends, too "
            f"few for {target} %: give them a sum of 100"
        )
        return _held(tick, Reason.ROUTE_UNSUITABLE, text, stalled=True)
    return None


def _unjudged(tick: Tick) -> Ruling:
    """A Gateway judges a change within moments; only a long silence is worth an Event."""
    step = tick.step
    if step.index >= 0 and step.verified_at is None:
        text = f"waiting for the route to carry {tick.intended} %"
        return Ruling(
            Rule.GATE, Reason.WEIGHT_NOT_VERIFIED, text, tick.status, requeue=timedelta(seconds=1)
        )
    since = step.entered_at
    silent = since is not None and (tick.now - since).total_seconds() > GRACE_S
    text = no_gateway(tick.obs.route) if tick.obs.route else "the HTTPRoute does not exist yet"
    if step.index < 0 and not silent:
        return Ruling(Rule.HOLD, Reason.WEIGHT_NOT_VERIFIED, text, tick.status)
    waits = step.index < 0
    return Ruling(
        Rule.HOLD, Reason.ROUTE_NOT_ACCEPTED, text, tick.status, announced=waits, stalled=waits
    )


def _blocked_metrics(tick: Tick) -> Ruling | None:
    assert tick.plan is not None
    if not tick.plan.signals:
        return None
    if not tick.fresh:
        known = tick.status.reason is Reason.WAITING_FOR_METRICS
        text = tick.status.message if known else "asking Prometheus"
        return Ruling(Rule.HOLD, Reason.WAITING_FOR_METRICS, text, tick.status)
    blind = [j for j in tick.judged if not j.covered and j.signal.on_breach is not OnBreach.OBSERVE]
    if blind:
        text = "; ".join(f"{j.signal.name}: {j.status.reason}" for j in blind)
        return _held(tick, Reason.WAITING_FOR_METRICS, text)
    return None


def _blocked_incumbent(tick: Tick) -> Ruling | None:
    traffic, serving = tick.status.traffic, tick.status.incumbent
    assert traffic is not None
    assert serving is not None
    capacity = traffic.revert_capacity or 0.0
    if capacity >= 1.0:
        return None
    text = f"{serving.workload} could take back {capacity * 100:.0f} % of the traffic only"
    return _held(tick, Reason.INCUMBENT_NOT_READY, text)


def _blocked_arms(tick: Tick) -> Ruling | None:
    """The incumbent must be able to take all of it back, and every candidate pod must be there."""
    if (blocked := _blocked_incumbent(tick)) is not None:
        return blocked
    workload = tick.candidate
    if workload is not None and not workload.settled:
        text = f"{workload.available} of {workload.replicas} pods of {workload.name} are available"
        return _held(tick, Reason.CANDIDATE_NOT_READY, text)
    route, serving = tick.obs.route, tick.status.incumbent
    if tick.left_alone:
        return _held(tick, Reason.BACKEND_MISSING, left_alone(tick), stalled=True, accepted=False)
    if route is not None and serving is not None and not tick.splits:
        return _lone_candidate(tick)
    return _blocked_route(tick)


def _lone_candidate(tick: Tick) -> Ruling | None:
    """The incumbent's backendRef is missing: 0/0 would be an outage, so it is left as it is."""
    release, serving = tick.release, tick.status.incumbent
    assert release is not None
    assert serving is not None
    missing = check_backends(tick.obs, serving.backend, release.backend)
    text = missing.message if missing else "no rule of the route lists both arms: list them in one"
    return _held(tick, Reason.BACKEND_MISSING, text, stalled=True, accepted=False)


def _too_long(tick: Tick) -> Ruling | None:
    said = overdue(tick)
    if said is None:
        return None
    text = f"{said}: abort it (kubectl surefoot abort {tick.obs.name}) or raise spec.maxDuration"
    return _held(tick, Reason.MAX_DURATION_EXCEEDED, text, stalled=True)


def _blocked_signals(tick: Tick) -> Ruling | None:
    """Errors block at once; the rest only when the hold is over and nothing else is awaited."""
    if not tick.fresh and tick.status.reason in _BLOCKED_BY.values():
        # Between two answers nothing is known that is newer than the last one.
        return Ruling(Rule.HOLD, tick.status.reason, tick.status.message, tick.status)
    if tick.evidence is not None and tick.evidence.ruling is Asked.HOLD:
        assert tick.status.evidence is not None
        assert tick.plan is not None
        return _held(
            tick, Reason.SIGNAL_INCONCLUSIVE, compare.text(tick.status.evidence, tick.plan)
        )
    over = tick.step.covered_seconds >= tick.step.hold_seconds
    worst = max((j for j in tick.judged if j.gates), key=lambda j: j.verdict, default=None)
    if worst is None or worst.verdict is Verdict.PASS:
        return None
    held = worst.verdict is Verdict.FAIL and worst.signal.on_breach is OnBreach.HOLD
    blind = not worst.covered and _settled_in(tick)
    if not (over or held or blind or worst.verdict is Verdict.ERROR):
        return None
    text = f"{worst.signal.name}: {worst.status.reason}"
    return _held(tick, _BLOCKED_BY[worst.verdict], text)


def _settled_in(tick: Tick) -> bool:
    """Whether the step has lasted long enough for its first samples to be missed."""
    verified, plan = tick.step.verified_at, tick.plan
    assert plan is not None
    if verified is None:
        return False
    grace = max(plan.analysis.interval.total_seconds() * 3, GRACE_S)
    return (tick.now - verified).total_seconds() > grace


def gate(tick: Tick) -> Ruling | None:
    """The weight must have been verified, the hold covered, and this tick's answers fresh."""
    if not tick.in_flight or tick.plan is None:
        return None
    step = tick.step
    if step.index < 0 or (tick.release is not None and tick.release.rollback and step.verified_at):
        return None
    if step.verified_at is None:
        text = f"waiting for the route to carry {tick.intended} %"
        return Ruling(Rule.GATE, Reason.WEIGHT_NOT_VERIFIED, text, tick.status)
    where = "bake" if tick.baking else f"step {step.position}"
    short = step.covered_seconds < step.hold_seconds and early(tick) is None
    if short or (tick.plan.signals and not tick.fresh):
        text = f"{where} at {tick.intended} %, held for {step.hold_seconds:.0f} s"
        return Ruling(Rule.GATE, Reason.HOLD_RUNNING, text, tick.status)
    return None


def advance(tick: Tick) -> Ruling | None:
    """One step up; a rollback goes to 100 at once."""
    if not tick.in_flight or tick.plan is None or tick.baking or tick.release is None:
        return None
    count = len(tick.plan.steps)
    index = count if tick.release.rollback else next_index(tick, tick.plan)
    target = tick.plan.weight_of(index)
    status = transitions.reach(tick.status, tick.plan, tick.now, index)
    if target == FULL > tick.intended and tick.obs.answers is not None:
        frozen = [freeze(j.signal, j.status, tick.obs.answers[j.signal.name]) for j in tick.judged]
        status = status.model_copy(update={"signals": frozen})
    text = f"from {tick.intended} to {target} % ({transitions.position(index, count)})"
    if tick.step.covered_seconds < tick.step.hold_seconds and (why := early(tick)):
        text = f"{text}, early: {why}"
    waiting = (Reason.WEIGHT_NOT_VERIFIED, f"waiting for the route to carry {target} %")
    return Ruling(Rule.ADVANCE, Reason.STEP_REACHED, text, status, recorded=True, shown=waiting)


def promote(tick: Tick) -> Ruling | None:
    """All steps and the bake passed."""
    if not tick.in_flight or not tick.baking or tick.release is None:
        return None
    back = " again, without steps (rollbackWindow)" if tick.release.rollback else ""
    text = f"{tick.release.version} serves alone{back}{hypothesis.account(tick.status)}"
    status = transitions.promote(tick.status, tick.obs, text)
    if tick.plan is not None and tick.obs.answers is not None:
        kept = snapshots(tick.status, tick.plan.signals, tick.obs.answers)
        status = status.model_copy(update={"snapshots": kept})
    reason = Reason.ROLLED_BACK if tick.release.rollback else Reason.PROMOTED
    return Ruling(Rule.PROMOTE, reason, text, status, recorded=True, announced=True)
