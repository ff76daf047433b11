"""What a Drift signal with `baseline: Reference` is held against, in the incumbent's place."""

from collections.abc import Mapping

from surefoot.api.signal_status import FrozenBins, Snapshot
from surefoot.api.signals import Baseline, Signal
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import SignalType
from surefoot.engine import crowded
from surefoot.engine.judge import Judged, Stand, judge, not_applicable
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.engine.world import Observation
from surefoot.stats.measures import Histogram


def judge_against(
    signal: Signal, stand: Stand, answer: Answer, obs: Observation, status: ModelReleaseStatus
) -> Judged:
    """The verdict on a signal, its reference standing in for the incumbent where it has one.

    What is wrong with the reference stands in place of both arms' readings.
    """
    before = next((s for s in status.signals if s.name == signal.name), None)
    if signal.baseline is not Baseline.REFERENCE:
        return crowded.warned(judge(signal, stand, before, answer), before, answer)
    found = _bins(signal, obs, status)
    if found is None:
        text = (
            f"no reference yet: {signal.name} takes one when a release is promoted; until then give "
            "reference.configMap"
        )
        return not_applicable(signal, stand, text)
    if isinstance(found, Problem):
        return judge(signal, stand, before, Answer(Reading(problem=found), Reading(problem=found)))
    bins = Histogram(tuple(found.edges), tuple(found.counts), found.total)
    reference = Reading(bins, answer.candidate.newest)
    if stand.index < 0 and answer.incumbent.problem is not None:
        reference = answer.incumbent
    held = Answer(answer.candidate, reference)
    return crowded.warned(judge(signal, stand, before, held), before, held)


def _bins(
    signal: Signal, obs: Observation, status: ModelReleaseStatus
) -> FrozenBins | Problem | None:
    if signal.reference is not None:
        found = obs.references.get(signal.name, "its ConfigMap was not read yet")
        return Problem(ProblemKind.QUERY, found) if isinstance(found, str) else found
    serving = status.incumbent.version if status.incumbent else None
    for snapshot in status.snapshots:
        if snapshot.signal == signal.name and snapshot.version == serving:
            return snapshot.bins
    return None


def snapshots(
    status: ModelReleaseStatus, signals: list[Signal], answers: Mapping[str, Answer]
) -> list[Snapshot]:
    """The candidate's bins of every Drift signal as it is promoted, for the releases to come."""
    release = status.release
    found = []
    for signal in signals:
        answer = answers.get(signal.name)
        measure = answer.candidate.measure if answer is not None else None
        if signal.type is SignalType.DRIFT and isinstance(measure, Histogram) and release:
            bins = FrozenBins(
                edges=list(measure.edges), counts=list(measure.counts), total=measure.total
            )
            found.append(Snapshot(signal=signal.name, version=release.version, bins=bins))
    return found or status.snapshots
