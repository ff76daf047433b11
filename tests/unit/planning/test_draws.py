"""Draws have the mean and the spread that they should have."""

from itertools import pairwise
from math import sqrt
from random import Random
from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.planning.draws import Wander, binomial, multinomial, poisson

MANY = 4000


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 29.0, 31.0, 900.0])
def test_a_poisson_count_has_its_mean_and_variance(mean: float) -> None:
    rng = Random(1)
    found = [poisson(rng, mean) for _ in range(MANY)]
    assert fmean(found) == pytest.approx(mean, abs=5 * sqrt(mean / MANY))
    assert pvariance(found) == pytest.approx(mean, rel=0.15)


@pytest.mark.parametrize(("n", "p"), [(10, 0.2), (10, 0.9), (5000, 0.001), (5000, 0.4), (59, 0.5)])
def test_a_binomial_count_has_its_mean_and_variance(n: int, p: float) -> None:
    rng = Random(2)
    found = [binomial(rng, n, p) for _ in range(MANY)]
    variance = n * p * (1 - p)
    assert fmean(found) == pytest.approx(n * p, abs=5 * sqrt(variance / MANY))
    assert pvariance(found) == pytest.approx(variance, rel=0.15)


@given(st.integers(0, 10**6), st.floats(-1, 2), st.integers())
def test_a_binomial_count_is_never_out_of_range(n: int, p: float, seed: int) -> None:
    assert 0 <= binomial(Random(seed), n, p) <= n


@given(
    st.integers(0, 10**5),
    st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any),
    st.integers(),
)
def test_bins_add_up_and_an_impossible_one_stays_empty(
    n: int, weights: list[int], seed: int
) -> None:
    whole = sum(weights)
    counts = multinomial(Random(seed), n, [w / whole for w in weights])
    assert sum(counts) == n
    assert min(counts) >= 0
    assert all(c == 0 for c, w in zip(counts[:-1], weights[:-1], strict=True) if w == 0)


def test_what_wanders_is_one_on_average_and_stays_near_where_it_was() -> None:
    wander = Wander(Random(3), 0.2, 0.8)
    found = [wander.next() for _ in range(20_000)]
    assert fmean(found) == pytest.approx(1.0, abs=0.02)
    steps = fmean([abs(a - b) for a, b in pairwise(found)])
    apart = fmean([abs(a - b) for a, b in zip(found, found[50:], strict=False)])
    assert steps < 0.75 * apart
