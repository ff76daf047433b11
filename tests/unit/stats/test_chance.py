"""Quantiles of null distributions, as published and as scipy has them."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from surefoot.stats.chance import chi_square_quantile, largest_quantile, matched_quantile


@pytest.mark.parametrize(
    ("degrees", "probability", "value"),
    # NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.4.
    [
        (1, 0.95, 3.841), (2, 0.95, 5.991), (9, 0.95, 16.919), (19, 0.95, 30.144),
        (50, 0.95, 67.505), (100, 0.95, 124.342), (5, 0.99, 15.086), (10, 0.90, 15.987),
    ],
)  # fmt: skip
def test_chi_square_quantiles_as_published(degrees: int, probability: float, value: float) -> None:
    assert chi_square_quantile(degrees, probability) == pytest.approx(value, abs=6e-4)


def test_zero_degrees_of_freedom_are_no_noise() -> None:
    assert chi_square_quantile(0, 0.95) == 0


@given(st.floats(0.5, 150), st.floats(0.5, 0.999))
def test_chi_square_quantiles_are_those_of_scipy(degrees: float, probability: float) -> None:
    expected = stats.chi2.ppf(probability, degrees)
    assert chi_square_quantile(degrees, probability) == pytest.approx(expected, rel=1e-9)


@given(st.floats(0.5, 100), st.floats(1e-3, 1e3))
def test_a_scaled_chi_square_keeps_its_own_quantile(degrees: float, scale: float) -> None:
    found = matched_quantile(mean=scale * degrees, variance=2 * scale**2 * degrees)
    assert found == pytest.approx(scale * stats.chi2.ppf(0.95, degrees), rel=1e-6)


@pytest.mark.parametrize(("mean", "variance", "value"), [(0, 0, 0), (2, 0, 2), (-1, 1, 0)])
def test_what_does_not_vary_stays_where_it_is(mean: float, variance: float, value: float) -> None:
    assert matched_quantile(mean, variance) == value


def test_a_sum_of_absolute_normal_values_is_matched_within_two_percent() -> None:
    deviations = np.array([1.0, 2.0, 0.5, 3.0])
    drawn = np.abs(np.random.default_rng(3).normal(size=(200_000, 4)) * deviations).sum(axis=1)
    matched = matched_quantile(
        sqrt(2 / np.pi) * deviations.sum(), (1 - 2 / np.pi) * (deviations**2).sum()
    )
    assert matched == pytest.approx(np.quantile(drawn, 0.95), rel=0.02)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=20))
def test_the_largest_of_normal_values_stays_below_its_quantile_in_95_percent(
    deviations: list[float],
) -> None:
    found = largest_quantile(deviations)
    below = np.prod(2 * stats.norm.cdf(found / np.array(deviations)) - 1)
    assert below == pytest.approx(0.95, abs=1e-9)
    assert largest_quantile([*deviations, 0.0]) == found


def test_where_nothing_deviates_the_largest_is_zero() -> None:
    assert largest_quantile([]) == largest_quantile([0.0]) == 0
