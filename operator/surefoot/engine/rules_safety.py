"""The rules that speak first: hands off, gone, and back to the incumbent."""

from datetime import datetime, timedelta

from surefoot.api.plain import one_line
from surefoot.api.signal_status import SignalStatus
from surefoot.api.spec import OnInconclusive, OnNoData
from surefoot.api.vocabulary import ActionType, OnBreach, Outcome, Reason, Rule, Verdict
from surefoot.engine import compare, hypothesis, transitions
from surefoot.engine.recording import keeps_weights
from surefoot.engine.references import check_backends
from surefoot.engine.tick import Ruling, Tick, overdue
from surefoot.engine.weights import lists, names
from surefoot.stats.combine import Ruling as Asked

# Of a release that is gone nothing wakes it when the incumbent's pods come back.
LOOK_AGAIN = timedelta(seconds=30)


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
    return route is None or managed or names(route, serving.backend)


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
