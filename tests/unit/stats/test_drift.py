"""PSI and Jensen-Shannon: by hand, against scipy, and how often noise alone exceeds their cuts."""

import random
from collections.abc import Callable
from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from surefoot.stats.drift import (
    Distance,
    EdgesDiffer,
    jensen_shannon_distance,
    population_stability_index,
)
from surefoot.stats.measures import Histogram

Metric = Callable[[Histogram, Histogram], Distance]
both = pytest.mark.parametrize("metric", [population_stability_index, jensen_shannon_distance])


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


@both
def test_edges_must_agree(metric: Metric) -> None:
    with pytest.raises(EdgesDiffer):
        metric(Histogram((1.0,), (9, 9)), Histogram((2.0,), (9, 9)))


@both
@pytest.mark.parametrize(("p", "q"), [((0, 0), (5, 5)), ((5, 5), (0, 0))])
def test_an_empty_arm_is_an_error(metric: Metric, p: tuple[int, ...], q: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs observations in both"):
        metric(bins(*p), bins(*q))


def test_jensen_shannon_of_two_bins_by_hand() -> None:
    found = jensen_shannon_distance(bins(50, 50), bins(80, 20))
    # Shares (0.5, 0.5) and (0.8, 0.2); their mean is (0.65, 0.35).
    one = 0.5 * log(0.5 / 0.65) + 0.5 * log(0.5 / 0.35)
    other = 0.8 * log(0.8 / 0.65) + 0.2 * log(0.2 / 0.35)
    assert found.value == pytest.approx(sqrt((one + other) / 2), abs=1e-12)
    assert found.null_cut == pytest.approx(sqrt((1 / 100 + 1 / 100) * 3.841459 / 8), rel=1e-6)
    assert found.significant


def test_jensen_shannon_of_arms_without_a_common_bin_is_the_root_of_ln_2() -> None:
    assert jensen_shannon_distance(bins(90, 0), bins(0, 70)).value == pytest.approx(sqrt(log(2)))


many = st.lists(st.integers(40, 400), min_size=6, max_size=6)


@given(many, many)
def test_jensen_shannon_is_what_scipy_computes(p: list[int], q: list[int]) -> None:
    found = jensen_shannon_distance(bins(*p), bins(*q))
    assert found.bins == 6
    assert found.value == pytest.approx(distance.jensenshannon(p, q), abs=1e-7)
    assert found.value**2 == pytest.approx(distance.jensenshannon(p, q) ** 2, abs=1e-12)


counts = st.lists(st.integers(0, 400), min_size=4, max_size=4).filter(any)


@both
@given(p=counts, q=counts)
def test_it_is_never_negative_and_does_not_care_which_arm_is_which(
    metric: Metric, p: list[int], q: list[int]
) -> None:
    one, other = metric(bins(*p), bins(*q)), metric(bins(*q), bins(*p))
    assert one.value >= 0
    assert 1 <= one.bins <= 4
    assert one.value == pytest.approx(other.value)
    assert one.null_cut == pytest.approx(other.null_cut)


@given(counts, counts)
def test_jensen_shannon_is_at_most_the_root_of_ln_2(p: list[int], q: list[int]) -> None:
    assert jensen_shannon_distance(bins(*p), bins(*q)).value <= sqrt(log(2)) + 1e-12


@both
@given(p=counts, times=st.integers(1, 50))
def test_arms_with_the_same_shares_are_at_distance_zero(
    metric: Metric, p: list[int], times: int
) -> None:
    found = metric(bins(*p), bins(*(times * count for count in p)))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert not found.significant


@both
@given(p=many, q=many, times=st.integers(1, 50))
def test_more_of_the_same_changes_the_cut_and_not_the_value(
    metric: Metric, p: list[int], q: list[int], times: int
) -> None:
    once = metric(bins(*p), bins(*q))
    often = metric(bins(*(times * c for c in p)), bins(*(times * c for c in q)))
    assert often.value == pytest.approx(once.value, abs=1e-9)
    assert often.null_cut <= once.null_cut


@pytest.mark.simulation
@both
def test_noise_alone_exceeds_the_cut_in_about_five_percent(metric: Metric) -> None:
    dice = random.Random(7)

    def sample(size: int) -> Histogram:
        drawn = [min(int(10 * dice.random()), 9) for _ in range(size)]
        return bins(*(drawn.count(b) for b in range(10)))

    found = [metric(sample(300), sample(900)) for _ in range(800)]
    assert 0.03 < sum(one.significant for one in found) / len(found) < 0.08
