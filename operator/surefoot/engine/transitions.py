"""How a status changes when a release starts, steps, ends: pure functions, one per transition."""

from datetime import datetime

from surefoot.api.base import MOST_COUNTED
from surefoot.api.plain import one_line
from surefoot.api.spec import Candidate, ModelReleaseSpec
from surefoot.api.status import (
    MOST_SECONDS,
    Backend,
    Exposure,
    HandHold,
    ModelReleaseStatus,
    PastRelease,
    Released,
    Retirable,
    RouteStatus,
    Serving,
    StepStatus,
    TrafficStatus,
)
from surefoot.api.vocabulary import Outcome, Reason
from surefoot.engine.recovery import history_of
from surefoot.engine.weights import FULL, lone_rules
from surefoot.engine.world import Observation, Workload

KEPT_HISTORY = 20
KEPT_RETIRABLE = 10


def route_of(spec: ModelReleaseSpec, name: str) -> RouteStatus:
    """The route that a spec means: its own, named as the release, or the given one."""
    given = spec.traffic.route
    return RouteStatus(name=given.name if given else name, managed=given is None)


def position(index: int, count: int) -> str:
    """`start`, `2/5` or `bake`."""
    if index < 0:
        return "start"
    return "bake" if index >= count else f"{index + 1}/{count}"


def step_at(
    plan: ModelReleaseSpec, now: datetime, index: int, weight: int | None = None
) -> StepStatus:
    """A step that has just been entered and whose weight is not verified yet."""
    count = len(plan.steps)
    return StepStatus(
        index=index,
        entered_at=now,
        count=count,
        position=position(index, count),
        weight=plan.weight_of(index) if weight is None else weight,
        hold_seconds=plan.hold_of(index).total_seconds() if index >= 0 else 0,
    )


def serve(obs: Observation, arm: Candidate, backend: Backend, workload: Workload) -> Serving:
    """The arm as what serves from now on."""
    return Serving(
        version=arm.version or workload.name,
        workload=workload.name,
        backend=backend,
        fingerprint=workload.fingerprint,
        since=obs.now,
    )


def adopt(
    status: ModelReleaseStatus,
    obs: Observation,
    serving: Serving,
    route: RouteStatus,
    lost: Released | None,
) -> ModelReleaseStatus:
    """First sight: this arm serves. `lost` is a reverted release whose status was lost: it stays
    reverted."""
    past = PastRelease(
        id=f"{serving.fingerprint[:10]}-1",
        version=serving.version,
        workload=serving.workload,
        backend=serving.backend,
        fingerprint=serving.fingerprint,
        outcome=Outcome.PROMOTED,
        reason=Reason.ADOPTED,
        ended_at=obs.now,
    )
    alone = obs.spec is not None and obs.spec.candidate.workload_ref.name == serving.workload
    traffic = TrafficStatus(route=route, intended=FULL if alone and lost is None else 0)
    update = {
        "incumbent": serving,
        "release": lost,
        "history": [*history_of(obs.records), past][-KEPT_HISTORY:],
        "traffic": traffic,
    }
    return status.model_copy(update=update)


def attempts_of(status: ModelReleaseStatus, fingerprint: str) -> int:
    """How often this fingerprint has been released before."""
    tries = (p.attempt for p in status.history if p.fingerprint == fingerprint)
    return min(max(tries, default=0), MOST_COUNTED - 1)


def start(
    status: ModelReleaseStatus,
    obs: Observation,
    spec: ModelReleaseSpec,
    workload: Workload,
    backend: Backend,
    rollback: bool,
) -> ModelReleaseStatus:
    """A release at weight 0 that waits for its candidate's pods."""
    attempt = attempts_of(status, workload.fingerprint) + 1
    assert status.incumbent is not None
    incumbent = obs.workloads.get(status.incumbent.workload)
    release = Released(
        id=f"{workload.fingerprint[:10]}-{attempt}",
        attempt=attempt,
        version=spec.candidate.version,
        workload=workload.name,
        backend=backend,
        fingerprint=workload.fingerprint,
        template_hash=workload.template_hash,
        started_at=obs.now,
        incumbent_replicas=incumbent.replicas if incumbent else 0,
        lone_rules=len(lone_rules(obs.route, status.incumbent.backend, backend))
        if obs.route
        else 0,
        rollback=rollback,
        accepted_spec=spec.as_written(),
    )
    return status.model_copy(
        update={
            "release": release,
            "step": step_at(spec, obs.now, -1),
            "traffic": TrafficStatus(route=route_of(spec, obs.name)),
            "signals": [],
            "evidence": None,
            "hypothesis": None,
            "hold": None,
            "last_evaluated_time": None,
            "retirable": [r for r in status.retirable if r.workload != workload.name],
        }
    )


