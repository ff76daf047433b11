"""The rules that speak first: hands off, gone, back to the incumbent, and hands on the weights."""

from datetime import datetime, timedelta
from operator import gt, lt

from surefoot.api.plain import one_line
from surefoot.api.spec import OnInconclusive, OnNoData
from surefoot.api.status import MOST_COUNTED, SignalStatus
from surefoot.api.vocabulary import ActionType, OnBreach, Outcome, Reason, Rule, Verdict
from surefoot.engine import compare, hypothesis, transitions
from surefoot.engine.recording import keeps_weights
from surefoot.engine.references import check_backends
from surefoot.engine.tick import Ruling, Tick, ended_like, overdue
from surefoot.engine.weights import (
    FULL,
    is_lowered,
    is_raised,
    left_by_hand,
    lists,
    observed_percent,
    whole_percents,
)
from surefoot.stats.combine import Ruling as Asked

FIGHT_AFTER = 3
QUIET = timedelta(minutes=5)
# Of a release that is gone nothing wakes it when the incumbent's pods come back.
LOOK_AGAIN = timedelta(seconds=30)
# A broken candidate must not keep what someone writes again and again.
MOST_BACKOFF_S = 2.0
_FOUGHT = "the candidate's weight is raised again and again: stop what writes this route"


def suspended(tick: Tick) -> Ruling | None:
    """`suspend: true`: hands off entirely."""
    if tick.plan is None or not tick.plan.suspend:
        return None
    message = "suspended: nothing is moved and nothing is guarded until spec.suspend is false"
    return Ruling(Rule.SUSPENDED, Reason.SUSPENDED, message, tick.status, enforce=False)


def deleted(tick: Tick) -> Ruling | None:
    """Deleted mid-release: traffic to the incumbent first, unless it is to be left or cannot be
    taken; a revert that was decided before is carried out."""
    if not tick.obs.deleted:
        return None
    leave = keeps_weights(tick)
    if not tick.in_flight or (tick.intended == 0 and tick.written == 0) or leave:
        enforce = not (tick.in_flight and leave)
        return Ruling(Rule.DELETED, Reason.DELETED, "deleted", tick.status, enforce=enforce)
    if not _incumbent_serves(tick):
        text = f"deleted at {tick.intended} %, but no incumbent can serve: the weights stay"
        return Ruling(
            Rule.DELETED, Reason.DELETED, text, tick.status,
            announced=True, warning=True, enforce=False, requeue=LOOK_AGAIN,
        )  # fmt: skip
    message = f"deleted at {tick.intended} %: all of the traffic goes back to the incumbent"
    status = transitions.fall_back(tick.status, tick.obs, Outcome.REVERTED, Reason.DELETED, message)
    return Ruling(Rule.DELETED, Reason.DELETED, message, status, recorded=True, announced=True)


def revert(tick: Tick) -> Ruling | None:
    """A breach, an Abort, or an arm that is gone: the traffic goes back, spec sound or not."""
    if not tick.in_flight:
        return None
    cause = _cause(tick)
    if cause is None:
        return None
    reason, message, by = cause
    message += hypothesis.account(tick.status)
    abort = tick.action(ActionType.ABORT)
    done = (abort,) if reason is Reason.ABORTED and abort else ()
    if tick.intended > 0 and not _incumbent_serves(tick):
        return _nowhere_to_go(tick, reason, message)
    # What was under way when a status was lost did nothing wrong: it may start anew.
    lost = reason is Reason.STATUS_LOST
    outcome = Outcome.SUPERSEDED if lost else Outcome.REVERTED
    status = transitions.fall_back(tick.status, tick.obs, outcome, reason, message)
    return Ruling(
        Rule.REVERT, reason, message, status,
        recorded=True, announced=True, warning=True, stalled=not lost, by=by, done=done,
    )  # fmt: skip


def _incumbent_serves(tick: Tick) -> bool:
    """Whether anything could answer at 100 % incumbent; a vanished route cannot be made worse."""
    serving, route = tick.status.incumbent, tick.obs.route
    if serving is None or tick.incumbent is None or tick.incumbent.available == 0:
        return False
    if not tick.obs.has(serving.backend):
        return False
    managed = tick.status.traffic is not None and tick.status.traffic.route.managed
    return route is None or managed or lists(route, serving.backend)


