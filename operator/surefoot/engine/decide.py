"""The decision: ordered rules on a frozen observation; the first that speaks wins."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from surefoot.api.plain import one_line
from surefoot.api.status import DecisionRecord, ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Rule
from surefoot.engine import hypothesis, rules_adopt, rules_hope, telling
from surefoot.engine import rules_course as course
from surefoot.engine import rules_hands as hands
from surefoot.engine import rules_progress as progress
from surefoot.engine import rules_safety as safety
from surefoot.engine.acts import MOST_AT_ONCE, finish_actions, remember, without_settled
from surefoot.engine.conditions import conditions_of, phase_of
from surefoot.engine.effects import (
    Decision,
    Effect,
    OpenRecord,
    SetWeights,
    WriteManagedRoute,
)
from surefoot.engine.essence import matters, tells
from surefoot.engine.prepare import begin, finish
from surefoot.engine.queued import waits
from surefoot.engine.recording import account_of
from surefoot.engine.tick import Ruling, Tick, ended_like
from surefoot.engine.weights import (
    FULL,
    back_to,
    changes,
    emptied,
    intent_of,
    kept_rules,
    left_by_hand,
    lists,
)
from surefoot.engine.world import Observation

KEPT_DECISIONS = 20
RESYNC = timedelta(minutes=5)
RECHECK = timedelta(seconds=30)
# Within this a Gateway is expected to have judged a weight.
PATIENCE = timedelta(seconds=1)
_NO_STEP_UP = (Rule.HOLD, Rule.INVALID, Rule.PAUSED, Rule.REPAIR, Rule.SUPERSEDE)

# Revert stands before validation: a spec that became invalid, or a reference that vanished,
# still reverts.
RULES: tuple[Callable[[Tick], Ruling | None], ...] = (
    safety.suspended,
    safety.deleted,
    rules_adopt.adopt,
    safety.revert,
    course.supersede,
    hands.repair,
    hands.held_by_hand,
    hands.still_held,
    hands.fighting,
    course.unsound,
    course.follow_steps,
    course.start,
    progress.hold,
    rules_hope.hoped,
    progress.gate,
    progress.advance,
    progress.promote,
)


def decide(obs: Observation, begun: Tick | None = None) -> Decision:
    """What follows from what is seen. Pure: same observation, same decision.

    `begun` is the tick of `look`, which is used up by it.
    """
    tick = finish(begun or begin(without_settled(obs)), obs.answers)
    ruling = next(r for rule in RULES if (r := rule(tick)) is not None)
    return _settle(replace(tick, obs=obs), ruling)


def _settle(tick: Tick, ruling: Ruling) -> Decision:
    """Turn a ruling into a status, effects and announcements."""
    before = tick.obs.status or ModelReleaseStatus()
    ruling = replace(ruling, message=one_line(ruling.message) or ruling.reason.value)
    reason, message = ruling.shown or (ruling.reason, ruling.message)
    message = "; ".join(filter(None, (message, waits(tick.obs))))
    shown = replace(ruling, reason=reason, message=message)
    phase = phase_of(tick, shown)
    update = {
        "observed_generation": tick.obs.generation,
        "phase": phase,
        "reason": reason,
        "message": one_line(message),
        "conditions": conditions_of(tick, shown, phase),
        "handled_actions": remember(ruling.status, ruling),
    }
    if ruling.recorded:
        update["decisions"] = [*ruling.status.decisions, _record(tick, ruling)][-KEPT_DECISIONS:]
    update["hypothesis"] = hypothesis.ended(ruling.status)
    status = ruling.status.model_copy(update=update)
    account, moved = account_of(tick, ruling, status), matters(before, status)
    finished = finish_actions(tick, ruling)
    effects = (
        *_in_order(ruling, account.opening, _route_effects(tick, ruling, status)),
        *finished,
        *account.closing,
    )
    return Decision(
        rule=ruling.rule,
        reason=ruling.reason,
        status=status,
        save=_has_to_be_saved(tick, status, moved and tells(before, status)),
        moved=moved,
        effects=effects,
        announcements=telling.announcements(tick, ruling, before, status),
        requeue=_requeue(tick, ruling, status) if len(finished) < MOST_AT_ONCE else timedelta(0),
        verdicts={j.signal.name: j.verdict.label for j in tick.judged},
        owed=account.owed,
        urgent=ruling.requeue is not None,
    )


def _in_order(
    ruling: Ruling, opening: tuple[OpenRecord, ...], route: tuple[Effect, ...]
) -> tuple[Effect, ...]:
    """The record stands before any weight goes up; what takes weight away waits for nothing."""
    lowers = ruling.rule in (Rule.REPAIR, Rule.HELD_BY_HAND)
    return (*route, *opening) if lowers else (*opening, *route)


def _record(tick: Tick, ruling: Ruling) -> DecisionRecord:
    traffic = ruling.status.traffic
    return DecisionRecord(
        time=tick.now,
        rule=ruling.rule,
        reason=ruling.reason,
        weight=traffic.intended if traffic else 0,
        message=ruling.message,
        by=ruling.by,
        numbers={s.name: s.value for s in tick.status.signals if s.value is not None},
    )


def _has_to_be_saved(tick: Tick, status: ModelReleaseStatus, news: bool) -> bool:
    return tick.obs.status is None or news or _unverified(tick, status)


def _unverified(tick: Tick, status: ModelReleaseStatus) -> bool:
    """A Gateway that takes its time: what was written is remembered before it is verified, so that
    another operator, too, knows a weight that was lowered since. A quick one costs no write."""
    before = tick.obs.status
    if before is None or before.traffic is None or status.traffic is None or not status.decisions:
        return False
    slow = tick.now - status.decisions[-1].time >= PATIENCE
    return slow and status.traffic.written > before.traffic.written


def _route_effects(tick: Tick, ruling: Ruling, status: ModelReleaseStatus) -> tuple[Effect, ...]:
    """Weights come first: the way back needs no sound spec, and nothing that may be refused."""
    if status.incumbent is None or status.traffic is None:
        return ()
    if not ruling.enforce:
        return _filled(tick) if ruling.rule is Rule.HELD_BY_HAND else ()
    weights = _weights(tick, ruling, status)
    if weights is not None:
        return (weights,)
    managed = _managed_route(tick, status) if status.traffic.route.managed else None
    return (managed,) if managed is not None else ()


def _weights(tick: Tick, ruling: Ruling, status: ModelReleaseStatus) -> SetWeights | None:
    """What brings the route that stands to the intended weight."""
    route, serving, traffic = tick.obs.route, status.incumbent, status.traffic
    release = status.release
    assert serving is not None
    assert traffic is not None
    ours = release is not None and release.outcome is not Outcome.PROMOTED
    if route is None or release is None or not ours or release.backend == serving.backend:
        return None
    percent = traffic.intended
    if ruling.rule in _NO_STEP_UP:
        # What holds a release holds a step up that was intended but not yet written, too; to put a
        # weight right, or to wait for the way back, is no time for it either.
        percent = min(percent, traffic.written)
    splits = kept_rules(route, serving.backend, release.backend)
    left = left_by_hand(status, splits)
    wanted = back_to(splits, left, percent) if left else changes(splits, percent)
    if not wanted:
        return None
    return SetWeights(route.name, route.generation, wanted, intent_of(status, percent))


def _filled(tick: Tick) -> tuple[Effect, ...]:
    """A weight that someone lowered is left alone; a rule that serves nobody is not: the incumbent
    gets what the candidate was not to have."""
    route = tick.obs.route
    wanted = changes(emptied(tick.splits), 0)
    return (SetWeights(route.name, route.generation, wanted),) if wanted and route else ()


def _managed_route(tick: Tick, status: ModelReleaseStatus) -> WriteManagedRoute | None:
    """Create the managed route, or give it the arms and parents that it lacks."""
    spec, route = tick.obs.spec, tick.obs.route
    serving, release, traffic = status.incumbent, status.release, status.traffic
    assert serving is not None
    assert traffic is not None
    if spec is None or spec.traffic.managed_route is None or tick.obs.deleted or tick.obs.refused:
        return None
    managed = spec.traffic.managed_route
    backends = [(serving.backend, FULL)]
    if release is not None and release.outcome is None and release.backend != serving.backend:
        weight = traffic.intended
        backends = [(serving.backend, FULL - weight), (release.backend, weight)]
    if route is None:
        return WriteManagedRoute(traffic.route.name, managed, tuple(backends), generation=None)
    parents = tuple(p.dump() for p in managed.parent_refs)
    same = parents == route.parents and tuple(managed.hostnames) == route.hostnames
    listed = all(lists(route, backend) for backend, _ in backends)
    if not route.managed or (same and listed):
        return None
    if release is None or release.outcome is not None:
        backends = [(serving.backend, FULL)]
    return WriteManagedRoute(route.name, managed, tuple(backends), generation=route.generation)


def _requeue(tick: Tick, ruling: Ruling, status: ModelReleaseStatus) -> timedelta:
    if ruling.requeue is not None:
        return ruling.requeue
    if ruling.recorded:
        return timedelta(0)
    release = status.release
    if release is not None and release.outcome is None and tick.plan is not None:
        return tick.plan.analysis.interval
    waiting = ended_like(release, Outcome.SUPERSEDED) or ruling.stalled
    return RECHECK if waiting else RESYNC
