"""The rule of a required hypothesis: no step to 100 before it is reached."""

from surefoot.api.vocabulary import Hope, Reason, Rule
from surefoot.engine.early import early, next_index
from surefoot.engine.tick import Ruling, Tick
from surefoot.engine.weights import FULL


def hoped(tick: Tick) -> Ruling | None:
    """Once the last split step is over, a required hypothesis is waited for (up to maxDuration).

    At 100 there is nothing to compare with, so the wait is before it. A rollback needs no hope.
    It speaks before the gate: that one awaits new answers, and the two would take turns.
    """
    plan, release, hope = tick.plan, tick.release, tick.status.hypothesis
    if not tick.in_flight or plan is None or release is None or release.rollback:
        return None
    if plan.hypothesis is None or not plan.hypothesis.required or hope is None:
        return None
    last = tick.baking or plan.weight_of(next_index(tick, plan)) == FULL > tick.intended
    held = tick.step.covered_seconds >= tick.step.hold_seconds
    over = tick.step.verified_at and (held or early(tick) is not None)
    if not last or not over or hope.verdict is Hope.REACHED:
        return None
    lost = hope.verdict is not Hope.TESTING
    reason = Reason.HYPOTHESIS_NOT_REACHED if lost else Reason.HYPOTHESIS_OPEN
    text = f"required hypothesis {hope.message}"
    if lost:
        text += (
            f"; abort the release (kubectl surefoot abort {tick.obs.name}) or set "
            "spec.hypothesis.required to false"
        )
    return Ruling(Rule.HOLD, reason, text, tick.status, announced=True, stalled=lost)