def _nowhere_to_go(tick: Tick, reason: Reason, message: str) -> Ruling:
    """Both arms are broken: moving weights cannot help, a person must; the cause is remembered."""
    release, serving = tick.release, tick.status.incumbent
    assert release is not None
    owed = release.model_copy(update={"reason": reason, "message": one_line(message)})
    status = tick.status.model_copy(update={"release": owed})
    name = serving.workload if serving else "the incumbent"
    text = (
        f"{message}; but {name} cannot serve either, so the weights stay: bring its pods and its "
        "backendRef back, and the revert follows by itself"
    )
    return Ruling(
        Rule.REVERT, Reason.BOTH_ARMS_BROKEN, text, status,
        recorded=tick.status.reason is not Reason.BOTH_ARMS_BROKEN, announced=True, warning=True, enforce=False, stalled=True,
    )  # fmt: skip


def _cause(tick: Tick) -> tuple[Reason, str, str | None] | None:
    """The first reason to go back, with its sentence and the person behind it."""
    release = tick.release
    assert release is not None
    abort = tick.action(ActionType.ABORT)
    if abort is not None:
        why = f": {abort.message}" if abort.message else ""
        return Reason.ABORTED, f"aborted by {abort.by}{why}", abort.by
    if release.reason is not None:
        return release.reason, release.message or "", None
    found = _broken_arm(tick) if tick.step.index >= 0 else _late(tick)
    return found or _breach(tick) or _regression(tick) or _blind(tick) or _undecided(tick)


def _late(tick: Tick) -> tuple[Reason, str, None] | None:
    """At weight 0 only the start deadline counts."""
    assert tick.release is not None
    if tick.plan is None or tick.status.hold is not None:
        return None
    waited = (tick.now - tick.release.started_at).total_seconds() - tick.release.paused_seconds
    if tick.release.pods_ready_at is not None or waited <= tick.plan.start_deadline.total_seconds():
        return None
    pods = f"{tick.candidate.available} of {tick.candidate.replicas}" if tick.candidate else "no"
    text = f"{pods} pods of {tick.release.workload} available after {waited:.0f} s (startDeadline)"
    return Reason.START_DEADLINE_EXCEEDED, text, None


def _broken_arm(tick: Tick) -> tuple[Reason, str, None] | None:
    """What the API server reports: needs no metrics and no sound spec."""
    release, serving = tick.release, tick.status.incumbent
    assert release is not None
    assert serving is not None
    if tick.candidate is None:
        text = f"Deployment {release.workload} was deleted at {tick.intended} %"
        return Reason.CANDIDATE_DELETED, text, None
    if tick.candidate.available == 0:
        text = f"Deployment {release.workload} has no available pod at {tick.intended} %"
        return Reason.CANDIDATE_UNAVAILABLE, text, None
    if not tick.obs.has(release.backend):
        text = f"Service {release.backend.name} or its port {release.backend.port} is gone at {tick.intended} %"
        return Reason.CANDIDATE_BACKEND_MISSING, text, None
    if tick.obs.route is None:
        text = f"the HTTPRoute is gone at {tick.intended} %: create it again"
        return Reason.ROUTE_MISSING, text, None
    missing = check_backends(tick.obs, serving.backend, release.backend)
    if missing is not None and not lists(tick.obs.route, release.backend):
        return Reason.BACKEND_MISSING, missing.message, None
    return None


def _breach(tick: Tick) -> tuple[Reason, str, None] | None:
    failed = [j for j in tick.gating(Verdict.FAIL) if j.signal.on_breach is OnBreach.REVERT]
    if not failed:
        return None
    text = "; ".join(f"{j.signal.name}: {j.status.reason}" for j in failed)
    return Reason.THRESHOLD_CROSSED, f"{text}; at {tick.intended} %", None


