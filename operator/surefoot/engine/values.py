"""The one number of each signal type, from what was measured of an arm."""

from dataclasses import dataclass
from math import isfinite

from surefoot.api.signals import Signal
from surefoot.api.status import FrozenBins
from surefoot.api.vocabulary import SignalType
from surefoot.stats.calibration import calibration_in_the_large
from surefoot.stats.drift import EdgesDiffer, population_stability_index
from surefoot.stats.latency import quantile
from surefoot.stats.measures import Counts, Histogram, LabeledScores, Measure, Scalar


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
    found = _value_of(signal, measure, frozen, baseline)
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
            ratio = calibration_in_the_large(measure)
            return Value(ratio) if ratio is not None else Value(None, "no labelled scores yet")
        case Scalar(value):
            return Value(value)
        case Histogram() if signal.type is SignalType.LATENCY:
            return _latency(signal, measure)
        case _:
            return _drift(measure, _baseline(frozen, baseline))


def _latency(signal: Signal, histogram: Histogram) -> Value:
    if histogram.samples <= 0:
        return Value(None, "no requests in the window")
    found = quantile(histogram, signal.quantile or 0.99)
    note = f"above the last bucket edge of {found.value:g} s" if found.above_last_edge else ""
    return Value(found.value, note, at_least=found.above_last_edge)


def _baseline(frozen: FrozenBins | None, baseline: Measure | None) -> Histogram | None:
    if frozen is not None:
        return Histogram(tuple(frozen.edges), tuple(frozen.counts))
    return baseline if isinstance(baseline, Histogram) else None


def _drift(candidate: Histogram, incumbent: Histogram | None) -> Value:
    if incumbent is None or incumbent.samples <= 0:
        return Value(None, "the incumbent has no samples to compare with")
    if candidate.samples <= 0:
        return Value(None, "no scores in the window")
    try:
        psi = population_stability_index(candidate, incumbent)
    except EdgesDiffer:
        return Value(None, "the arms' histograms have different bucket edges: give both the same")
    if psi.bins < 2:
        return Value(None, "too few scores yet to tell two bins apart")
    note = f"{psi.value:.3g}, where noise alone reaches {psi.null_cut:.3g}"
    return Value(psi.value, note, significant=psi.value > psi.null_cut)
