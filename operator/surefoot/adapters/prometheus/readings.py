"""From series to the answer of one question: a measure per arm, or why there is none."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import TypeVar

from surefoot.adapters.prometheus import histograms
from surefoot.adapters.prometheus.increases import Sheet
from surefoot.adapters.prometheus.payload import Result, Series, Vector
from surefoot.adapters.prometheus.presets import (
    CountsSource,
    HistogramSource,
    LabeledScoresSource,
    SeriesSource,
)
from surefoot.adapters.prometheus.promql import Arms, quote
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.stats.counters import NotANumber
from surefoot.stats.measures import Counts, LabeledScores, Measure, Scalar

_Source = TypeVar("_Source", CountsSource, LabeledScoresSource)


@dataclass(frozen=True)
class Arm:
    """One arm's share of a sheet: the series whose label matches its pattern."""

    name: str
    sheet: Sheet
    arms: Arms

    @property
    def pattern(self) -> str:
        return self.arms.candidate if self.name == "candidate" else self.arms.incumbent

    def of(self, metric: str) -> list[Series]:
        """This arm's series of one metric."""
        mine = re.compile(self.pattern)
        return [
            series
            for series in self.sheet.series
            if series.name == metric
            and series.samples
            and mine.fullmatch(series.labels.get(self.arms.label, ""))
        ]

    def newest(self, metrics: Sequence[str]) -> datetime:
        """The time of the newest sample of any of the metrics."""
        times = [series.samples[-1][0] for name in metrics for series in self.of(name)]
        return datetime.fromtimestamp(max(times), UTC)

    def absent(self, metric: str) -> Problem:
        exact = [f"{label}={quote(value)}" for label, value in self.arms.shared]
        labels = ", ".join([*exact, f"{self.arms.label}=~{quote(self.pattern)}"])
        text = f"no samples of {metric} with {labels} for the {self.name}"
        return Problem(ProblemKind.EMPTY, f"{text}: check that it is scraped with these labels")


def answer(source: SeriesSource, arms: Arms, sheet: Sheet) -> Answer:
    """Both arms' readings from the series of a shared query."""
    candidate, incumbent = Arm("candidate", sheet, arms), Arm("incumbent", sheet, arms)
    match source:
        case CountsSource():
            return Answer(
                _guarded(candidate, source, _counts), _guarded(incumbent, source, _counts)
            )
        case LabeledScoresSource():
            return Answer(
                _guarded(candidate, source, _scores), _guarded(incumbent, source, _scores)
            )
        case HistogramSource():
            return _histograms(candidate, incumbent, source)


def failed(problem: Problem) -> Answer:
    """The same problem for both arms."""
    return Answer(Reading(problem=problem), Reading(problem=problem))


def scalar(result: Result, now: datetime) -> Answer:
    """The candidate's reading of a PromQL query; the incumbent has none, unless the query itself is
    at fault, which is so at weight 0 already."""
    reading = _scalar(result, now)
    at_fault = reading.problem is not None and reading.problem.kind is ProblemKind.QUERY
    return Answer(reading, reading if at_fault else Reading())


def _scalar(result: Result, now: datetime) -> Reading:
    if not isinstance(result, Vector):
        text = "the query gives samples over a range: it must give a scalar or one element"
        return Reading(problem=Problem(ProblemKind.QUERY, text))
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


def _guarded(
    arm: Arm, source: _Source, measure: Callable[[Arm, _Source], Measure | Problem]
) -> Reading:
    try:
        found = measure(arm, source)
    except NotANumber:
        return Reading(problem=_not_a_number(arm, source))
    if isinstance(found, Problem):
        return Reading(problem=found)
    return Reading(found, arm.newest(source.metrics))


def _not_a_number(arm: Arm, source: SeriesSource) -> Problem:
    text = (
        f"{' or '.join(source.metrics)} of the {arm.name} has a sample that is not a finite number"
    )
    return Problem(ProblemKind.NOT_A_NUMBER, f"{text}: check its exporter")


def _counts(arm: Arm, source: CountsSource) -> Measure | Problem:
    """Absent errors are zero errors only beside requests that are present."""
    requests = [s for s in arm.of(source.requests.metric) if _has(s, source.requests.labels)]
    if not requests:
        return arm.absent(source.requests.metric)
    errors = [s for s in arm.of(source.errors.metric) if _has(s, source.errors.labels)]
    return Counts(bad=arm.sheet.total(errors), total=arm.sheet.total(requests))


def _scores(arm: Arm, source: LabeledScoresSource) -> Measure | Problem:
    counted, summed = arm.of(source.count), arm.of(source.sum)
    if not counted or not summed:
        return arm.absent(source.sum if counted else source.count)
    positives = [s for s in counted if _has(s, {source.outcome_label: source.positive})]
    total = partial(arm.sheet.total_of_siblings, but_for=(source.outcome_label, "__name__"))
    family = [*counted, *summed]
    return LabeledScores(total(positives, family), total(summed, family), total(counted, family))


def _has(series: Series, labels: Mapping[str, str]) -> bool:
    return all(series.labels.get(label) == value for label, value in labels.items())


def _histograms(candidate: Arm, incumbent: Arm, source: HistogramSource) -> Answer:
    """Both arms on the same edges, or EDGES for both."""
    found = [_cumulative(arm, source) for arm in (candidate, incumbent)]
    edges = histograms.edges_of(*(each for each in found if not isinstance(each, Problem)))
    readings = []
    for arm, each in zip((candidate, incumbent), found, strict=True):
        if isinstance(each, Problem):
            readings.append(Reading(problem=each))
            continue
        try:
            bins = histograms.binned(each, edges, source.divide_by)
        except histograms.EdgesDisagree as error:
            return failed(_unsound(arm, source, f"{error}: give both arms the same"))
        readings.append(Reading(bins, arm.newest(source.metrics)))
    return Answer(readings[0], readings[1])


def _cumulative(arm: Arm, source: HistogramSource) -> list[histograms.Cumulative] | Problem:
    buckets = arm.of(source.bucket)
    if not buckets:
        return arm.absent(source.bucket)
    try:
        return histograms.cumulative(arm.sheet, buckets)
    except histograms.UnsoundBuckets as error:
        return _unsound(arm, source, str(error))
    except NotANumber:
        return _not_a_number(arm, source)


def _unsound(arm: Arm, source: HistogramSource, said: str) -> Problem:
    return Problem(ProblemKind.EDGES, f"{source.bucket} of the {arm.name} {said}")
