"""A quantile from a histogram of durations."""

from dataclasses import dataclass

from surefoot.stats.measures import Histogram


@dataclass(frozen=True, slots=True)
class Quantile:
    """A duration in seconds; `above_last_edge`: only known to exceed `value`, the last edge."""

    value: float
    above_last_edge: bool = False


def quantile(histogram: Histogram, q: float) -> Quantile:
    """The `q`-quantile (0 < q < 1), interpolated linearly inside of its bucket.

    As Prometheus' `histogram_quantile` (promql/quantile.go, `BucketQuantile`): the first bucket
    begins at 0, or is taken as its upper edge where that is not positive. Prometheus returns the
    last finite edge for a quantile in the +Inf bucket; here the answer says so. Raises ValueError
    for a histogram without observations or finite edges.
    """
    total = histogram.samples
    if total <= 0 or not histogram.edges:
        raise ValueError("a quantile needs observations and at least one finite bucket edge")
    rank, below, lower = q * total, 0.0, min(0.0, histogram.edges[0])
    for edge, count in zip(histogram.edges, histogram.counts, strict=False):
        if below + count >= rank:
            return Quantile(lower + (edge - lower) * (rank - below) / count)
        below, lower = below + count, edge
    return Quantile(histogram.edges[-1], above_last_edge=True)
