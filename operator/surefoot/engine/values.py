"""The one number of each signal type, from what was measured of an arm."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

from surefoot.api.signal_status import FrozenBins
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric as M
from surefoot.api.vocabulary import SignalType
from surefoot.stats import calibration, distances, fairness, performance, quality
from surefoot.stats.bins import NotAnEdge
from surefoot.stats.drift import (
    Distance,
    EdgesDiffer,
    jensen_shannon_distance,
    population_stability_index,
)
from surefoot.stats.latency import quantile
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Quality,
    Ratio,
    Scalar,
)

_DISTANCES: Mapping[M | None, Callable[[Histogram, Histogram], Distance]] = {
    M.PSI: population_stability_index,
    M.JENSEN_SHANNON_DISTANCE: jensen_shannon_distance,
    M.KOLMOGOROV_SMIRNOV: distances.kolmogorov_smirnov,
    M.WASSERSTEIN_NORMED: distances.wasserstein_normed,
    M.MEAN_SHIFT: distances.mean_shift,
}
_DECIDED: Mapping[M | None, Callable[[LabeledHistogram, float], float | None]] = {
    M.ACCURACY: performance.accuracy,
    M.PRECISION: performance.precision,
    M.RECALL: performance.recall,
}
NO_LABELS = "no labelled scores yet"
UNBEARABLE = (
    "its numbers are too large or too small to reckon with: check the buckets and their edges"
)


@dataclass(frozen=True, slots=True)
class Value:
    """A number, or a note why there is none. `at_least`: only known to exceed the number.

    `significant` is false where a crossing may be the sample's noise alone.
    """

    number: float | None
    note: str = ""
    at_least: bool = False
    significant: bool = True


def value_of(
    signal: Signal, measure: Measure | None, frozen: FrozenBins | None, baseline: Measure | None
) -> Value:
    """The signal's value for one arm, a finite number or none; drift needs the baseline's (or the
    frozen) histogram."""
    if measure is not None and measure.samples is not None and not isfinite(measure.samples):
        return Value(None, "the number of samples is not a finite number")
    try:
        found = _value_of(signal, measure, frozen, baseline)
    except (ArithmeticError, ValueError):
        # Whoever exports them may choose any edges and any sum.
        return Value(None, UNBEARABLE)
    if found.number is not None and not isfinite(found.number):
        return Value(None, "the value is not a finite number")
    return found


def _value_of(
    signal: Signal, measure: Measure | None, frozen: FrozenBins | None, baseline: Measure | None
) -> Value:
    match measure:
        case None:
            return Value(None, "nothing was measured")
        case Counts(bad, total):
            return Value(bad / total) if total > 0 else Value(None, "no requests in the window")
        case LabeledScores():
            return _or_none(calibration.calibration_in_the_large(measure), NO_LABELS)
        case LabeledHistogram():
            return _labeled(signal, measure)
        case GroupRates():
            return _fairness(signal, measure)
        case Ratio():
            return _or_none(quality.business_ratio(measure), "nothing to divide by in the window")
        case Quality():
            return _quality(measure)
        case Scalar(value):
            return Value(value)
        case Histogram() if signal.type is SignalType.LATENCY:
            return _latency(signal, measure)
        case _:
            return _drift(signal, measure, baseline_of(frozen, baseline))


def _or_none(number: float | None, note: str) -> Value:
    return Value(number) if number is not None else Value(None, note)


def _latency(signal: Signal, histogram: Histogram) -> Value:
    if histogram.samples <= 0:
        return Value(None, "no requests in the window")
    found = quantile(histogram, signal.quantile or 0.99)
    note = f"above the last bucket edge of {found.value:g} s" if found.above_last_edge else ""
    return Value(found.value, note, at_least=found.above_last_edge)


def baseline_of(frozen: FrozenBins | None, baseline: Measure | None) -> Histogram | None:
    """The bins that Drift is held against: the frozen ones once the incumbent has no traffic."""
    if frozen is not None:
        return Histogram(tuple(frozen.edges), tuple(frozen.counts), frozen.total)
    return baseline if isinstance(baseline, Histogram) else None


def _drift(signal: Signal, candidate: Histogram, incumbent: Histogram | None) -> Value:
    if incumbent is None or incumbent.samples <= 0:
        return Value(None, "the incumbent has no samples to compare with")
    if candidate.samples <= 0:
        return Value(None, "no scores in the window")
    try:
        found = _DISTANCES[signal.measure](candidate, incumbent)
    except EdgesDiffer:
        return Value(None, "the arms' histograms have different bucket edges: give both the same")
    except distances.NoSpread as error:
        return Value(None, str(error))
    if found.bins < 2:
        return Value(None, "too few scores yet to tell two bins apart")
    note = f"{found.value:.3g}, where noise alone reaches {found.null_cut:.3g}"
    return Value(found.value, note, significant=found.significant)


def _labeled(signal: Signal, measure: LabeledHistogram) -> Value:
    match signal.measure:
        case M.ECE | M.MCE:
            expected = signal.measure is M.ECE
            error = (
                calibration.expected_calibration_error(measure)
                if expected
                else calibration.maximum_calibration_error(measure)
            )
            if error is None:
                return Value(None, NO_LABELS)
            note = f"{error.value:.3g}, where noise alone reaches {error.null_cut:.3g}"
            return Value(error.value, note, significant=error.significant)
        case M.BRIER:
            return _or_none(calibration.brier_score(measure), NO_LABELS)
        case M.AUC:
            found = performance.area_under_curve(measure)
            return Value(found.value) if found else Value(None, "labels of one outcome only so far")
        case _:
            return _decided(signal, measure)


def _decided(signal: Signal, measure: LabeledHistogram) -> Value:
    try:
        number = _DECIDED[signal.measure](measure, signal.decision_threshold or 0.5)
    except NotAnEdge as error:
        return Value(None, str(error))
    return _or_none(number, "too few labelled scores yet")


def _fairness(signal: Signal, measure: GroupRates) -> Value:
    if signal.measure is M.DEMOGRAPHIC_PARITY_RATIO:
        found = fairness.demographic_parity_ratio(measure)
    else:
        found = fairness.rate_difference(measure)
    return Value(found.value, found.note)


def _quality(measure: Quality) -> Value:
    """Completeness where it is counted, else the age."""
    complete = quality.completeness(measure)
    if complete is not None:
        return Value(complete)
    return _or_none(measure.age_s, "no value in the window")
