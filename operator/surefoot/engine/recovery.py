"""What ReleaseRecords tell when the status was lost, or the whole ModelRelease: a release that was
under way goes back first, and of the last one that ended it is known what serves."""

from dataclasses import replace

from surefoot.api.record import RecordedArm, ReleaseRecordSpec
from surefoot.api.status import (
    ModelReleaseStatus,
    PastRelease,
    Released,
    Serving,
    StepStatus,
    TrafficStatus,
)
from surefoot.api.vocabulary import Outcome, Reason
from surefoot.engine.references import Missing, check_rivals
from surefoot.engine.weights import kept_rules, observed_percent
from surefoot.engine.world import Observation, Record, Route


def open_record(records: tuple[Record, ...]) -> ReleaseRecordSpec | None:
    """The newest release that nobody has seen the end of."""
    return next((r.spec for r in reversed(records) if not r.sealed and r.spec is not None), None)


def sealed_record(records: tuple[Record, ...]) -> ReleaseRecordSpec | None:
    """The newest release whose end is known."""
    return next((r.spec for r in reversed(records) if r.sealed and r.spec is not None), None)


def arms_of(records: tuple[Record, ...]) -> list[RecordedArm]:
    """Versions that a tick without a status may want to know of."""
    found = [s for s in (open_record(records), sealed_record(records)) if s is not None]
    return [arm for spec in found for arm in (spec.incumbent, spec.candidate)]


def recovered(obs: Observation) -> Observation:
    """A lost status of a release under way, made anew from its record: in flight, with the weight
    that the route shows, and a revert owed. Without its incumbent see `nowhere_to_go_back`; a route
    that another ModelRelease moves is that one's."""
    record = open_record(obs.records)
    if record is None or (obs.status is not None and obs.status.incumbent is not None):
        return obs
    if not obs.deleted and (check_rivals(obs) or not _is_there(obs, record.incumbent)):
        return obs
    weight = _weight(obs.route, record)
    text = (
        f"the status was lost while {record.candidate.version} was in flight: all of the traffic "
        f"goes back to {record.incumbent.version} first"
    )
    status = (obs.status or ModelReleaseStatus()).model_copy(
        update={
            "incumbent": _serving(record, record.incumbent),
            "release": _released(record, Reason.STATUS_LOST, text),
            "step": StepStatus(index=0, count=1, position="1/1", weight=weight),
            "traffic": TrafficStatus(route=record.route, intended=weight, written=weight),
            "history": history_of(obs.records),
            "hold": None,
        }
    )
    return replace(obs, status=status)


def nowhere_to_go_back(obs: Observation) -> Missing | None:
    """A release was under way, and its incumbent is not there, or not there yet: the other arm must
    not be taken for what serves."""
    record = open_record(obs.records)
    if record is None:
        return None
    arm = record.incumbent
    return Missing(
        Reason.WORKLOAD_MISSING,
        f"the status was lost while {record.candidate.version} was in flight, and Deployment "
        f"{arm.workload} or its Service {arm.backend.name}, to which the traffic goes back, does not "
        f"exist: create them, or delete the open ReleaseRecord of {obs.name}",
    )


def recorded_arm(obs: Observation) -> tuple[Serving, Released | None] | None:
    """What served after the last release that ended, and that release where it was reverted, so
    that it is not tried again by itself; None where the world says otherwise."""
    record = sealed_record(obs.records)
    if record is None or record.end is None:
        return None
    won = record.end.outcome is Outcome.PROMOTED
    arm = record.candidate if won else record.incumbent
    if not _is_there(obs, arm) or _contradicts(obs.route, arm):
        return None
    lost = None
    if record.end.outcome is Outcome.REVERTED:
        lost = _released(record, record.end.reason, record.end.message).model_copy(
            update={"outcome": record.end.outcome, "ended_at": record.end.ended_at}
        )
    return _serving(record, arm), lost


def history_of(records: tuple[Record, ...]) -> list[PastRelease]:
    """Earlier releases, oldest first."""
    return [
        PastRelease(
            id=r.spec.id,
            version=r.spec.candidate.version,
            workload=r.spec.candidate.workload,
            backend=r.spec.candidate.backend,
            fingerprint=r.spec.candidate.fingerprint,
            attempt=r.spec.attempt,
            outcome=r.spec.end.outcome,
            reason=r.spec.end.reason,
            ended_at=r.spec.end.ended_at,
        )
        for r in records
        if r.spec is not None and r.spec.end is not None
    ]


def _is_there(obs: Observation, arm: RecordedArm) -> bool:
    return obs.workloads.get(arm.workload) is not None and obs.has(arm.backend)


def _contradicts(route: Route | None, arm: RecordedArm) -> bool:
    """A route that gives an arm nothing does not let it serve."""
    if route is None:
        return False
    mine = (arm.backend.name, arm.backend.port)
    return not any((b.name, b.port) == mine and b.weight for rule in route.rules for b in rule)


def _weight(route: Route | None, record: ReleaseRecordSpec) -> int:
    """What the route gives the candidate; the smallest share is not nothing."""
    if route is None:
        return 0
    splits = kept_rules(route, record.incumbent.backend, record.candidate.backend)
    some = any(split.candidate_weight for split in splits)
    return max(observed_percent(splits) or 0, 1 if some else 0)


def _serving(record: ReleaseRecordSpec, arm: RecordedArm) -> Serving:
    return Serving(
        version=arm.version,
        workload=arm.workload,
        backend=arm.backend,
        fingerprint=arm.fingerprint,
        since=record.end.ended_at if record.end is not None else record.started_at,
    )


def _released(record: ReleaseRecordSpec, reason: Reason, message: str) -> Released:
    arm = record.candidate
    return Released(
        id=record.id,
        attempt=record.attempt,
        version=arm.version,
        workload=arm.workload,
        backend=arm.backend,
        fingerprint=arm.fingerprint,
        template_hash="",
        started_at=record.started_at,
        rollback=record.rollback,
        reason=reason,
        message=message,
    )
