"""What people are told: one Event per transition, and after a restart what may not have been told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from surefoot.api.plain import one_line
from surefoot.api.status import DecisionRecord, ModelReleaseStatus, StepStatus
from surefoot.api.vocabulary import Reason, Rule
from surefoot.engine import watching
from surefoot.engine.effects import Announcement
from surefoot.engine.queued import waits
from surefoot.engine.tick import Ruling, Tick

# For as long as API servers keep Events by default: what was told before that is not told again.
KEPT = timedelta(hours=1)
_WARNINGS = (Rule.REVERT, Rule.REPAIR)


def announcements(
    tick: Tick, ruling: Ruling, before: ModelReleaseStatus, status: ModelReleaseStatus
) -> tuple[Announcement, ...]:
    """One Event per transition: never one per tick."""
    said = [
        *_queued(tick, before),
        *_restarted(before, status),
        *watching.announcements(tick.obs, before, status),
    ]
    old = before.step
    gone = tick.obs.deleted
    if status.step is not None and not gone and (old is None or old.verified_at is None):
        said += _reached(status.step)
    changed = ruling.recorded or before.reason != ruling.reason
    if ruling.announced and changed:
        about = _about(tick.now, ruling.reason) if ruling.recorded else _waits(tick, ruling)
        warning = ruling.warning or ruling.stalled
        said.append(Announcement(ruling.reason, ruling.message, warning, about))
    return tuple(replace(each, message=one_line(each.message)) for each in said)


def _queued(tick: Tick, before: ModelReleaseStatus) -> list[Announcement]:
    """Another candidate waits: said once for each spec that names one."""
    text = waits(tick.obs)
    new = text and before.observed_generation != tick.obs.generation
    return [Announcement(Reason.QUEUED, text)] if new else []


def again(status: ModelReleaseStatus, now: datetime) -> tuple[Announcement, ...]:
    """What was saved, and perhaps not told: whoever wrote it may have been killed before it spoke.
    `about` tells what was told from what was not."""
    said = [
        Announcement(d.reason, d.message, _is_warning(d), _about(d.time, d.reason))
        for d in status.decisions
        if _lately(d.time, now) and d.rule is not Rule.ADVANCE and d.reason is not Reason.VALID
    ]
    step = status.step
    if step is not None and step.verified_at is not None and _lately(step.verified_at, now):
        said += _reached(step)
    return tuple(said)


def _about(time: datetime, reason: Reason) -> str:
    """A release is deleted once, and no status remembers when that was decided first."""
    if reason is Reason.DELETED:
        return reason
    return f"{time.astimezone(UTC).isoformat()} {reason}"


def _waits(tick: Tick, ruling: Ruling) -> str:
    """A delete that cannot be carried out yet is looked at again and again, and nothing is kept of a
    release that is gone: that it waits is told once, and beside it that it was done."""
    return f"{ruling.reason}, waits" if tick.obs.deleted else ""


def _lately(time: datetime, now: datetime) -> bool:
    return abs(now - time) < KEPT


def _is_warning(decision: DecisionRecord) -> bool:
    lone = (Reason.WEIGHT_LOWERED, Reason.INCUMBENT_CHANGED)
    return decision.rule in _WARNINGS or decision.reason in lone


def _reached(step: StepStatus) -> list[Announcement]:
    """A step is reached once the route is seen to carry its weight."""
    if step.verified_at is None or step.index < 0:
        return []
    where = "bake" if step.index >= step.count else f"step {step.position}"
    text = f"{where}: the route gives the candidate {step.weight} %"
    about = _about(step.verified_at, Reason.STEP_REACHED)
    return [Announcement(Reason.STEP_REACHED, text, about=about)]


def _restarted(before: ModelReleaseStatus, status: ModelReleaseStatus) -> list[Announcement]:
    """A comparison that was changed mid-release has lost its evidence, and says so."""
    if before.evidence is None or status.evidence is None:
        return []
    known = {s.name: s.agreed for s in before.evidence.signals}
    changed = [s for s in status.evidence.signals if known.get(s.name, s.agreed) != s.agreed]
    return [
        Announcement(
            Reason.EVIDENCE_RESTARTED,
            f"{s.name}: its comparison was changed, so its evidence begins anew, with "
            f"{s.share:.3g} of falseRevertBudget",
        )
        for s in changed
    ]
