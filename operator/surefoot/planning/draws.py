"""Counts drawn at random, with the standard library alone: every draw takes its generator."""

from collections.abc import Sequence
from math import exp, sqrt
from random import Random

_EXACT_BELOW = 30.0
"""Expected counts below this are drawn exactly, others as a rounded normal variable (skewness < 0.2)."""


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count (`mean` ≥ 0)."""
    if mean >= _EXACT_BELOW:
        return max(0, round(rng.gauss(mean, sqrt(mean))))
    left, count, term = rng.random(), 0, exp(-mean)
    while left > term and term > 0.0:
        left -= term
        count += 1
        term *= mean / count
    return count


def binomial(rng: Random, n: int, p: float) -> int:
    """How many of `n` come true, each with probability `p` (cut to 0 … 1)."""
    if n <= 0 or p <= 0.0:
        return 0
    if p > 0.5:
        return n - binomial(rng, n, 1.0 - p)
    mean = n * p
    if mean >= _EXACT_BELOW:
        return min(n, max(0, round(rng.gauss(mean, sqrt(mean * (1.0 - p))))))
    odds, count = p / (1.0 - p), 0
    left, term = rng.random(), float((1.0 - p) ** n)
    while left > term and count < n:
        left -= term
        term *= odds * (n - count) / (count + 1)
        count += 1
    return count


def multinomial(rng: Random, n: int, shares: Sequence[float]) -> tuple[float, ...]:
    """`n` spread over the bins by their shares (which sum to 1)."""
    found, left, rest = [], n, 1.0
    for share in shares:
        here = binomial(rng, left, share / rest) if rest > 1e-12 and left else 0
        found.append(float(here))
        left -= here
        rest -= share
    found[-1] += left
    return tuple(found)


class Wander:
    """A multiplier around 1 that wanders from cell to cell: the exponential of an AR(1)."""

    def __init__(self, rng: Random, sd: float, keep: float) -> None:
        self._rng, self._sd, self._keep = rng, sd, keep
        self._at = rng.gauss(0.0, sd)

    def next(self) -> float:
        """The multiplier of the next cell; its mean is 1."""
        noise = self._rng.gauss(0.0, self._sd * sqrt(1.0 - self._keep**2))
        self._at = self._keep * self._at + noise
        return exp(self._at - 0.5 * self._sd**2)
