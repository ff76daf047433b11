"""PSI: golden values by hand, published chi-square quantiles, and its false-alarm rate."""

import random
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.drift import (
    EdgesDiffer,
    chi_square_quantile,
    population_stability_index,
)
from surefoot.stats.measures import Histogram


def bins(*counts: float) -> Histogram:
    return Histogram(tuple(float(edge) for edge in range(len(counts) - 1)), counts)


def test_equal_shares_have_no_drift() -> None:
    found = population_stability_index(bins(10, 20, 70), bins(100, 200, 700))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.bins == 3


def test_two_bins_by_hand() -> None:
    found = population_stability_index(bins(50, 50), bins(80, 20))
    # (0.5 − 0.8)·ln(0.5/0.8) + (0.5 − 0.2)·ln(0.5/0.2) = 0.3·ln 4
    assert found.value == pytest.approx(0.3 * log(4))
    assert found.null_cut == pytest.approx((1 / 100 + 1 / 100) * 3.841459, rel=1e-6)


def test_a_bin_that_one_arm_lacks_is_floored_and_not_left_out() -> None:
    found = population_stability_index(bins(50, 50, 0), bins(40, 40, 20))
    expected = 2 * (0.5 - 0.4) * log(0.5 / 0.4) + (1e-4 - 0.2) * log(1e-4 / 0.2)
    assert found.value == pytest.approx(expected)
    assert found.value > 1.5


def test_thin_bins_are_merged_upwards_until_the_smaller_arm_expects_five() -> None:
    # Scale 100/1100: the pooled counts (22, 33, 1045, 0) expect 2, 3, 95 and 0 in the smaller arm.
    found = population_stability_index(bins(1, 2, 97, 0), bins(21, 31, 948, 0))
    assert found.bins == 2
    by_hand = (0.03 - 0.052) * log(0.03 / 0.052) + (0.97 - 0.948) * log(0.97 / 0.948)
    assert found.value == pytest.approx(by_hand)


def test_what_is_left_over_at_the_top_joins_the_last_bin() -> None:
    assert population_stability_index(bins(50, 49, 1), bins(50, 49, 1)).bins == 2


@pytest.mark.parametrize(("p", "q"), [((1, 1), (2, 1)), ((100, 0), (100, 0))])
def test_one_bin_compares_nothing(p: tuple[int, ...], q: tuple[int, ...]) -> None:
    found = population_stability_index(bins(*p), bins(*q))
    assert (found.value, found.null_cut, found.bins) == (0, 0, 1)


def test_edges_must_agree() -> None:
    with pytest.raises(EdgesDiffer):
        population_stability_index(Histogram((1.0,), (9, 9)), Histogram((2.0,), (9, 9)))


@pytest.mark.parametrize(("p", "q"), [((0, 0), (5, 5)), ((5, 5), (0, 0))])
def test_an_empty_arm_is_an_error(p: tuple[int, ...], q: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs observations in both"):
        population_stability_index(bins(*p), bins(*q))


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


counts = st.lists(st.integers(0, 400), min_size=4, max_size=4).filter(any)


@given(counts, counts)
def test_it_is_never_negative_and_does_not_care_which_arm_is_which(
    p: list[int], q: list[int]
) -> None:
    one = population_stability_index(bins(*p), bins(*q))
    other = population_stability_index(bins(*q), bins(*p))
    assert one.value >= 0
    assert 1 <= one.bins <= 4
    assert one.value == pytest.approx(other.value)
    assert one.null_cut == pytest.approx(other.null_cut)


def test_noise_alone_exceeds_the_cut_in_about_five_percent() -> None:
    dice = random.Random(7)

    def sample(size: int) -> Histogram:
        drawn = [min(int(10 * dice.random()), 9) for _ in range(size)]
        return bins(*(drawn.count(b) for b in range(10)))

    found = [population_stability_index(sample(300), sample(900)) for _ in range(800)]
    share = sum(psi.value > psi.null_cut for psi in found) / len(found)
    assert 0.03 < share < 0.08
