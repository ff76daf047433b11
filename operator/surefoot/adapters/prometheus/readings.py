"""From series to the answer of one question: a measure per arm, or why there is none."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from math import isfinite

from surefoot.adapters.prometheus import histograms
from surefoot.adapters.prometheus.arms import Arm, has
from surefoot.adapters.prometheus.increases import Sheet
from surefoot.adapters.prometheus.kinds import SCORE_GRID, duration_grid, is_native, series_of
from surefoot.adapters.prometheus.labelled import labelled, rates
from surefoot.adapters.prometheus.needs import names_of
from surefoot.adapters.prometheus.payload import Series, Vector
from surefoot.adapters.prometheus.promql import Arms
from surefoot.adapters.prometheus.sources import (
    CountsSource,
    FairnessSource,
    HistogramSource,
    LabeledScoresSource,
    QualitySource,
    RatioSource,
    SeriesSource,
)
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric, SignalType
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.stats.counters import NotANumber
from surefoot.stats.measures import (
    Counts,
    Histogram,
    LabeledScores,
    Measure,
    Quality,
    Ratio,
    Scalar,
)


def answer(signal: Signal, source: SeriesSource, arms: Arms, sheet: Sheet) -> Answer:
    """Both arms' readings from the series of a shared query."""
    candidate, incumbent = Arm("candidate", sheet, arms), Arm("incumbent", sheet, arms)
    match source:
        case HistogramSource():
            return _histograms(candidate, incumbent, source, signal)
        case LabeledScoresSource() if signal.measure is not SignalMetric.CALIBRATION_IN_THE_LARGE:
            return labelled(candidate, incumbent, source, signal)
        case FairnessSource():
            return rates(candidate, incumbent, source, signal)
        case _:
            both = (candidate, incumbent)
            return Answer(*(_guarded(arm, source, signal) for arm in both))


def failed(problem: Problem) -> Answer:
    """The same problem for both arms."""
    return Answer(Reading(problem=problem), Reading(problem=problem))


def scalar(result: Vector, now: datetime) -> Answer:
    """The candidate's reading of a PromQL query; the incumbent has none, unless the query itself is
    at fault, which is so at weight 0 already."""
    reading = _scalar(result, now)
    at_fault = reading.problem is not None and reading.problem.kind is ProblemKind.QUERY
    return Answer(reading, reading if at_fault else Reading())


def _scalar(result: Vector, now: datetime) -> Reading:
    if not result.values:
        text = "the query gives no element: check that its metrics exist for the candidate"
        return Reading(problem=Problem(ProblemKind.EMPTY, text))
    if len(result.values) > 1:
        text = f"the query gives {len(result.values)} elements: aggregate it to one, as with sum()"
        return Reading(problem=Problem(ProblemKind.QUERY, text))
    if not isfinite(result.values[0]):
        text = f"the query gives {result.values[0]}: check for a division by zero in it"
        return Reading(problem=Problem(ProblemKind.NOT_A_NUMBER, text))
    return Reading(Scalar(result.values[0]), now)


def _guarded(arm: Arm, source: SeriesSource, signal: Signal) -> Reading:
    metrics = source.metrics(signal)
    try:
        found = _measured(arm, source, signal)
    except NotANumber as error:
        return Reading(problem=arm.not_a_number(metrics, error))
    if isinstance(found, Problem):
        return Reading(problem=found)
    return Reading(found, arm.newest(names_of(source, signal)))


def _measured(arm: Arm, source: SeriesSource, signal: Signal) -> Measure | Problem:
    match source:
        case CountsSource():
            return _counts(arm, source)
        case LabeledScoresSource():
            return _scores(arm, source)
        case RatioSource():
            return _ratio(arm, source)
        case QualitySource():
            return _quality(arm, source, signal)
        case _:
            raise TypeError(f"{type(source).__name__} is not read on its own")


def _counts(arm: Arm, source: CountsSource) -> Measure | Problem:
    """Absent errors are zero errors only beside requests that are present."""
    requests = source.requests.series(arm.of)
    if not requests:
        return arm.absent(source.requests.metric)
    errors = source.errors.series(arm.of)
    return Counts(bad=arm.sheet.total(errors), total=arm.sheet.total(requests))


def _scores(arm: Arm, source: LabeledScoresSource) -> Measure | Problem:
    if is_native(source.labeled_scores, [arm]):
        return _native_scores(arm, source)
    counted, summed = arm.of(source.count), arm.of(source.sum)
    if not counted or not summed:
        return arm.absent(source.sum if counted else source.count)
    positives = [s for s in counted if has(s, {source.outcome_label: source.positive})]
    total = partial(arm.sheet.total_of_siblings, but_for=(source.outcome_label, "__name__"))
    family = [*counted, *summed]
    return LabeledScores(total(positives, family), total(summed, family), total(counted, family))


