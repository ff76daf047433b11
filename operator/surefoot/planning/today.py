"""What is known of the traffic before a release, and what is assumed of the rest.

Everything here describes the incumbent. A baseline is a measure of any size: only its proportions
count, and how many samples a request brings (fewer than one where labels come for some only).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist

from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric, SignalType
from surefoot.planning.shifts import middles_of
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Ratio,
)

_WHOLE = 1_000_000.0
_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MEDIAN_S, _SPREAD = 0.08, 0.6
_BELOW_LIMIT = 0.6
_SCORE_BINS = 20
_LABEL_MASS = (0.20, 0.16, 0.13, 0.11, 0.09, 0.08, 0.07, 0.06, 0.05, 0.05)
_SELECTED, _RATIO = 0.3, 0.1


@dataclass(frozen=True, slots=True)
class Baseline:
    """A signal of the incumbent. `per_request`: samples that a request brings. `assumed` says in
    words what was taken for granted; empty where it was measured or given."""

    measure: Measure
    per_request: float = 1.0
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Today:
    """Requests per second of the whole endpoint, and a baseline for every signal that has one."""

    rps: float
    baselines: Mapping[str, Baseline]


def assumed(signal: Signal, error_rate: float, labelled: float) -> Baseline | None:
    """A plausible baseline; None for a type that nothing can be assumed of (PromQL, data quality).

    `error_rate` is a fraction of the requests, `labelled` the share of them whose outcome comes back.
    """
    match signal.type:
        case SignalType.ERROR_RATE:
            return Baseline(Counts(error_rate * _WHOLE, _WHOLE))
        case SignalType.LATENCY:
            return _latency(signal)
        case SignalType.DRIFT:
            edges = tuple((b + 1) / _SCORE_BINS for b in range(_SCORE_BINS - 1))
            counts = (_WHOLE / _SCORE_BINS,) * _SCORE_BINS
            text = f"scores spread evenly over {_SCORE_BINS} buckets"
            return Baseline(Histogram(edges, counts, 0.5 * _WHOLE), 1.0, text)
        case SignalType.CALIBRATION | SignalType.PERFORMANCE:
            return Baseline(
                _scored(signal), labelled, "scores that are probabilities, most of them low"
            )
        case SignalType.FAIRNESS:
            return _groups(signal, labelled)
        case SignalType.BUSINESS:
            return Baseline(Ratio(_RATIO * _WHOLE, _WHOLE), 1.0, f"a ratio of {_RATIO:g}")
        case _:
            return None


def _latency(signal: Signal) -> Baseline:
    """A lognormal: around 80 ms, or where its quantile is safely below the limit."""
    median, text = _MEDIAN_S, f"durations around {_MEDIAN_S:g} s"
    limit = signal.threshold.max if signal.threshold is not None else None
    if limit is not None and limit > 0:
        high = _BELOW_LIMIT * limit
        median = high * exp(-_SPREAD * NormalDist().inv_cdf(signal.quantile or 0.99))
        text = f"durations whose p{100 * (signal.quantile or 0.99):g} is {high:.3g} s"
    below = [NormalDist(log(median), _SPREAD).cdf(log(edge)) for edge in _EDGES]
    counts = [b - a for a, b in zip([0.0, *below], [*below, 1.0], strict=True)]
    return Baseline(Histogram(_EDGES, tuple(c * _WHOLE for c in counts)), 1.0, text)


def _scored(signal: Signal) -> LabeledHistogram | LabeledScores:
    """As it is read: calibration in the large needs sums alone."""
    found = _labelled()
    if signal.measure is SignalMetric.CALIBRATION_IN_THE_LARGE:
        return LabeledScores(found.positives_total, found.positives_total, found.samples)
    return found


def _labelled() -> LabeledHistogram:
    edges = tuple((b + 1) / len(_LABEL_MASS) for b in range(len(_LABEL_MASS)))
    masses = (*_LABEL_MASS, 0.0)
    middles = middles_of(edges)
    positives = tuple(m * s * _WHOLE for m, s in zip(masses, middles, strict=True))
    negatives = tuple(m * (1.0 - s) * _WHOLE for m, s in zip(masses, middles, strict=True))
    return LabeledHistogram(edges, positives, negatives, sum(positives))


def _groups(signal: Signal, labelled: float) -> Baseline:
    names = signal.groups.values if signal.groups is not None else []
    each = _WHOLE / max(1, len(names))
    groups = tuple((name, Counts(_SELECTED * each, each)) for name in names)
    parity = signal.measure is SignalMetric.DEMOGRAPHIC_PARITY_RATIO
    text = f"groups of one size, {_SELECTED:.0%} of each selected"
    return Baseline(GroupRates(groups), 1.0 if parity else 0.5 * labelled, text)
