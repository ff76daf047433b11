"""What noise alone reaches: quantiles of the null distributions behind the `null_cut` of a value."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import erf, exp, lgamma, log, pi, prod, sqrt

CONFIDENCE = 0.95
NORMAL_TWO_SIDED = 1.959963984540054
"""A standard normal variable stays within ± this with 95 %."""
HALF_NORMAL_MEAN = sqrt(2.0 / pi)
"""E|z| of a standard normal z."""
HALF_NORMAL_VARIANCE = 1.0 - 2.0 / pi


def matched_quantile(mean: float, variance: float) -> float:
    """The 95 % quantile of a non-negative sum with this mean and variance.

    A scaled χ² with the same two moments stands in for the sum (F. E. Satterthwaite, "An
    Approximate Distribution of Estimates of Variance Components", 1946). 0 without variance.
    """
    if mean <= 0 or variance <= 0:
        return max(mean, 0.0)
    degrees = 2.0 * mean * mean / variance
    return variance / (2.0 * mean) * chi_square_quantile(degrees, CONFIDENCE)


def largest_quantile(deviations: Sequence[float]) -> float:
    """What the largest |x_b| of independent normal x_b with these standard deviations stays below
    in 95 % of all cases: the x at which Π erf(x / (σ_b·√2)) = 0.95; 0 where none deviates."""
    moving = [deviation for deviation in deviations if deviation > 0]
    if not moving:
        return 0.0
    return _solve(lambda x: prod(erf(x / (s * sqrt(2.0))) for s in moving), CONFIDENCE)


@lru_cache(maxsize=256)
def chi_square_quantile(degrees: float, probability: float) -> float:
    """The value that a χ² variable stays below with `probability` (0 < probability < 1).

    `degrees` may be a fraction. Exact to 12 digits; 0 for zero degrees of freedom.
    """
    if degrees == 0:
        return 0.0
    return _solve(lambda value: _chi_square_below(degrees, value), probability)


def _solve(rising: Callable[[float], float], target: float) -> float:
    """Where a function that rises from 0 at 0 reaches `target`: by bisection, to 12 digits."""
    low, high = 0.0, 1.0
    while rising(high) < target:
        low, high = high, 2.0 * high
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        if rising(middle) < target:
            low = middle
        else:
            high = middle
    return high


def _chi_square_below(degrees: float, value: float) -> float:
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
