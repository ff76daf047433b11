"""How far the candidate's scores have moved from the incumbent's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, lgamma, log

from surefoot.stats.measures import Histogram

MIN_EXPECTED = 5.0
SHARE_FLOOR = 1e-4
CONFIDENCE = 0.95


class EdgesDiffer(ValueError):
    """The two histograms have different bucket edges, so their bins cannot be compared."""


@dataclass(frozen=True, slots=True)
class PSI:
    """A population stability index over `bins` bins, and what noise alone reaches.

    `null_cut` is what two samples of this size from one distribution exceed in 5 % of all cases.
    With one bin there is nothing to compare: value and cut are 0.
    """

    value: float
    null_cut: float
    bins: int


def population_stability_index(p: Histogram, q: Histogram) -> PSI:
    """PSI = Σ (p_b − q_b)·ln(p_b / q_b) over shares of the candidate (p) and the incumbent (q).

    Bins are merged first, from the lowest edge up: a bin is closed as soon as
    `(p_b + q_b)·min(n, m)/(n + m) ≥ 5`, which is what the smaller arm expects in it if both arms
    have the pooled distribution; what is left over at the top joins the last bin. Shares are
    floored at 1e-4 after merging. Under equal distributions the index is close to
    (1/n + 1/m)·χ² with B − 1 degrees of freedom (B. Yurdakul, "Statistical Properties of
    Population Stability Index", 2018), whose 95 % quantile is the cut.
    Raises EdgesDiffer, and ValueError for a histogram without observations.
    """
    if p.edges != q.edges:
        raise EdgesDiffer("the histograms have different bucket edges")
    n, m = p.samples, q.samples
    if n <= 0 or m <= 0:
        raise ValueError("a population stability index needs observations in both histograms")
    bins = list(_merged(p.counts, q.counts, scale=min(n, m) / (n + m)))
    shares = [(max(a / n, SHARE_FLOOR), max(b / m, SHARE_FLOOR)) for a, b in bins]
    value = sum((a - b) * log(a / b) for a, b in shares)
    cut = (1 / n + 1 / m) * chi_square_quantile(len(bins) - 1, CONFIDENCE)
    return PSI(value, cut, len(bins))


def _merged(p: Sequence[float], q: Sequence[float], scale: float) -> Iterator[tuple[float, float]]:
    """Adjacent bins, merged until each expects enough; at least one is returned."""
    closed: list[tuple[float, float]] = []
    a = b = 0.0
    for p_count, q_count in zip(p, q, strict=True):
        a, b = a + p_count, b + q_count
        if (a + b) * scale >= MIN_EXPECTED:
            closed.append((a, b))
            a = b = 0.0
    last = closed.pop() if closed else (0.0, 0.0)
    yield from closed
    yield last[0] + a, last[1] + b


@cache
def chi_square_quantile(degrees: int, probability: float) -> float:
    """The value that a χ² variable stays below with `probability` (0 < probability < 1).

    Bisection on the distribution function, to 12 digits; 0 for zero degrees of freedom.
    """
    if degrees == 0:
        return 0.0
    low, high = 0.0, 1.0
    while _chi_square_below(degrees, high) < probability:
        low, high = high, 2.0 * high
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        if _chi_square_below(degrees, middle) < probability:
            low = middle
        else:
            high = middle
    return high


def _chi_square_below(degrees: int, value: float) -> float:
    """P(χ² ≤ value): the regularised lower incomplete gamma function by its power series
    (Abramowitz & Stegun 6.5.29), whose terms are all positive."""
    a, x = 0.5 * degrees, 0.5 * value
    term = total = 1.0
    k = 0
    while term > 1e-16 * total:
        k += 1
        term *= x / (a + k)
        total += term
    return total * exp(a * log(x) - x - lgamma(a + 1.0))
