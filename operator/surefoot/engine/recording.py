"""The account of a release: when its ReleaseRecord is opened, sealed and, among many, dropped."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from surefoot.api.record import (
    MOST_DECISIONS,
    RecordedArm,
    RecordedHypothesis,
    RecordEnd,
    ReleaseRecordSpec,
)
from surefoot.api.spec import OnDelete
from surefoot.api.status import DecisionRecord, ModelReleaseStatus, Released, Serving
from surefoot.api.vocabulary import Outcome, Reason, Rule
from surefoot.engine.effects import DropRecord, OpenRecord, SealRecord
from surefoot.engine.tick import Ruling, Tick, accepted_of
from surefoot.engine.world import Record

KEPT_RECORDS = 10
# The longest name of an object, less the digest and the attempt.
_MOST_OF_NAME = 220


@dataclass(frozen=True, slots=True)
class Account:
    """What a tick writes into records. `owed`: a deleted release's record has to stay open."""

    opening: tuple[OpenRecord, ...] = ()
    closing: tuple[SealRecord | DropRecord, ...] = ()
    owed: bool = False


def record_name(name: str, release_id: str, attempt: int, started_at: datetime) -> str:
    """The same for the same release, also under another uid; another one for every start."""
    stamp = f"{name}/{release_id}/{started_at.timestamp():.6f}"
    digest = hashlib.sha256(stamp.encode()).hexdigest()[:10]
    return f"{name[:_MOST_OF_NAME].rstrip('.-')}-{digest}-{attempt}"


def account_of(tick: Tick, ruling: Ruling, status: ModelReleaseStatus) -> Account:
    """Level, not edge: a record that is missing is opened, and one whose release is over is sealed,
    at whichever tick that is seen."""
    obs, release = tick.obs, status.release
    if status.incumbent is None:
        return Account()
    mine = name_of(obs.name, release) if release is not None else ""
    running = release is not None and release.outcome is None
    opening: tuple[OpenRecord, ...] = ()
    if running and not obs.deleted and all(r.name != mine for r in obs.records):
        opening = (OpenRecord(mine, _opening(tick, status)),)
    seals, owed = [], False
    for record in (r for r in obs.records if not r.sealed):
        if record.name != mine:
            seals.append(SealRecord(record.name, _end_of_other(record, status, tick.now)))
        elif not running:
            seals.append(SealRecord(mine, _end(status, tick.now)))
        elif obs.deleted:
            end = _end_of_deleted(tick, ruling, status)
            owed = end is None
            seals += [SealRecord(mine, end)] if end is not None else []
    return Account(opening, (*seals, *_surplus(obs.records)), owed)


def keeps_weights(tick: Tick) -> bool:
    """Whether a delete leaves the weights as they are; without a plan the record knows."""
    if tick.plan is not None:
        return tick.plan.on_delete is OnDelete.LEAVE
    kept = (r.spec for r in tick.obs.records if not r.sealed)
    return any(spec is not None and spec.on_delete is OnDelete.LEAVE for spec in kept)


def name_of(name: str, release: Released) -> str:
    """What the record of a release is called."""
    return record_name(name, release.id, release.attempt, release.started_at)


def _opening(tick: Tick, status: ModelReleaseStatus) -> ReleaseRecordSpec:
    release, traffic = status.release, status.traffic
    assert release is not None
    assert status.incumbent is not None
    assert traffic is not None
    accepted = accepted_of(release)
    return ReleaseRecordSpec(
        release_name=tick.obs.name,
        release_uid=tick.obs.uid,
        id=release.id,
        attempt=release.attempt,
        candidate=_arm(release),
        incumbent=_arm(status.incumbent),
        route=traffic.route,
        on_delete=accepted.on_delete if accepted is not None else OnDelete.REVERT,
        rollback=release.rollback,
        started_at=release.started_at,
    )


def _arm(of: Released | Serving) -> RecordedArm:
    return RecordedArm(
        version=of.version, workload=of.workload, backend=of.backend, fingerprint=of.fingerprint
    )


def _end(status: ModelReleaseStatus, now: datetime) -> RecordEnd:
    """How the last release of a status ended; at the latest now, should someone have taken the time
    out of the status."""
    release, hope = status.release, status.hypothesis
    assert release is not None
    assert release.outcome is not None
    ended_at = release.ended_at or now
    return RecordEnd(
        outcome=release.outcome,
        reason=release.reason or Reason.REVERTED,
        message=release.message or "",
        ended_at=ended_at,
        decisions=_between(status, release.started_at, ended_at),
        exposure=release.exposure,
        hypothesis=RecordedHypothesis(verdict=hope.verdict, message=hope.message[:1024])
        if hope is not None
        else None,
    )


def _between(status: ModelReleaseStatus, start: datetime, end: datetime) -> list[DecisionRecord]:
    made = [d for d in status.decisions if start <= d.time <= end and d.rule is not Rule.ADOPT]
    return made[-MOST_DECISIONS:]


def _end_of_deleted(tick: Tick, ruling: Ruling, status: ModelReleaseStatus) -> RecordEnd | None:
    """Of a release that was deleted in flight and not reverted; None while it cannot be."""
    release = status.release
    assert release is not None
    over = {"ended_at": tick.now, "message": ruling.message[:1024]}
    if ruling.rule is Rule.SUSPENDED or keeps_weights(tick):
        over |= {"outcome": Outcome.LEFT, "reason": ruling.reason}
    elif tick.intended == 0 and tick.written == 0:
        over |= {"outcome": Outcome.REVERTED, "reason": Reason.DELETED}
    else:
        return None
    ended = status.model_copy(update={"release": release.model_copy(update=over)})
    return _end(ended, tick.now)


def _end_of_other(record: Record, status: ModelReleaseStatus, now: datetime) -> RecordEnd:
    """Of a release that another one followed before its record was sealed."""
    known = (
        p
        for p in reversed(status.history)
        if record.spec is not None
        and (p.id, p.attempt) == (record.spec.id, record.spec.attempt)
        and p.ended_at >= record.started_at
        and p.reason is not Reason.ADOPTED
    )
    past = next(known, None)
    if past is None:
        text = "nothing is known of its end: the status of the ModelRelease was lost"
        return RecordEnd(
            outcome=Outcome.SUPERSEDED, reason=Reason.STATUS_LOST, message=text, ended_at=now
        )
    return RecordEnd(
        outcome=past.outcome,
        reason=past.reason,
        ended_at=past.ended_at,
        decisions=_between(status, record.started_at, past.ended_at),
    )


def _surplus(records: tuple[Record, ...]) -> tuple[DropRecord, ...]:
    """The oldest sealed records above the number that is kept."""
    sealed = sorted((r for r in records if r.sealed), key=lambda r: (r.started_at, r.name))
    return tuple(DropRecord(r.name) for r in sealed[:-KEPT_RECORDS])
