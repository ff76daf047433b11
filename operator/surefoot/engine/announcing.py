"""What a tick tells people: one Event per transition, never one per tick."""

from dataclasses import replace

from surefoot.api.plain import one_line
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Reason
from surefoot.engine import watching
from surefoot.engine.effects import Announcement
from surefoot.engine.queued import waits
from surefoot.engine.tick import Ruling, Tick


def announcements(
    tick: Tick, ruling: Ruling, before: ModelReleaseStatus, status: ModelReleaseStatus
) -> tuple[Announcement, ...]:
    """The Events of a tick."""
    said = [
        *_queued(tick, before),
        *_restarted(before, status),
        *watching.announcements(tick.obs, before, status),
    ]
    step, old = status.step, before.step
    reached = step is not None and step.verified_at is not None and step.index >= 0
    if reached and step is not None and (old is None or old.verified_at is None):
        where = "bake" if step.index >= step.count else f"step {step.position}"
        text = f"{where}: the route gives the candidate {step.weight} %"
        said.append(Announcement(Reason.STEP_REACHED, text))
    changed = ruling.recorded or before.reason != ruling.reason
    if ruling.announced and changed:
        said.append(Announcement(ruling.reason, ruling.message, ruling.warning or ruling.stalled))
    return tuple(replace(each, message=one_line(each.message)) for each in said)


def _queued(tick: Tick, before: ModelReleaseStatus) -> list[Announcement]:
    """Another candidate waits: said once for each spec that names one."""
    text = waits(tick.obs)
    new = text and before.observed_generation != tick.obs.generation
    return [Announcement(Reason.QUEUED, text)] if new else []


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
