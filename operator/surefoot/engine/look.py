"""What to ask Prometheus, now and at the time when it is to be asked next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from surefoot.api.signals import Signal
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine import hypothesis, watching
from surefoot.engine import rules_safety as safety
from surefoot.engine.acts import without_settled
from surefoot.engine.compare import spans
from surefoot.engine.judge import Stand, window_start
from surefoot.engine.prepare import begin
from surefoot.engine.questions import ArmRef, Question
from surefoot.engine.tick import Tick, plan_of, source_of, stand_of
from surefoot.engine.world import Observation

DEFAULT_INTERVAL = timedelta(seconds=15)


@dataclass(frozen=True)
class Look:
    """What a tick has before Prometheus answers: what to ask, how often, and the tick as far as it has
    come."""

    questions: tuple[Question, ...]
    interval: timedelta
    tick: Tick


def look(obs: Observation) -> Look:
    """What to ask Prometheus now, and how often; nothing when the world alone decides already.

    Every question carries the matchers of the plan's source.
    """
    tick = begin(without_settled(replace(obs, answers=None)))
    return Look(_forced(tick), _interval(tick), tick)


def look_ahead(obs: Observation, status: ModelReleaseStatus, due: datetime) -> tuple[Question, ...]:
    """What `look` will ask at `due` if nothing happens until then to a release of which `status` was
    decided on `obs`."""
    then = replace(obs, now=due, status=status, answers=None)
    return _forced(Tick(then, status, plan_of(then, status), (), fresh=False))


def _forced(tick: Tick) -> tuple[Question, ...]:
    source, every = source_of(tick.plan), _questions(tick)
    if source is None or not source.matchers:
        return every
    return tuple(replace(question, matchers=source.forced) for question in every)


def _interval(tick: Tick) -> timedelta:
    if tick.plan is None:
        return DEFAULT_INTERVAL
    watches = not tick.in_flight and not tick.obs.deleted
    return watching.interval_of(tick.plan) if watches else tick.plan.analysis.interval


def _questions(tick: Tick) -> tuple[Question, ...]:
    obs, plan, release, serving = tick.obs, tick.plan, tick.release, tick.status.incumbent
    if plan is None or obs.deleted:
        return ()
    if release is None or serving is None or not tick.in_flight:
        return () if tick.in_flight else watching.questions(obs, tick.status, plan)
    waiting = tick.step.index < 0 and (tick.candidate is None or not tick.candidate.settled)
    if plan.suspend or waiting or release.rollback or safety.revert(tick) is not None:
        return ()
    stand = stand_of(tick.status, plan, obs.now)
    arms = (
        ArmRef(release.workload, release.backend.name, release.backend.port),
        ArmRef(serving.workload, serving.backend.name, serving.backend.port),
    )
    windows = [
        Question(signal, obs.namespace, *arms, _start_of(signal, stand, release.started_at))
        for signal in plan.signals
    ]
    hoped = hypothesis.spans(tick.status.hypothesis, stand)
    closed = {
        span.key: Question(span.signal, obs.namespace, *arms, span.start, span.end)
        for span in (*spans(tick.status.evidence, stand), *hoped)
    }
    asked = (*windows, *closed.values())
    return tuple(q for each in asked for q in each.per_arm())


def _start_of(signal: Signal, stand: Stand, started_at: datetime) -> datetime:
    """Stable from tick to tick, as an answer is taken for the question that it was asked for.

    At weight 0 the incumbent is looked at over the window before the release.
    """
    if stand.index < 0:
        return started_at - signal.window
    return window_start(signal, stand)
