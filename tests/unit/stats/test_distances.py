"""KS, Wasserstein and the mean shift: by hand, against scipy and numpy, and their noise."""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from surefoot.stats.bins import EdgesDiffer, bucket_ranges
from surefoot.stats.distances import (
    NoSpread,
    kolmogorov_smirnov,
    mean_shift,
    spread,
    wasserstein_normed,
)
from surefoot.stats.drift import Distance
from surefoot.stats.measures import Histogram

Metric = Callable[[Histogram, Histogram], Distance]
METRICS = (kolmogorov_smirnov, wasserstein_normed, mean_shift)
every = pytest.mark.parametrize("metric", METRICS)

EDGES = (0.1, 0.3, 0.4, 0.8, 1.0)
CANDIDATE = Histogram((0.5, 1.0), (50, 50, 0), total=52.0)
INCUMBENT = Histogram((0.5, 1.0), (80, 20, 0), total=33.0)


def centres(edges: tuple[float, ...]) -> np.ndarray:
    return np.array([(lower + upper) / 2 for lower, upper in bucket_ranges(edges)])


def values(histogram: Histogram) -> np.ndarray:
    """One observation at the centre of its bucket for each count."""
    return np.repeat(centres(histogram.edges), np.array(histogram.counts, dtype=int))


def at_centres(counts: list[int], edges: tuple[float, ...] = EDGES) -> Histogram:
    return Histogram(edges, tuple(counts), float(np.dot(counts, centres(edges))))


def test_kolmogorov_smirnov_by_hand() -> None:
    found = kolmogorov_smirnov(CANDIDATE, INCUMBENT)
    assert found.value == pytest.approx(0.8 - 0.5)
    assert found.null_cut == pytest.approx(1.3581015 * sqrt(200 / 10_000), rel=1e-7)
    assert found.bins == 2


def test_wasserstein_by_hand() -> None:
    # Centres 0.25 and 0.75, so sigma is 0.5·√(0.8·0.2) = 0.2, and 30 % moved by 0.5.
    found = wasserstein_normed(CANDIDATE, INCUMBENT)
    assert found.value == pytest.approx(0.5 * 0.3 / 0.2)
    # One edge: |z|·0.5·√(0.65·0.35)·√(1/100 + 1/100) / 0.2, and |z| is below 1.96 in 95 %.
    exact = 1.96 * 0.5 * sqrt(0.65 * 0.35) * sqrt(0.02) / 0.2
    assert found.null_cut == pytest.approx(exact, rel=0.01)


def test_the_mean_shift_by_hand() -> None:
    found = mean_shift(CANDIDATE, INCUMBENT)
    assert found.value == pytest.approx((0.52 - 0.33) / 0.2)
    assert found.null_cut == pytest.approx(1.96 * sqrt(0.02), rel=1e-4)


def test_lower_scores_shift_the_mean_below_zero_and_count_as_much() -> None:
    found = mean_shift(at_centres([100, 0, 0, 0, 0, 0]), at_centres([50, 0, 0, 50, 0, 0]))
    assert found.value < 0
    assert found.significant


def test_without_both_sums_the_means_come_from_the_centres() -> None:
    without = Histogram(INCUMBENT.edges, INCUMBENT.counts)
    for p, q in ((CANDIDATE, without), (Histogram((0.5, 1.0), (50, 50, 0)), INCUMBENT)):
        assert mean_shift(p, q).value == pytest.approx((0.5 - 0.35) / 0.2)


def test_what_lies_above_the_last_edge_counts_as_if_it_lay_at_the_edge() -> None:
    assert values(Histogram((0.5, 1.0), (0, 0, 2))).tolist() == [1.0, 1.0]
    assert wasserstein_normed(
        Histogram((0.5, 1.0), (0, 0, 100)), Histogram((0.5, 1.0), (50, 50, 0))
    ).value == pytest.approx(0.5 / 0.25)


@every
def test_edges_must_agree(metric: Metric) -> None:
    with pytest.raises(EdgesDiffer):
        metric(Histogram((1.0,), (9, 9)), Histogram((2.0,), (9, 9)))


