"""Whether what is left of a hold is not waited for, and which step comes next."""

from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import OnBreach, Verdict
from surefoot.engine import compare
from surefoot.engine.tick import Tick, stand_of


def early(tick: Tick) -> str | None:
    """Why the rest of this hold is not needed. The bake is never cut short, nor is a step in which
    a signal has not passed, or was not compared as often as a revert would take."""
    plan, evidence = tick.plan, tick.status.evidence
    if plan is None or evidence is None or tick.baking or not tick.fresh or tick.step.index < 0:
        return None
    if any(j.gates and j.verdict is not Verdict.PASS for j in tick.judged):
        return None
    return compare.not_inferior(evidence, plan) if _compared_here(tick, plan) else None


def _compared_here(tick: Tick, plan: ModelReleaseSpec) -> bool:
    """Evidence of lower weights says nothing of this one: enough intervals of this step to revert it
    have been taken in."""
    assert tick.status.evidence is not None
    stand = stand_of(tick.status, plan, tick.now)
    known = {s.name: s for s in tick.status.evidence.signals}
    enough = plan.analysis.min_adverse_intervals * plan.analysis.evidence_interval
    for signal in plan.signals:
        if signal.on_breach is OnBreach.OBSERVE:
            continue
        seen = known.get(signal.name)
        if seen is None or seen.blind or seen.until < compare.first_start(signal, stand) + enough:
            return False
    return True


def next_index(tick: Tick, plan: ModelReleaseSpec) -> int:
    """The step after this one; this one still, where a changed spec put it above the weight."""
    index, count = tick.step.index, len(plan.steps)
    ahead = 0 <= index < count and plan.weight_of(index) > tick.intended
    return index if ahead else min(index + 1, count)
