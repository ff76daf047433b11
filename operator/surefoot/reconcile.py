"""One tick: load, observe, decide, record intent, apply, publish; in that order and no other."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from surefoot.apply import apply
from surefoot.engine.decide import decide
from surefoot.engine.effects import Announcement, Decision, SealRecord
from surefoot.engine.look import look_ahead
from surefoot.engine.recovery import open_record
from surefoot.engine.telling import again
from surefoot.engine.world import Observation
from surefoot.observe import observe
from surefoot.ports import Key, PortError, Ports, ReleaseObject, TransientError, UnsentError

log = logging.getLogger("surefoot.tick")
TELL_AGAIN = timedelta(seconds=10)
ANSWERED = timedelta(seconds=15)
"""Within this Prometheus has answered, or is known not to have, also where two thousand releases are
answered one after another. A tick that comes before the answers is for nothing."""


@dataclass(frozen=True)
class Report:
    """What a tick came to, and when the next one is due (None: never)."""

    decision: Decision | None
    requeue: timedelta | None
    writes: int = 0
    saved: bool = False


async def reconcile(key: Key, ports: Ports, now: datetime) -> Report:
    """Bring one release a tick further. Raises PortError when it has to be tried again."""
    release = await ports.store.release(key) or await _orphaned(key, ports)
    if release is None:
        ports.metrics.forget(key)
        return Report(None, None)
    observation, begun = await observe(release, ports, now)
    decision = decide(observation, begun)
    saved = await _save(release, observation, decision, ports)
    writes, untold = await _carry_out(release, decision, ports, now)
    if release.gone and not isinstance(untold, TransientError):
        # Its record brings it back for as long as its traffic could not be taken back.
        ports.store.forget(key)
        ports.metrics.forget(key)
        return Report(decision, decision.requeue if decision.owed else None, writes)
    requeue = _plan_ahead(observation, decision, key, ports)
    if writes:
        # What was written is verified at once by a tick of its own; a write that follows from no
        # new intent had no effect before, and is not repeated in a hot loop.
        requeue = timedelta(0) if saved else min(timedelta(seconds=1), requeue)
    if untold is not None:
        requeue = min(requeue, TELL_AGAIN)
    return Report(decision, requeue, writes, saved)


def _plan_ahead(observation: Observation, decision: Decision, key: Key, ports: Ports) -> timedelta:
    """When to look next. Where the metrics know what is asked by then, the next tick is woken by the
    answers, and one just before them would be for nothing, but where a rule has a time of its own."""
    due = ports.metrics.due(key)
    if due is None or decision.requeue < due - observation.now:
        return decision.requeue
    questions = look_ahead(observation, decision.status, due)
    ports.metrics.foresee(key, questions, due)
    if decision.urgent:
        return decision.requeue
    return max(decision.requeue, due - observation.now + ANSWERED)


async def _save(
    release: ReleaseObject, observation: Observation, decision: Decision, ports: Ports
) -> bool:
    """Put the intent on record, if there is any: whether the status was written."""
    now = observation.now
    if release.gone or not (
        decision.save or (decision.moved and not ports.store.put_off(release, decision.status, now))
    ):
        return False
    try:
        await ports.store.save_status(release, decision.status)
    except PortError as error:
        # What Prometheus said is not lost with the write: the next try judges it at once.
        if observation.answers is not None:
            ports.metrics.give_back(release.key, observation.answers)
        if isinstance(error, TransientError) and not isinstance(error, UnsentError):
            said = (*_owed(release, ports, now), *decision.announcements)
            ports.notifier.doubt(release, decision.status, said)
        raise
    ports.notifier.settle(release)
    return True


async def _carry_out(
    release: ReleaseObject, decision: Decision, ports: Ports, now: datetime
) -> tuple[int, PortError | None]:
    """Effects, then Events: how many writes, and why something is left to be told."""
    namespace = release.key.namespace
    # The record of what is gone is all that is left of it: it is sealed when everything was told.
    last = [e for e in decision.effects if release.gone and isinstance(e, SealRecord)]
    first = [e for e in decision.effects if e not in last]
    try:
        writes = await apply(first, namespace, ports, now)
    except Exception:
        # The decision stands once it is saved, also when a route has to be written again.
        await _publish(release, decision, ports, now)
        raise
    untold = await _publish(release, decision, ports, now)
    if not isinstance(untold, TransientError):
        writes += await apply(last, namespace, ports, now)
    return writes, untold


async def _orphaned(key: Key, ports: Ports) -> ReleaseObject | None:
    """A release that was deleted while nobody looked: of what it left, an open record is known."""
    record = open_record(ports.records.known(key))
    if record is None or not await ports.store.is_orphan(record, key.namespace):
        return None
    return ReleaseObject(
        key=key,
        uid=record.release_uid,
        generation=0,
        created=record.started_at,
        resource_version="",
        deleted=True,
        gone=True,
        spec=None,
        problem="the ModelRelease is gone",
        status=None,
    )


async def _publish(
    release: ReleaseObject, decision: Decision, ports: Ports, now: datetime
) -> PortError | None:
    """Events come after what they tell; one that fails must not stop a release, and is told later.
    Gives why something is left to be told."""
    namespace, name = release.key
    where = {"namespace": namespace, "release": name}
    for said in decision.announcements:
        level = logging.WARNING if said.warning else logging.INFO
        log.log(level, said.message, extra={**where, "reason": said.reason.value})
    everything = (*_owed(release, ports, now), *decision.announcements)
    try:
        await ports.notifier.announce(release, everything)
    except PortError as error:
        log.warning("an Event could not be written yet: %s", error, extra=where)
        return error
    return None


def _owed(release: ReleaseObject, ports: Ports, now: datetime) -> tuple[Announcement, ...]:
    """What was decided before and may not have been told."""
    owed = ports.notifier.owed(release)
    if owed is None:
        return again(release.status, now) if release.status is not None else ()
    return owed