def _native_scores(arm: Arm, source: LabeledScoresSource) -> LabeledScores:
    """A native histogram carries its own sum and count."""
    series = [each for each in arm.of(source.labeled_scores) if each.natives]
    every = arm.sheet.observed(series)
    wanted = {source.outcome_label: source.positive}
    positives = arm.sheet.observed([each for each in series if has(each, wanted)])
    return LabeledScores(positives.count, every.total, every.count)


def _ratio(arm: Arm, source: RatioSource) -> Measure | Problem:
    """An absent numerator is zero beside a denominator that is there."""
    base = arm.of(source.denominator)
    if not base:
        return arm.absent(source.denominator)
    return Ratio(arm.sheet.total(arm.of(source.numerator)), arm.sheet.total(base))


def _quality(arm: Arm, source: QualitySource, signal: Signal) -> Measure | Problem:
    """The oldest update of any pod counts: one that stands still is not hidden by the others."""
    age = missing = total = None
    if signal.max_age is not None:
        updates = [series.samples[-1][1] for series in arm.of(source.last_update)]
        if not updates:
            return arm.absent(source.last_update)
        if not all(map(isfinite, updates)):
            raise NotANumber
        age = max(0.0, arm.sheet.end - min(updates))
    if signal.min_completeness is not None:
        base = arm.of(source.total)
        if not base:
            return arm.absent(source.total)
        missing, total = arm.sheet.total(arm.of(source.missing)), arm.sheet.total(base)
    return Quality(age, missing, total)


def _histograms(candidate: Arm, incumbent: Arm, source: HistogramSource, signal: Signal) -> Answer:
    """Both arms on the same edges, or EDGES for both."""
    arms = (candidate, incumbent)
    native = is_native(source.histogram, arms)
    found = [_observed(arm, source, signal, native) for arm in arms]
    edges = histograms.edges_of(*(each for each in found if not isinstance(each, Problem)))
    readings = []
    for arm, each in zip(arms, found, strict=True):
        if isinstance(each, Problem):
            readings.append(Reading(problem=each))
            continue
        try:
            bins = histograms.binned(each, edges, source.divide_by)
        except histograms.EdgesDisagree as error:
            return failed(arm.unsound(source.bucket, f"{error}: give both arms the same"))
        readings.append(_with_sum(arm, source, signal, bins))
    return Answer(readings[0], readings[1])


def _with_sum(arm: Arm, source: HistogramSource, signal: Signal, bins: Histogram) -> Reading:
    """A mean is exact only from the sum of the scores. A latency has its sum where there is one."""
    newest = arm.newest((source.bucket, source.histogram))
    if signal.type is SignalType.LATENCY and bins.total is None:
        bins = replace(bins, total=_sum_of(arm, source))
    if signal.measure is SignalMetric.MEAN_SHIFT and bins.total is None:
        sums = _selected(arm, source, source.sum)
        if not sums:
            return Reading(problem=arm.absent(source.sum))
        try:
            moved = arm.sheet.moved(sums, _selected(arm, source, source.bucket))
        except NotANumber as error:
            return Reading(problem=arm.not_a_number((source.sum,), error))
        bins = replace(bins, total=moved / source.divide_by)
    return Reading(bins, newest)


def _sum_of(arm: Arm, source: HistogramSource) -> float | None:
    """Seconds that all requests took together; None where it is not exported, or no number."""
    sums, buckets = _selected(arm, source, source.sum), _selected(arm, source, source.bucket)
    try:
        return arm.sheet.moved(sums, buckets) / source.divide_by if sums else None
    except NotANumber:
        return None


def _selected(arm: Arm, source: HistogramSource, metric: str) -> list[Series]:
    return source.among(arm.of(metric))


def _observed(
    arm: Arm, source: HistogramSource, signal: Signal, native: bool
) -> histograms.Observed | Problem:
    found = series_of(arm, source.histogram, native)
    if isinstance(found, Problem):
        return found
    series = source.among(found)
    if not series:
        return arm.absent(source.histogram if native else source.bucket)
    duration = signal.type is SignalType.LATENCY
    grid = duration_grid(source.divide_by) if duration else SCORE_GRID
    return arm.observed(source.histogram if native else source.bucket, series, grid)
