"""Scores with outcomes, and rates by group, from the buckets of both arms on shared edges."""

from collections.abc import Mapping, Sequence

from surefoot.adapters.prometheus import histograms
from surefoot.adapters.prometheus.arms import Arm, has
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.sources import FairnessSource, LabeledScoresSource
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.stats import fairness
from surefoot.stats.bins import NotAnEdge
from surefoot.stats.counters import NotANumber
from surefoot.stats.measures import Counts, GroupRates, Histogram, LabeledHistogram

Cumulatives = list[histograms.Cumulative]
_TRUE = SignalMetric.EQUAL_OPPORTUNITY_DIFFERENCE


def labelled(candidate: Arm, incumbent: Arm, source: LabeledScoresSource) -> Answer:
    """Scores by bucket and outcome."""
    arms = (candidate, incumbent)
    split = [_by_outcome(arm, source, arm.of(source.bucket)) for arm in arms]
    edges = _edges(split)
    readings = [
        Reading(problem=each) if isinstance(each, Problem) else _labelled(arm, source, each, edges)
        for arm, each in zip(arms, split, strict=True)
    ]
    return Answer(*readings)


def _labelled(
    arm: Arm,
    source: LabeledScoresSource,
    parts: tuple[Cumulatives, Cumulatives],
    edges: tuple[float, ...],
) -> Reading:
    found = _histogram(arm, source.bucket, parts, edges)
    if isinstance(found, Problem):
        return Reading(problem=found)
    try:
        total = arm.sheet.total(arm.of(source.sum)) if arm.of(source.sum) else None
    except NotANumber:
        return Reading(problem=arm.not_a_number((source.sum,)))
    measure = LabeledHistogram(found.edges, found.positives, found.negatives, total)
    return Reading(measure, arm.newest((source.bucket,)))


def _by_outcome(
    arm: Arm, source: LabeledScoresSource, series: Sequence[Series]
) -> tuple[Cumulatives, Cumulatives] | Problem:
    """(positives, negatives); an outcome that has not come yet has no series."""
    if not series:
        return arm.absent(source.bucket)
    wanted = {source.outcome_label: source.positive}
    positives = arm.cumulative(source.bucket, [s for s in series if has(s, wanted)])
    negatives = arm.cumulative(source.bucket, [s for s in series if not has(s, wanted)])
    if isinstance(positives, Problem):
        return positives
    return negatives if isinstance(negatives, Problem) else (positives, negatives)


def _edges(split: Sequence[tuple[Cumulatives, Cumulatives] | Problem]) -> tuple[float, ...]:
    sound = [part for each in split if not isinstance(each, Problem) for part in each]
    return histograms.edges_of(*sound)


def _histogram(
    arm: Arm, bucket: str, parts: tuple[Cumulatives, Cumulatives], edges: tuple[float, ...]
) -> LabeledHistogram | Problem:
    try:
        positives, negatives = (histograms.binned(part, edges, 1.0) for part in parts)
    except histograms.EdgesDisagree as error:
        return arm.unsound(bucket, f"{error}: give both arms the same")
    return LabeledHistogram(positives.edges, positives.counts, negatives.counts)


def rates(candidate: Arm, incumbent: Arm, source: FairnessSource, signal: Signal) -> Answer:
    """The rate of a yes, or of a right or wrong yes, by declared group."""
    return Answer(*(_rates(arm, source, signal) for arm in (candidate, incumbent)))


def _rates(arm: Arm, source: FairnessSource, signal: Signal) -> Reading:
    groups, cut = signal.groups, signal.decision_threshold or 0.5
    assert groups is not None
    (bucket,) = source.metrics(signal)
    series = arm.of(bucket)
    if not series:
        return Reading(problem=arm.absent(bucket))
    found: list[tuple[str, Counts]] = []
    for value in groups.values:
        counted = _group(arm, source, signal, _of_group(series, {groups.label: value}), cut)
        if isinstance(counted, Problem):
            return Reading(problem=counted)
        found.append((value, counted))
    return Reading(GroupRates(tuple(found)), arm.newest((bucket,)))


def _of_group(series: Sequence[Series], labels: Mapping[str, str]) -> list[Series]:
    return [each for each in series if has(each, labels)]


def _group(
    arm: Arm, source: FairnessSource, signal: Signal, series: Sequence[Series], cut: float
) -> Counts | Problem:
    """One group's counts; a group without series has no samples, which the value says."""
    if not series:
        return Counts(0.0, 0.0)
    (bucket,) = source.metrics(signal)
    try:
        if signal.measure is SignalMetric.DEMOGRAPHIC_PARITY_RATIO:
            return _selected(arm, bucket, series, cut)
        parts = _by_outcome(arm, source.labeled, series)
        if isinstance(parts, Problem):
            return parts
        scores = _histogram(arm, bucket, parts, histograms.edges_of(*parts))
        if isinstance(scores, Problem):
            return scores
        count = fairness.true_positives if signal.measure is _TRUE else fairness.false_positives
        return count(scores, cut)
    except NotAnEdge as error:
        return Problem(ProblemKind.EDGES, f"{bucket} of the {arm.name}: {error}")


def _selected(arm: Arm, bucket: str, series: Sequence[Series], cut: float) -> Counts | Problem:
    found = arm.cumulative(bucket, series)
    if isinstance(found, Problem):
        return found
    try:
        scores: Histogram = histograms.binned(found, histograms.edges_of(found), 1.0)
    except histograms.EdgesDisagree as error:
        return arm.unsound(bucket, f"{error}: give all pods the same")
    return fairness.selected(scores, cut)
