"""What "twice the errors" or "20 % slower" does to what was measured: one definition for all forecasts.

A shift has a size (0: nothing changes); what it means depends on the type:

- ErrorRate, Business, PromQL: the value times 1 + size (which may be negative);
- Latency: every duration times 1 + size;
- Drift: scores tilted towards high ones until their PSI against before is the size;
- Calibration: the share of positive outcomes lies by the size above the scores;
- Performance: that share of the outcomes has nothing to do with the scores any more;
- Fairness: the group with the lowest rate has it lowered by that share.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log

from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalType
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Ratio,
    Scalar,
)

_STEEPEST = 60.0


def shifted(signal: Signal, measure: Measure, size: float) -> Measure:
    """The measure as it would have been. What has no such shift (data quality) comes back as it is."""
    match measure:
        case Counts(bad, total):
            return Counts(min(total, max(0.0, bad * (1.0 + size))), total)
        case Ratio(numerator, denominator):
            return Ratio(numerator * (1.0 + size), denominator)
        case Scalar(value):
            return Scalar(value * (1.0 + size))
        case Histogram() if signal.type is SignalType.LATENCY:
            return slower(measure, 1.0 + size)
        case Histogram():
            return tilted(measure, size)
        case LabeledScores(positives, score_sum, total):
            return LabeledScores(min(total, max(0.0, positives + size * total)), score_sum, total)
        case LabeledHistogram() if signal.type is SignalType.PERFORMANCE:
            return _unrelated(measure, size)
        case LabeledHistogram():
            return _miscalibrated(measure, size)
        case GroupRates():
            return _unfair(measure, size)
        case _:
            return measure


def slower(histogram: Histogram, factor: float) -> Histogram:
    """Durations times `factor` (> 0), in the same buckets.

    Within a bucket the survival function is a power of the duration, as in the tails of latencies;
    a straight line there would put far too many requests just below an edge.
    """
    if factor <= 0.0 or histogram.samples <= 0.0:
        return histogram
    above = _survivors(histogram)
    moved = [histogram.samples] + [
        _above(histogram.edges, above, edge / factor, histogram.samples) for edge in histogram.edges
    ]
    counts = [a - b for a, b in zip(moved, [*moved[1:], 0.0], strict=True)]
    total = histogram.total * factor if histogram.total is not None else None
    return Histogram(histogram.edges, tuple(max(0.0, c) for c in counts), total)


def _survivors(histogram: Histogram) -> list[float]:
    """How many are above each edge."""
    found, left = [], histogram.samples
    for count in histogram.counts[:-1]:
        left -= count
        found.append(max(0.0, left))
    return found


def _above(edges: Sequence[float], above: Sequence[float], x: float, everyone: float) -> float:
    """How many are above `x`, between the edges where it is known."""
    if x >= edges[-1]:
        return above[-1]
    at = next(i for i, edge in enumerate(edges) if x < edge)
    if at == 0:
        low, high = 0.0, edges[0]
        return everyone + (above[0] - everyone) * max(0.0, x - low) / (high - low)
    low, high, before, after = edges[at - 1], edges[at], above[at - 1], above[at]
    if after <= 0.0 or low <= 0.0:
        return before + (after - before) * (x - low) / (high - low)
    return float(before * (after / before) ** (log(x / low) / log(high / low)))


def tilted(histogram: Histogram, psi: float) -> Histogram:
    """Scores moved upwards until the PSI against before is `psi`: p_b ∝ q_b·exp(c·rank_b).

    With all scores in one bucket nothing can move.
    """
    n = histogram.samples
    shares = [count / n for count in histogram.counts] if n > 0 else []
    if psi <= 0.0 or sum(share > 0 for share in shares) < 2:
        return histogram
    low, high = 0.0, 1.0
    while _psi(shares, _tilt(shares, high)) < psi and high < _STEEPEST:
        low, high = high, 2.0 * high
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _psi(shares, _tilt(shares, middle)) < psi else (low, middle)
    moved = _tilt(shares, high)
    counts = tuple(share * n for share in moved)
    return replace(histogram, counts=counts, total=_moved_total(histogram, counts))


def _tilt(shares: Sequence[float], slope: float) -> list[float]:
    found, below = [], 0.0
    for share in shares:
        found.append(share * exp(slope * (below + 0.5 * share - 1.0)))
        below += share
    whole = sum(found)
    return [each / whole for each in found]


def _psi(old: Sequence[float], new: Sequence[float]) -> float:
    return sum((p - q) * log(p / q) for q, p in zip(old, new, strict=True) if q > 0 and p > 0)


def _moved_total(histogram: Histogram, counts: Sequence[float]) -> float | None:
    """The sum of the scores, with each bucket's at its middle."""
    if histogram.total is None:
        return None
    middles = middles_of(histogram.edges)
    moves = zip(middles, counts, histogram.counts, strict=True)
    return histogram.total + sum(m * (new - old) for m, new, old in moves)


def middles_of(edges: Sequence[float]) -> tuple[float, ...]:
    """The middle of each bucket; the first begins at 0 or one width below, +Inf counts as its edge."""
    if not edges:
        return (0.0,)
    first = 0.0 if edges[0] > 0 else edges[0]
    lows = [first, *edges[:-1]]
    return (*(0.5 * (a + b) for a, b in zip(lows, edges, strict=True)), edges[-1])


def _miscalibrated(measure: LabeledHistogram, gap: float) -> LabeledHistogram:
    """In each bucket the share of positives grows by `gap`, as far as it can."""
    counts = measure.counts
    positives = tuple(
        min(n, max(0.0, k + gap * n)) for k, n in zip(measure.positives, counts, strict=True)
    )
    negatives = tuple(n - k for k, n in zip(positives, counts, strict=True))
    return replace(measure, positives=positives, negatives=negatives)


def _unrelated(measure: LabeledHistogram, size: float) -> LabeledHistogram:
    """A share `size` of the outcomes is dealt out anew, without looking at the score."""
    everyone, share = measure.samples, max(0.0, min(1.0, size))
    base = measure.positives_total / everyone if everyone > 0 else 0.0
    counts = measure.counts
    positives = tuple(
        (1.0 - share) * k + share * base * n for k, n in zip(measure.positives, counts, strict=True)
    )
    negatives = tuple(n - k for k, n in zip(positives, counts, strict=True))
    return replace(measure, positives=positives, negatives=negatives)


def _unfair(measure: GroupRates, size: float) -> GroupRates:
    """The lowest rate of a group becomes lower by the share `size`."""
    rated = [(counts.bad / counts.total, name) for name, counts in measure.groups if counts.total]
    if not rated:
        return measure
    lowest = min(rated)[1]
    return GroupRates(
        tuple(
            (name, Counts(c.bad * max(0.0, 1.0 - size), c.total) if name == lowest else c)
            for name, c in measure.groups
        )
    )