def _regression(tick: Tick) -> tuple[Reason, str, None] | None:
    """The evidence of all comparisons together says that the candidate is worse."""
    evidence, plan = tick.status.evidence, tick.plan
    if tick.evidence is None or tick.evidence.ruling is not Asked.REVERT:
        return None
    assert evidence is not None
    assert plan is not None
    values = next((s for s in tick.status.signals if s.name == evidence.leading), None)
    seen = ""
    if values is not None and values.value is not None and values.incumbent_value is not None:
        seen = f": now {values.value:.3g} against {values.incumbent_value:.3g}"
    return Reason.REGRESSION, f"{compare.text(evidence, plan)}{seen}; at {tick.intended} %", None


def _blind(tick: Tick) -> tuple[Reason, str, None] | None:
    """`onNoData: Revert`, once a signal has been without data for its own window."""
    plan, verified = tick.plan, tick.step.verified_at
    if plan is None or plan.on_no_data is not OnNoData.REVERT or verified is None:
        return None
    for j in tick.gating(Verdict.NO_DATA, Verdict.ERROR):
        patience = j.signal.delay + j.signal.window + 2 * plan.analysis.interval
        if tick.now >= _last_data(j.status, verified) + patience + plan.analysis.warmup:
            text = f"{j.signal.name}: {j.status.reason} (onNoData: Revert) at {tick.intended} %"
            return Reason.NO_DATA, text, None
    return None


def _undecided(tick: Tick) -> tuple[Reason, str, None] | None:
    """`onInconclusive: Revert`, at maxDuration."""
    if tick.plan is None or tick.plan.on_inconclusive is not OnInconclusive.REVERT:
        return None
    text = overdue(tick)
    if text is None:
        return None
    text = f"{text} (onInconclusive: Revert) at {tick.intended} %"
    return Reason.MAX_DURATION_EXCEEDED, text, None


def _last_data(signal: SignalStatus, verified: datetime) -> datetime:
    return max(verified, signal.sampled_at or verified)


def enforces(tick: Tick) -> bool:
    """Weights are ours while a release is in flight, and after a revert."""
    return tick.in_flight or ended_like(tick.release, Outcome.REVERTED, Outcome.SUPERSEDED)


def repair(tick: Tick) -> Ruling | None:
    """Someone gave the candidate more than intended: put right, every time, with backoff."""
    if not enforces(tick) or not _raised(tick):
        return None
    traffic, route = tick.status.traffic, tick.obs.route
    assert traffic is not None
    assert route is not None
    since = _since_repair(tick)
    # Decided before and not written, as after a crash: nobody has raised it once more.
    last = (traffic.repaired_uid, traffic.repaired_generation)
    again = since is not None and last == (route.uid, route.generation)
    count = 1 if since is None else min(traffic.repairs + (not again), MOST_COUNTED)
    seen, left = observed_percent(tick.splits), left_by_hand(tick.status, tick.splits)
    weight = min(tick.intended, tick.written, max(left, default=FULL))
    message = (
        f"the candidate's weight was raised from {weight} to {seen} by {route.manager}: put right"
    )
    fight = count >= FIGHT_AFTER
    if fight:
        message += f", the {count}. time in a row: stop {route.manager} from writing this route"
    wait = (
        timedelta(seconds=min(2.0 ** min(count - FIGHT_AFTER, 9), MOST_BACKOFF_S))
        if fight
        else timedelta(0)
    )
    if since is not None and since < wait and not again:
        told = tick.status.reason is Reason.WEIGHT_FIGHT
        said = tick.status.message if told else message
        return Ruling(
            Rule.REPAIR, Reason.WEIGHT_FIGHT, said, tick.status,
            enforce=False, stalled=True, requeue=wait - since,
        )  # fmt: skip
    reason = Reason.WEIGHT_FIGHT if fight else Reason.WEIGHT_RAISED
    status = tick.status
    if not again:
        update = {"repairs": count, "repaired_at": tick.now, "written": weight}
        seen_as = {"repaired_uid": route.uid, "repaired_generation": route.generation}
        now = traffic.model_copy(update={**update, **seen_as})
        status = status.model_copy(update={"traffic": now})
    return Ruling(
        Rule.REPAIR, reason, message, status,
        recorded=not again, announced=not again, warning=True, stalled=fight,
    )  # fmt: skip


