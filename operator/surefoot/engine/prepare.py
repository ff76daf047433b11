"""The first half of a tick: bring what is known up to date, before any rule speaks. It begins before
Prometheus has answered, as what to ask depends on it, and goes on when it has."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus, StepStatus
from surefoot.api.vocabulary import Outcome, Verdict
from surefoot.engine import compare, hypothesis, intervals, load, watching, weighed
from surefoot.engine.baselines import judge_against
from surefoot.engine.judge import Judged, elapsed_since
from surefoot.engine.questions import Answer, answer_to
from surefoot.engine.tick import Tick, plan_of, revert_capacity, stand_of
from surefoot.engine.weights import (
    FULL,
    changes,
    intent_of,
    kept_rules,
    lost_rules,
    observed_percent,
    share_of,
)
from surefoot.engine.world import Observation
from surefoot.stats.combine import Judgement


def begin(obs: Observation) -> Tick:
    """Fold route and pods into a copy of the status."""
    status = _working_copy(obs.status or ModelReleaseStatus())
    plan = plan_of(obs, status)
    flying = status.release is not None and status.release.outcome is None
    if status.traffic is not None:
        _observe_route(obs, status)
    if flying:
        _mend_clock(obs, status)
    if flying and plan is not None:
        _watch_restarts(obs, status)
        stand = stand_of(status, plan, obs.now)
        status.evidence = compare.begin(status.evidence, stand)
        if status.release is not None and not status.release.rollback:
            status.hypothesis = hypothesis.begin(status.hypothesis, stand)
    elif plan is not None:
        status.watch = watching.begin(obs, status, plan)
    return Tick(obs, status, plan, (), fresh=False)


def finish(begun: Tick, answers: Mapping[str, Answer] | None) -> Tick:
    """Fold the answers in, if there are any, and judge. What was begun is used up by it."""
    obs, status, plan = replace(begun.obs, answers=answers), begun.status, begun.plan
    judged: tuple[Judged, ...] = ()
    evidence: Judgement | None = None
    if plan is not None and begun.in_flight:
        obs = replace(obs, answers=_comparable(obs, status, plan))
        evidence = _compare(obs, status, plan)
        _hope(obs, status, plan)
        judged = _judge(obs, status, plan)
    elif plan is not None and status.watch is not None:
        status.watch = watching.take_in(status.watch, obs, status, plan)
    return Tick(obs, status, plan, judged, _is_fresh(obs, plan), evidence)


def _working_copy(status: ModelReleaseStatus) -> ModelReleaseStatus:
    """A copy of which only what this module writes to is new: copying all of it took half a tick."""
    ours = {"traffic": status.traffic, "step": status.step, "release": status.release}
    return status.model_copy(update={n: part and part.model_copy() for n, part in ours.items()})


def _is_fresh(obs: Observation, plan: ModelReleaseSpec | None) -> bool:
    """Whether this tick has an answer for every signal: one that was not asked for never passes."""
    if obs.answers is None:
        return False
    return plan is None or all(signal.name in obs.answers for signal in plan.signals)


def _observe_route(obs: Observation, status: ModelReleaseStatus) -> None:
    """What the route says now; a weight is verified when every rule carries it and it is accepted."""
    traffic, release, serving = status.traffic, status.release, status.incumbent
    assert traffic is not None
    traffic.revert_capacity = revert_capacity(status, obs)
    if serving is None or obs.route is None:
        return
    if release is None and traffic.intended == 0:
        # The candidate has nothing, and nobody has looked for its backend yet.
        return
    if release is None or release.outcome is Outcome.PROMOTED:
        traffic.observed = share_of(obs.route, serving.backend)
        return
    splits = kept_rules(obs.route, serving.backend, release.backend)
    traffic.observed = observed_percent(splits)
    if lost_rules(obs.route, serving.backend, release):
        traffic.observed = FULL
    if not splits:
        return
    if obs.route.carried == intent_of(status, traffic.intended):
        # Someone may have lowered it since, before it was seen: that is no weight to be written again.
        traffic.written = traffic.intended
    if changes(splits, traffic.intended):
        return
    traffic.written = traffic.intended
    step = status.step
    if release.outcome is not None or step is None or step.index < 0 or status.hold is not None:
        return
    if step.verified_at is None and obs.route.accepted:
        step.verified_at = obs.now
        status.last_evaluated_time = obs.now
        release.warmup_from = release.warmup_from or obs.now


def _mend_clock(obs: Observation, status: ModelReleaseStatus) -> None:
    """Times that are yet to come are of a clock that was set back since: windows begin now, as
    nothing may be unguarded until it has caught up."""
    release, step = status.release, status.step
    if step is not None and step.verified_at is not None and step.verified_at > obs.now:
        step.verified_at = obs.now
    if release is not None and release.warmup_from is not None and release.warmup_from > obs.now:
        release.warmup_from = obs.now


def _watch_restarts(obs: Observation, status: ModelReleaseStatus) -> None:
    """A restart of the same pods (`kubectl rollout restart`) only starts warm-up again."""
    release = status.release
    assert release is not None
    workload = obs.workloads.get(release.workload)
    if workload is None or workload.fingerprint != release.fingerprint:
        return
    if workload.settled and release.pods_ready_at is None:
        release.pods_ready_at = obs.now
    if workload.template_hash != release.template_hash:
        release.template_hash = workload.template_hash
        release.warmup_from = obs.now if release.warmup_from is not None else None


def _judge(
    obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> tuple[Judged, ...]:
    """Judge every signal that has an answer, and let the hold grow by what samples cover."""
    if obs.answers is None:
        return () if plan.signals else _without_signals(obs.now, status, plan)
    stand = stand_of(status, plan, obs.now)
    answered = ((signal, answer_to(obs.answers, signal.name)) for signal in plan.signals)
    judged = tuple(
        judge_against(signal, stand, answer, obs, status)
        for signal, answer in answered
        if answer is not None
    )
    judged = load.overruled(judged, status.evidence, stand, plan)
    judged = weighed.overruled(judged, status.evidence, stand)
    status.signals = [j.status for j in judged]
    covered = all(j.covered for j in judged if j.gates or j.verdict is Verdict.NOT_DUE)
    _grow_hold(status, plan, obs.now, covered)
    return judged


def _compare(
    obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> Judgement | None:
    """Take in the closed intervals that were answered; None where nothing is compared."""
    stand, evidence = stand_of(status, plan, obs.now), status.evidence
    if evidence is not None:
        evidence = intervals.take_in(evidence, stand, obs.answers or {})
        evidence = load.noted(status.evidence, evidence, obs.answers or {})
        evidence, judgement = compare.judge_evidence(evidence, plan)
    status.evidence = evidence
    return judgement if evidence is not None else None


def _comparable(
    obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> Mapping[str, Answer] | None:
    """The answers, without intervals in which the arms' loads were unlike."""
    stand = stand_of(status, plan, obs.now)
    asked = {s.key: s for s in compare.spans(status.evidence, stand)}
    asked |= {s.key: s for s in hypothesis.spans(status.hypothesis, stand)}
    return None if obs.answers is None else load.comparable(obs, status, list(asked.values()))


def _hope(obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec) -> None:
    """Take in the closed intervals of the hypothesis that were answered; a rollback has none."""
    if status.release is not None and status.release.rollback:
        return
    stand, hope = stand_of(status, plan, obs.now), status.hypothesis
    status.hypothesis = hope and hypothesis.take_in(hope, stand, obs.answers or {})


def _without_signals(
    now: datetime, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> tuple[Judged, ...]:
    _grow_hold(status, plan, now, covered=True)
    return ()


def _grow_hold(
    status: ModelReleaseStatus, plan: ModelReleaseSpec, now: datetime, covered: bool
) -> None:
    step = status.step or StepStatus()
    if step.verified_at is None or status.hold is not None or plan.suspend:
        status.last_evaluated_time = now
        return
    if covered:
        grown = elapsed_since(status.last_evaluated_time, now, plan.analysis.interval)
        step.covered_seconds = round(min(step.covered_seconds + grown, step.hold_seconds), 1)
    status.last_evaluated_time = now