def accounted(status: ModelReleaseStatus, now: datetime) -> Released:
    """The release with the time since its step began added to what it was exposed to."""
    release, step, traffic = status.release, status.step, status.traffic
    assert release is not None
    weight = traffic.intended if traffic is not None else 0
    if step is None or step.entered_at is None or weight == 0:
        return release
    times = {e.weight: e.seconds for e in release.exposure}
    lasted = max((now - step.entered_at).total_seconds(), 0.0)
    times[weight] = round(min(times.get(weight, 0.0) + lasted, MOST_SECONDS), 1)
    exposure = [Exposure(weight=w, seconds=s) for w, s in times.items()]
    return release.model_copy(update={"exposure": exposure})


def reach(
    status: ModelReleaseStatus, plan: ModelReleaseSpec, now: datetime, index: int
) -> ModelReleaseStatus:
    """Intend a step; nothing is claimed of it until the route is seen to carry it."""
    assert status.traffic is not None
    step = step_at(plan, now, index)
    traffic = status.traffic.model_copy(update={"intended": step.weight, "repairs": 0})
    release = accounted(status, now)
    return status.model_copy(update={"step": step, "traffic": traffic, "release": release})


def _past(release: Released, outcome: Outcome, reason: Reason, obs: Observation) -> PastRelease:
    return PastRelease(
        id=release.id,
        version=release.version,
        workload=release.workload,
        backend=release.backend,
        fingerprint=release.fingerprint,
        attempt=release.attempt,
        outcome=outcome,
        reason=reason,
        ended_at=obs.now,
    )


def _end(
    status: ModelReleaseStatus, obs: Observation, outcome: Outcome, reason: Reason, message: str
) -> dict[str, object]:
    release, said = accounted(status, obs.now), one_line(message)
    ended = {"outcome": outcome, "reason": reason, "message": said, "ended_at": obs.now}
    return {
        "release": release.model_copy(update=ended),
        "history": [*status.history, _past(release, outcome, reason, obs)][-KEPT_HISTORY:],
        "hold": None,
    }


def fall_back(
    status: ModelReleaseStatus, obs: Observation, outcome: Outcome, reason: Reason, message: str
) -> ModelReleaseStatus:
    """All of the traffic to the incumbent; the release is over."""
    assert status.traffic is not None
    update = _end(status, obs, outcome, reason, message)
    traffic = status.traffic.model_copy(update={"intended": 0, "repairs": 0})
    step = (status.step or StepStatus()).model_copy(update={"weight": 0, "verified_at": None})
    retired = _retire(status, update["release"], obs)
    update |= {"traffic": traffic, "step": step, "retirable": retired}
    return status.model_copy(update=update)


def _retire(status: ModelReleaseStatus, loser: object, obs: Observation) -> list[Retirable]:
    assert isinstance(loser, (Released, Serving))
    entry = Retirable(workload=loser.workload, version=loser.version, since=obs.now)
    others = [r for r in status.retirable if r.workload != entry.workload]
    return [*others, entry][-KEPT_RETIRABLE:]


def promote(status: ModelReleaseStatus, obs: Observation, message: str) -> ModelReleaseStatus:
    """The candidate is what serves; the old incumbent no longer does."""
    release, old = status.release, status.incumbent
    assert release is not None
    assert old is not None
    reason = Reason.ROLLED_BACK if release.rollback else Reason.PROMOTED
    update = _end(status, obs, Outcome.PROMOTED, reason, message)
    serving = Serving(
        version=release.version,
        workload=release.workload,
        backend=release.backend,
        fingerprint=release.fingerprint,
        since=obs.now,
    )
    update |= {"incumbent": serving, "retirable": _retire(status, old, obs)}
    return status.model_copy(update=update)


def hold_by_hand(
    status: ModelReleaseStatus, obs: Observation, reason: Reason, by: str, message: str
) -> ModelReleaseStatus:
    """Nothing goes up until a person resumes."""
    hold = HandHold(reason=reason, by=one_line(by, 256), since=obs.now, message=one_line(message))
    return status.model_copy(update={"hold": hold})


def resume(status: ModelReleaseStatus, obs: Observation) -> ModelReleaseStatus:
    """Go on where it was: the step's weight is written and verified again, its hold starts anew."""
    release, hold, step = status.release, status.hold, status.step
    assert release is not None
    assert hold is not None
    paused = max((obs.now - hold.since).total_seconds(), 0.0)
    release = release.model_copy(update={"paused_seconds": release.paused_seconds + paused})
    traffic = status.traffic
    if step is not None and traffic is not None and hold.reason is Reason.WEIGHT_LOWERED:
        step = step.model_copy(update={"verified_at": None, "covered_seconds": 0.0})
        traffic = traffic.model_copy(update={"written": 0})
    return status.model_copy(
        update={
            "hold": None,
            "release": release,
            "step": step,
            "traffic": traffic,
            "last_evaluated_time": obs.now,
        }
    )