def _raised(tick: Tick) -> bool:
    """More than intended; after a lowering more than it left, until a Resume."""
    left = left_by_hand(tick.status, tick.splits)
    if not left:
        return is_raised(tick.splits, max(tick.intended, tick.written))
    return any(map(gt, whole_percents(tick.splits), left))


def _since_repair(tick: Tick) -> timedelta | None:
    """How long ago a weight was put right, None when that is long ago; a time that is yet to come
    is a clock that was set back, and stops nothing."""
    traffic = tick.status.traffic
    if traffic is None or traffic.repaired_at is None:
        return None
    since = tick.now - traffic.repaired_at
    return since if timedelta(0) <= since <= QUIET else None


def held_by_hand(tick: Tick) -> Ruling | None:
    """A weight that someone lowered, a Pause, and the Resume that ends both."""
    if not tick.in_flight:
        return None
    resume, pause = tick.action(ActionType.RESUME), tick.action(ActionType.PAUSE)
    if tick.status.hold is not None and resume is not None:
        status = transitions.resume(tick.status, tick.obs)
        text = f"resumed by {resume.by} at {tick.intended} %"
        return Ruling(
            Rule.HELD_BY_HAND, Reason.RESUMED, text, status,
            recorded=True, announced=True, by=resume.by, done=(resume,),
        )  # fmt: skip
    if _lowered(tick):
        return _hold_lowered(tick)
    if pause is not None and tick.status.hold is None:
        why = f": {pause.message}" if pause.message else ""
        text = f"paused by {pause.by} at {tick.intended} %{why}; a Resume goes on"
        status = transitions.hold_by_hand(tick.status, tick.obs, Reason.PAUSED, pause.by, text)
        return Ruling(
            Rule.PAUSED, Reason.PAUSED, text, status,
            recorded=True, announced=True, by=pause.by, done=(pause,),
        )  # fmt: skip
    return None


def fighting(tick: Tick) -> Ruling | None:
    """Weights that someone keeps raising: no step up until that has been quiet for a while."""
    traffic = tick.status.traffic
    if not tick.in_flight or traffic is None or traffic.repairs < FIGHT_AFTER:
        return None
    if _since_repair(tick) is None:
        return None
    fights = [d for d in tick.status.decisions if d.reason is Reason.WEIGHT_FIGHT]
    text = fights[-1].message if fights else _FOUGHT
    return Ruling(Rule.HOLD, Reason.WEIGHT_FIGHT, text, tick.status, stalled=True)


def _lowered(tick: Tick) -> bool:
    left = left_by_hand(tick.status, tick.splits)
    if left:
        return any(map(lt, whole_percents(tick.splits), left))
    hold = tick.status.hold
    already = hold is not None and hold.reason is Reason.WEIGHT_LOWERED
    return not already and tick.written > 0 and is_lowered(tick.splits, tick.written)


def _hold_lowered(tick: Tick) -> Ruling:
    route, seen = tick.obs.route, observed_percent(tick.splits)
    assert route is not None
    was = max(left_by_hand(tick.status, tick.splits), default=tick.written)
    text = (
        f"the candidate's weight was lowered from {was} to {seen} by {route.manager}: held "
        f"until someone resumes (kubectl surefoot resume {tick.obs.name})"
    )
    status = transitions.hold_by_hand(
        tick.status, tick.obs, Reason.WEIGHT_LOWERED, route.manager, text
    )
    assert status.hold is not None
    earlier, now = tick.status.hold, whole_percents(tick.splits)
    update = {"left": now, "since": earlier.since if earlier else status.hold.since}
    status = status.model_copy(update={"hold": status.hold.model_copy(update=update)})
    return Ruling(
        Rule.HELD_BY_HAND, Reason.WEIGHT_LOWERED, text, status,
        recorded=True, announced=True, warning=True, enforce=False,
    )  # fmt: skip


def still_held(tick: Tick) -> Ruling | None:
    """The hold goes on; a Pause keeps its weight, a lowered weight is left alone."""
    hold = tick.status.hold
    if hold is None or not tick.in_flight:
        return None
    paused = hold.reason is Reason.PAUSED
    rule = Rule.PAUSED if paused else Rule.HELD_BY_HAND
    return Ruling(rule, hold.reason, hold.message, tick.status, enforce=paused)
