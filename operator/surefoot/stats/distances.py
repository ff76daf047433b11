"""How far scores moved along their axis: the largest gap, the work to move them, and the mean.

All three read bucket counts. Where a position is needed, a bucket stands for its centre (see
`bins.bucket_ranges` for the open first and last bucket).
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import asin, log, sqrt

from surefoot.stats.bins import bucket_ranges, check_comparable, filled
from surefoot.stats.chance import (
    HALF_NORMAL_MEAN,
    NORMAL_TWO_SIDED,
    matched_quantile,
)
from surefoot.stats.drift import Distance
from surefoot.stats.measures import Histogram

KOLMOGOROV_FACTOR = sqrt(-log(0.025) / 2.0)


class NoSpread(ValueError):
    """All of the incumbent's observations share one bucket: there is no σ to measure by."""


def kolmogorov_smirnov(p: Histogram, q: Histogram) -> Distance:
    """max |F_c − F_i| over the finite edges, between 0 and 1: of the true distance a lower bound,
    because nothing is known between two edges.

    The cut is c·√((n + m)/(n·m)), c = √(−ln(0.025)/2) = 1.358 (N. Smirnov, "Table for Estimating
    the Goodness of Fit of Empirical Distributions", 1948). Noise exceeds it in at most 5 %, with
    few buckets in less. Raises EdgesDiffer, and ValueError for a histogram without observations.
    """
    check_comparable(p, q)
    n, m = p.samples, q.samples
    value = max((abs(gap) for gap in _gaps(p, q)), default=0.0)
    return Distance(value, KOLMOGOROV_FACTOR * sqrt((n + m) / (n * m)), filled(p, q))


def wasserstein_normed(p: Histogram, q: Histogram) -> Distance:
    """Σ_e d_e·|F_c(e) − F_i(e)| / σ_i over the finite edges e: the mean way that scores moved, in
    standard deviations of the incumbent.

    d_e is the distance between the centres of the buckets on both sides of the edge (the bucket's
    width where widths are equal), which makes the sum exact for scores at the centres. Raises
    EdgesDiffer, NoSpread, and ValueError for a histogram without observations.
    """
    check_comparable(p, q)
    sigma, steps = spread(q), [b - a for a, b in pairwise(_centres(q.edges))]
    value = sum(step * abs(gap) for step, gap in zip(steps, _gaps(p, q), strict=True)) / sigma
    return Distance(value, _wasserstein_cut(p, q, steps) / sigma, filled(p, q))


def mean_shift(p: Histogram, q: Histogram) -> Distance:
    """(x̄_c − x̄_i) / σ_i, negative where the candidate's scores are lower.

    The means are exact where both sums are known, else both come from bucket centres. σ_i comes
    from them always. The cut is 1.96·√(1/n + 1/m), for an absolute value. Raises EdgesDiffer,
    NoSpread, and ValueError for a histogram without observations.
    """
    check_comparable(p, q)
    if p.total is None or q.total is None:
        moved = _centre_mean(p) - _centre_mean(q)
    else:
        moved = p.total / p.samples - q.total / q.samples
    cut = NORMAL_TWO_SIDED * sqrt(1 / p.samples + 1 / q.samples)
    return Distance(moved / spread(q), cut, filled(p, q))


def spread(histogram: Histogram) -> float:
    """The standard deviation of a histogram's observations if all lie at their buckets' centres.

    For a smooth distribution in buckets of width w the variance comes out w²/12 too large (W. F.
    Sheppard, "On the Calculation of the most Probable Values of Frequency-Constants", 1897). That
    is not taken off: scores are often not smooth, and it would go below zero for few buckets. It
    comes out too small where a wide bucket hides a long tail. Raises NoSpread.
    """
    mean, centres = _centre_mean(histogram), _centres(histogram.edges)
    squares = (
        count * (centre - mean) ** 2
        for count, centre in zip(histogram.counts, centres, strict=True)
    )
    variance = sum(squares) / histogram.samples
    if sum(count > 0 for count in histogram.counts) < 2 or variance <= 0:
        raise NoSpread("the incumbent's scores share one bucket, so they have no spread")
    return sqrt(variance)


def _centres(edges: Sequence[float]) -> tuple[float, ...]:
    return tuple(0.5 * (lower + upper) for lower, upper in bucket_ranges(edges))


def _centre_mean(histogram: Histogram) -> float:
    pairs = zip(histogram.counts, _centres(histogram.edges), strict=True)
    return sum(count * centre for count, centre in pairs) / histogram.samples


def _gaps(p: Histogram, q: Histogram) -> list[float]:
    """F_c − F_i at every finite edge."""
    pairs = zip(accumulate(p.counts[:-1]), accumulate(q.counts[:-1]), strict=True)
    return [below / p.samples - other / q.samples for below, other in pairs]


def _wasserstein_cut(p: Histogram, q: Histogram, steps: Sequence[float]) -> float:
    """The 95 % quantile of Σ d_e·|ΔF(e)| where both arms have the pooled distribution F.

    ΔF is then close to a Brownian bridge in F: normal, with variance (1/n + 1/m)·F(1 − F) and a
    correlation of √(F(1 − G)/(G(1 − F))) between edges with F ≤ G. E|x| = √(2/π)·σ_x, and two
    normal variables with correlation ρ have Cov(|x|, |y|) = (2/π)(√(1 − ρ²) + ρ·asin ρ − 1)·σ_x·σ_y
    (S. Nabeya, "Absolute Moments in 2-dimensional Normal Distribution", 1951). Mean and variance
    of the sum follow, and a scaled χ² with both gives the quantile.
    """
    n, m = p.samples, q.samples
    pooled = (a + b for a, b in zip(p.counts[:-1], q.counts[:-1], strict=True))
    below = [total / (n + m) for total in accumulate(pooled)]
    edges = [
        (share, step * sqrt(share * (1 - share)))
        for share, step in zip(below, steps, strict=True)
        if step > 0 and 0 < share < 1
    ]
    mean = HALF_NORMAL_MEAN * sum(deviation for _, deviation in edges)
    variance = 0.0
    for index, (low, one) in enumerate(edges):
        variance += (1 - HALF_NORMAL_MEAN**2) * one * one
        for high, other in edges[index + 1 :]:
            rho = min(1.0, sqrt(low * (1 - high) / (high * (1 - low))))
            joint = sqrt(1 - rho * rho) + rho * asin(rho) - 1.0
            variance += 2.0 * HALF_NORMAL_MEAN**2 * joint * one * other
    return sqrt(1 / n + 1 / m) * matched_quantile(mean, variance)
