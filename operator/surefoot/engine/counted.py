"""What a hypothesis counts of each signal type: good or bad cases, out of how many."""

from bisect import bisect_right

from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric
from surefoot.stats.bins import NotAnEdge
from surefoot.stats.contrasts import exceedances
from surefoot.stats.evidence import Interval
from surefoot.stats.latency import quantile
from surefoot.stats.measures import Counts, Histogram, LabeledHistogram, Measure, Ratio
from surefoot.stats.performance import confusion


def edge_of(incumbent: Measure | None, q: float) -> float | None:
    """The bucket edge whose exceedances stand for a quantile: the one nearest below the incumbent's.

    None where the incumbent shows none. As in `latencybet.begin`, it is fixed once.
    """
    if not isinstance(incumbent, Histogram) or incumbent.samples <= 0 or not incumbent.edges:
        return None
    found = quantile(incumbent, q)
    return incumbent.edges[max(0, bisect_right(incumbent.edges, found.value) - 1)]


def counted(signal: Signal, interval: Interval[Measure], edge: float | None) -> Interval[Counts]:
    """Both arms' counts of one interval; None for an arm that has none."""
    old, new = (_counts(signal, arm, edge) for arm in (interval.incumbent, interval.candidate))
    return Interval(interval.end, interval.step, old, new)


def _counts(signal: Signal, measure: Measure | None, edge: float | None) -> Counts | None:
    match measure:
        case Counts():
            return measure
        case Ratio(numerator, denominator):
            return Counts(numerator, denominator)
        case Histogram() if edge is not None:
            return exceedances(Interval(0.0, 0, None, measure), edge).candidate
        case LabeledHistogram():
            return _decided(signal, measure)
        case _:
            return None


def _decided(signal: Signal, scores: LabeledHistogram) -> Counts | None:
    """Right decisions, yes that came true, or positives that got a yes."""
    try:
        found = confusion(scores, signal.decision_threshold or 0.5)
    except NotAnEdge:
        return None
    match signal.measure:
        case SignalMetric.PRECISION:
            return Counts(found.true_positives, found.true_positives + found.false_positives)
        case SignalMetric.RECALL:
            return Counts(found.true_positives, found.positives)
        case _:
            return Counts(found.true_positives + found.true_negatives, scores.samples)
