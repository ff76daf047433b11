"""Scores with outcomes, and rates by group, from the buckets of both arms on shared edges."""

from collections.abc import Mapping, Sequence

from surefoot.adapters.prometheus import histograms
from surefoot.adapters.prometheus.arms import Arm
from surefoot.adapters.prometheus.kinds import SCORE_GRID, is_native, series_of
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.sources import FairnessSource, LabeledScoresSource
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric
from surefoot.engine.questions import Answer, Problem, Reading
from surefoot.stats import fairness
from surefoot.stats.bins import NotAnEdge
from surefoot.stats.counters import NotANumber
from surefoot.stats.measures import Counts, GroupRates, Histogram, LabeledHistogram

Observed = histograms.Observed
Outcomes = tuple[Observed, Observed]
"""What was observed of scores that came true, and of the others."""
_TRUE = SignalMetric.EQUAL_OPPORTUNITY_DIFFERENCE


def labelled(candidate: Arm, incumbent: Arm, source: LabeledScoresSource, signal: Signal) -> Answer:
    """Scores by bucket and outcome."""
    arms = (candidate, incumbent)
    native, cut = is_native(source.labeled_scores, arms), signal.decision_threshold
    split = [_by_outcome(arm, source, native, {}, cut) for arm in arms]
    edges = _edges(split)
    readings = [
        Reading(problem=each) if isinstance(each, Problem) else _labelled(arm, source, each, edges)
        for arm, each in zip(arms, split, strict=True)
    ]
    return Answer(*readings)


def _labelled(
    arm: Arm,
    source: LabeledScoresSource,
    parts: Outcomes,
    edges: tuple[float, ...],
) -> Reading:
    found = _histogram(arm, source.bucket, parts, edges)
    if isinstance(found, Problem):
        return Reading(problem=found)
    total = _score_sum(arm, source, parts)
    if isinstance(total, Problem):
        return Reading(problem=total)
    measure = LabeledHistogram(found.edges, found.positives, found.negatives, total)
    return Reading(measure, arm.newest((source.bucket, source.labeled_scores)))


def _score_sum(arm: Arm, source: LabeledScoresSource, parts: Outcomes) -> float | Problem | None:
    natives = [part.found.total for part in parts if isinstance(part, histograms.Natives)]
    if natives:
        return sum(natives)
    sums = arm.of(source.sum)
    try:
        return arm.sheet.moved(sums, arm.of(source.bucket)) if sums else None
    except NotANumber as error:
        return arm.not_a_number((source.sum,), error)


def _by_outcome(
    arm: Arm,
    source: LabeledScoresSource,
    native: bool,
    labels: Mapping[str, str],
    cut: float | None,
) -> Outcomes | Problem:
    """(positives, negatives) among the series with `labels`; an outcome that has not come yet has no
    series."""
    series = series_of(arm, source.labeled_scores, native)
    if isinstance(series, Problem):
        return series
    for label, value in labels.items():
        series = arm.split(series, label, value)[0]
    came_true, others = arm.split(series, source.outcome_label, source.positive)
    name = source.labeled_scores if native else source.bucket
    grid = _grid(cut)
    positives = arm.observed(name, came_true, grid)
    negatives = arm.observed(name, others, grid)
    if isinstance(positives, Problem):
        return positives
    return negatives if isinstance(negatives, Problem) else (positives, negatives)


def _grid(cut: float | None) -> histograms.Grid:
    """Edges for scores, and the decision threshold if there is one."""
    return SCORE_GRID if cut is None else tuple(sorted({*SCORE_GRID, cut}))


def _edges(split: Sequence[Outcomes | Problem]) -> tuple[float, ...]:
    sound = [part for each in split if not isinstance(each, Problem) for part in each]
    return histograms.edges_of(*sound)


def _histogram(
    arm: Arm, bucket: str, parts: Outcomes, edges: tuple[float, ...]
) -> LabeledHistogram | Problem:
    try:
        positives, negatives = (histograms.binned(part, edges) for part in parts)
    except histograms.EdgesDisagree as error:
        return arm.unsound(bucket, f"{error}: give both arms the same")
    return LabeledHistogram(positives.edges, positives.counts, negatives.counts)


def rates(candidate: Arm, incumbent: Arm, source: FairnessSource, signal: Signal) -> Answer:
    """The rate of a yes, or of a right or wrong yes, by declared group."""
    return Answer(*(_rates(arm, source, signal) for arm in (candidate, incumbent)))


def _rates(arm: Arm, source: FairnessSource, signal: Signal) -> Reading:
    groups, cut = signal.groups, signal.decision_threshold or 0.5
    assert groups is not None
    parity = signal.measure is SignalMetric.DEMOGRAPHIC_PARITY_RATIO
    histogram = source.scores.histogram if parity else source.labeled.labeled_scores
    native = is_native(histogram, [arm])
    series = series_of(arm, histogram, native)
    if isinstance(series, Problem):
        return Reading(problem=series)
    found: list[tuple[str, Counts]] = []
    for value in groups.values:
        group = {groups.label: value}
        mine = arm.split(series, groups.label, value)[0]
        if not mine:
            # No samples, which the value says.
            found.append((value, Counts(0.0, 0.0)))
            continue
        counted = (
            _selected(arm, series[0].name, mine, cut)
            if parity
            else _decided(arm, source.labeled, native, group, signal)
        )
        if isinstance(counted, Problem):
            return Reading(problem=counted)
        found.append((value, counted))
    return Reading(GroupRates(tuple(found)), arm.newest((series[0].name,)))


def _decided(
    arm: Arm, source: LabeledScoresSource, native: bool, group: Mapping[str, str], signal: Signal
) -> Counts | Problem:
    cut = signal.decision_threshold or 0.5
    parts = _by_outcome(arm, source, native, group, cut)
    if isinstance(parts, Problem):
        return parts
    scores = _histogram(arm, source.bucket, parts, histograms.edges_of(*parts))
    if isinstance(scores, Problem):
        return scores
    count = fairness.true_positives if signal.measure is _TRUE else fairness.false_positives
    try:
        return count(scores, cut)
    except NotAnEdge as error:
        return arm.unsound(source.bucket, f"cannot be split: {error}")


def _selected(arm: Arm, name: str, series: Sequence[Series], cut: float) -> Counts | Problem:
    found = arm.observed(name, series, _grid(cut))
    if isinstance(found, Problem):
        return found
    try:
        scores: Histogram = histograms.binned(found, histograms.edges_of(found))
        return fairness.selected(scores, cut)
    except histograms.EdgesDisagree as error:
        return arm.unsound(name, f"{error}: give all pods the same")
    except NotAnEdge as error:
        return arm.unsound(name, f"cannot be split: {error}")
