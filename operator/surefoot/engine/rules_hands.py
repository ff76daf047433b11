"""Rules for hands on the weights: a raise is put right, a lowering and a Pause hold until a Resume."""

from datetime import timedelta
from operator import gt, lt

from surefoot.api.base import MOST_COUNTED
from surefoot.api.vocabulary import ActionType, Outcome, Reason, Rule
from surefoot.engine import transitions
from surefoot.engine.tick import Ruling, Tick, ended_like
from surefoot.engine.weights import (
    FULL,
    is_lowered,
    is_raised,
    left_by_hand,
    observed_percent,
    whole_percents,
)

FIGHT_AFTER = 3
QUIET = timedelta(minutes=5)
# A broken candidate must not keep what someone writes again and again.
MOST_BACKOFF_S = 2.0
_FOUGHT = "the candidate's weight is raised again and again: stop what writes this route"


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
    wait = _backoff(count)
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


def _backoff(count: int) -> timedelta:
    """How long after the last repair the next one comes."""
    if count < FIGHT_AFTER:
        return timedelta(0)
    return timedelta(seconds=min(2.0 ** min(count - FIGHT_AFTER, 9), MOST_BACKOFF_S))


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