@every
@pytest.mark.parametrize(("p", "q"), [((0, 0), (5, 5)), ((5, 5), (0, 0))])
def test_an_empty_arm_is_an_error(metric: Metric, p: tuple[int, ...], q: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs observations in both"):
        metric(Histogram((1.0,), p), Histogram((1.0,), q))


@pytest.mark.parametrize("metric", [wasserstein_normed, mean_shift])
@pytest.mark.parametrize(
    ("edges", "counts"), [((1.0,), (9, 0)), ((), (9,)), ((-1.0,), (4, 5)), ((), (9.0,))]
)
def test_an_incumbent_in_one_place_has_no_spread(
    metric: Metric, edges: tuple[float, ...], counts: tuple[float, ...]
) -> None:
    with pytest.raises(NoSpread, match="share one bucket"):
        metric(Histogram(edges, counts), Histogram(edges, counts))


def test_without_edges_the_largest_gap_is_zero_in_one_bin() -> None:
    found = kolmogorov_smirnov(Histogram((), (5,)), Histogram((), (9,)))
    assert (found.value, found.bins) == (0, 1)


tables = st.lists(st.integers(0, 80), min_size=6, max_size=6)
arms = tables.filter(any)
spreading = tables.filter(lambda counts: sum(count > 0 for count in counts[:5]) > 1)


@given(arms, spreading)
def test_all_three_are_what_scipy_and_numpy_compute_from_scores_at_the_centres(
    p: list[int], q: list[int]
) -> None:
    one, other = at_centres(p), at_centres(q)
    a, b = values(one), values(other)
    assert spread(other) == pytest.approx(np.std(b), abs=1e-9)
    found = wasserstein_normed(one, other).value
    assert found == pytest.approx(stats.wasserstein_distance(a, b) / np.std(b), abs=1e-9)
    assert mean_shift(one, other).value == pytest.approx((a.mean() - b.mean()) / b.std(), abs=1e-9)
    largest = stats.ks_2samp(a, b, method="asymp").statistic
    if not p[5] and not q[5]:  # beyond the last edge there is no width to hold two centres apart
        assert kolmogorov_smirnov(one, other).value == pytest.approx(largest, abs=1e-9)


@given(arms, spreading)
def test_values_keep_their_ranges_and_are_finite(p: list[int], q: list[int]) -> None:
    one, other = at_centres(p), at_centres(q)
    found = [metric(one, other) for metric in METRICS]
    assert all(np.isfinite([each.value, each.null_cut]).all() for each in found)
    assert all(each.null_cut > 0 and 1 <= each.bins <= 6 for each in found)
    ks, wasserstein, shift = (each.value for each in found)
    assert 0 <= ks <= 1
    assert wasserstein >= abs(shift) - 1e-9


@given(spreading, spreading)
def test_the_largest_gap_does_not_care_which_arm_is_which(p: list[int], q: list[int]) -> None:
    one, other = at_centres(p), at_centres(q)
    assert kolmogorov_smirnov(one, other) == kolmogorov_smirnov(other, one)
    for metric in (wasserstein_normed, mean_shift):
        there, back = metric(one, other).value, metric(other, one).value
        scaled = abs(there) * spread(other), abs(back) * spread(one)
        assert scaled[0] == pytest.approx(scaled[1], abs=1e-9)


@every
@given(p=spreading, times=st.integers(1, 50))
def test_arms_with_the_same_shares_are_at_distance_zero(
    metric: Metric, p: list[int], times: int
) -> None:
    found = metric(at_centres(p), at_centres([times * count for count in p]))
    assert found.value == pytest.approx(0, abs=1e-9)
    assert not found.significant


@every
@given(p=arms, q=spreading, times=st.integers(1, 50))
def test_more_of_the_same_narrows_the_cut_and_keeps_the_value(
    metric: Metric, p: list[int], q: list[int], times: int
) -> None:
    once = metric(at_centres(p), at_centres(q))
    often = metric(at_centres([times * c for c in p]), at_centres([times * c for c in q]))
    assert often.value == pytest.approx(once.value, abs=1e-9)
    assert often.null_cut == pytest.approx(once.null_cut / sqrt(times))


@every
@given(p=arms, q=spreading, unit=st.floats(0.01, 100))
def test_another_unit_of_the_scores_changes_nothing(
    metric: Metric, p: list[int], q: list[int], unit: float
) -> None:
    edges = tuple(unit * edge for edge in EDGES)
    here, there = metric(at_centres(p), at_centres(q)), metric(*map_to(edges, p, q))
    assert there.value == pytest.approx(here.value, abs=1e-9)
    assert there.null_cut == pytest.approx(here.null_cut)


def map_to(edges: tuple[float, ...], *tables: list[int]) -> list[Histogram]:
    return [at_centres(table, edges) for table in tables]


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("metric", "least", "most"),
    [(kolmogorov_smirnov, 0.0, 0.05), (wasserstein_normed, 0.03, 0.08), (mean_shift, 0.03, 0.08)],
)
def test_noise_alone_exceeds_the_cut_as_often_as_it_says(
    metric: Metric, least: float, most: float
) -> None:
    """Two beta(2, 2) samples of 300 and 900, in 20 buckets of equal width, 1,500 times."""
    dice, edges = np.random.default_rng(11), np.linspace(0.05, 1, 20)

    def sample(size: int) -> Histogram:
        drawn = dice.beta(2, 2, size)
        counts = np.bincount(np.searchsorted(edges, drawn), minlength=21)
        return Histogram(tuple(edges), tuple(counts), drawn.sum())

    crossed = [metric(sample(300), sample(900)).significant for _ in range(1500)]
    assert least <= np.mean(crossed) <= most
