"""Observed against expected: by hand, against scikit-learn, and how noisy a perfect model looks."""

from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from surefoot.stats.calibration import (
    brier_score,
    bucket_scores,
    calibration_in_the_large,
    expected_calibration_error,
    maximum_calibration_error,
)
from surefoot.stats.measures import LabeledHistogram, LabeledScores

TENTHS = tuple(edge / 10 for edge in range(1, 11))
CENTRES = np.array([0.05 + edge / 10 for edge in range(10)])
EXAMPLE = LabeledHistogram((0.5,), positives=(9, 32), negatives=(51, 8), score_sum=45.0)


def labelled(positives: list[int], negatives: list[int], known: bool = True) -> LabeledHistogram:
    """Scores at the centres of ten buckets, none above 1."""
    total = float(np.dot(np.add(positives, negatives), CENTRES))
    return LabeledHistogram(
        TENTHS, (*positives, 0), (*negatives, 0), score_sum=total if known else None
    )


def cases(positives: list[int], negatives: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The same as (outcome, score) of every case."""
    scores = np.repeat(np.tile(CENTRES, 2), np.concatenate([positives, negatives]))
    return np.repeat([1, 0], [sum(positives), sum(negatives)]), scores


def test_observed_over_expected() -> None:
    assert calibration_in_the_large(LabeledScores(30, 40.0, 100)) == 0.75
    assert calibration_in_the_large(LabeledScores(0, 40.0, 100)) == 0


def test_nothing_expected_is_no_ratio() -> None:
    assert calibration_in_the_large(LabeledScores(0, 0.0, 0)) is None
    assert calibration_in_the_large(LabeledScores(3, 0.0, 5)) is None


def test_without_scores_there_is_no_error() -> None:
    nothing = LabeledHistogram((0.5,), (0, 0), (0, 0), 0.0)
    for metric in (expected_calibration_error, maximum_calibration_error, brier_score):
        assert metric(nothing) is None


def test_the_expected_error_by_hand() -> None:
    found = expected_calibration_error(EXAMPLE)
    # |9 − 60·0.25| + |32 − 40·0.75| = 8 of 100; chance adds √(2/π)·(√11.25 + √7.5) of 100.
    bias = sqrt(2 / pi) * (sqrt(60 * 0.1875) + sqrt(40 * 0.1875)) / 100
    assert found.bias == pytest.approx(bias)
    assert found.value == pytest.approx(0.08 - bias)
    assert found.resolution == pytest.approx(0.25)
    # |x| + |y| of normal x and y with variances 11.25 and 7.5 is below 9.669 in 95 % (by quadrature).
    assert found.null_cut + bias == pytest.approx(0.09669, rel=0.02)


def test_the_maximum_error_by_hand() -> None:
    found = maximum_calibration_error(EXAMPLE)
    assert found.value == pytest.approx(abs(9 / 60 - 0.25))
    assert found.resolution == pytest.approx(0.25)
    assert (found.bias, found.significant) == (0, False)


def test_the_brier_score_by_hand() -> None:
    by_hand = (9 * 0.75**2 + 51 * 0.25**2 + 32 * 0.25**2 + 8 * 0.75**2) / 100
    assert brier_score(EXAMPLE) == pytest.approx(by_hand)


def test_a_known_sum_moves_all_scores_through_their_buckets_alike() -> None:
    # Lower ends add up to 60·0 + 40·0.5 = 20 and upper ends to 70; 30 is a fifth of the way.
    moved = LabeledHistogram((0.5,), EXAMPLE.positives, EXAMPLE.negatives, score_sum=30.0)
    assert bucket_scores(moved) == pytest.approx((0.1, 0.6))
    assert expected_calibration_error(moved).resolution == pytest.approx(0.4)


@pytest.mark.parametrize("score_sum", [None, 19.0, 71.0, -1.0])
def test_without_a_sum_that_fits_scores_are_at_the_centres(score_sum: float | None) -> None:
    scores = LabeledHistogram((0.5,), EXAMPLE.positives, EXAMPLE.negatives, score_sum)
    assert bucket_scores(scores) == (0.25, 0.75)


def test_a_sum_at_the_very_end_of_the_buckets_fits_however_it_is_rounded() -> None:
    certain = LabeledHistogram((0.3, 0.9), positives=(0, 0, 7), negatives=(0, 0, 0), score_sum=7.0)
    assert bucket_scores(certain)[-1] == 1
    assert brier_score(certain) == 0


def test_buckets_without_width_take_any_sum() -> None:
    certain = LabeledHistogram((0.0, 1.0), positives=(0, 0, 5), negatives=(7, 0, 0), score_sum=5.0)
    assert bucket_scores(certain) == (0.0, 0.5, 1.0)
    assert brier_score(certain) == 0
    assert expected_calibration_error(certain).value == 0
    assert maximum_calibration_error(certain).null_cut == 0


def test_thin_buckets_are_merged_until_five_of_either_outcome_are_expected() -> None:
    # Expected at the centres: 0.5 of 10, 1.5 of 10, then 25 of 100, then (left over) 0.65 of 1.
    thin = labelled([1, 1, 24, 0, 0, 0, 1, 0, 0, 0], [9, 9, 76, 0, 0, 0, 0, 0, 0, 0])
    gap = abs((1 + 1 + 24 + 1) - (0.5 + 1.5 + 25 + 0.65)) / 121
    assert maximum_calibration_error(thin).value == pytest.approx(gap)


def test_bins_that_expect_enough_stay_apart() -> None:
    scores = labelled([10] + [0] * 8 + [95], [90] + [0] * 8 + [5])
    assert maximum_calibration_error(scores).value == pytest.approx(0.05)
    cut = maximum_calibration_error(scores).null_cut
    # Two gaps of σ = √(0.05·0.95/100): each within 2.2365 σ in √0.95 of all cases.
    assert cut == pytest.approx(2.2365 * sqrt(0.05 * 0.95 / 100), rel=1e-4)


full = st.lists(st.integers(100, 300), min_size=10, max_size=10)
some = st.lists(st.integers(0, 60), min_size=10, max_size=10).filter(any)


@given(full, full, st.booleans())
def test_both_errors_are_those_of_the_reliability_curve(
    positives: list[int], negatives: list[int], known: bool
) -> None:
    outcome, score = cases(positives, negatives)
    observed, expected = calibration_curve(outcome, score, n_bins=10, strategy="uniform")
    sizes = np.add(positives, negatives)
    gaps = np.abs(observed - expected)
    ece = expected_calibration_error(labelled(positives, negatives, known))
    chance = sqrt(2 / pi) * np.sqrt(sizes * CENTRES * (1 - CENTRES)).sum() / sizes.sum()
    assert ece.bias == pytest.approx(chance, abs=1e-9)
    plain = np.average(gaps, weights=sizes)
    assert ece.value == pytest.approx(max(plain - chance, 0), abs=1e-9)
    mce = maximum_calibration_error(labelled(positives, negatives, known))
    assert mce.value == pytest.approx(gaps.max(), abs=1e-9)


@given(some, some, st.booleans())
def test_the_brier_score_is_that_of_scikit_learn(
    positives: list[int], negatives: list[int], known: bool
) -> None:
    outcome, score = cases(positives, negatives)
    found = brier_score(labelled(positives, negatives, known))
    assert found == pytest.approx(brier_score_loss(outcome, score), abs=1e-9)


edge_lists = st.lists(st.integers(-2, 12), max_size=6, unique=True).map(
    lambda edges: tuple(edge / 10 for edge in sorted(edges))
)


@given(edge_lists, st.data(), st.none() | st.floats(-5, 500))
def test_errors_of_any_scores_are_finite_shares(
    edges: tuple[float, ...], data: st.DataObject, score_sum: float | None
) -> None:
    counts = st.lists(st.integers(0, 50), min_size=len(edges) + 1, max_size=len(edges) + 1)
    positives, negatives = data.draw(counts.filter(any)), data.draw(counts)
    scores = LabeledHistogram(edges, tuple(positives), tuple(negatives), score_sum)
    for found in (expected_calibration_error(scores), maximum_calibration_error(scores)):
        assert 0 <= found.value <= 1
        assert 0 <= found.resolution <= 1
        assert np.isfinite([found.null_cut, found.bias]).all()
    assert 0 <= brier_score(scores) <= 1
    assert all(0 <= score <= 1 for score in bucket_scores(scores))


@given(some, st.integers(1, 20))
def test_the_sum_of_the_scores_is_kept_where_a_score_per_bucket_can_keep_it(
    counts: list[int], part: int
) -> None:
    lows = np.dot(counts, np.arange(10) / 10)
    total = float(lows + part / 20 * sum(counts) / 10)
    scores = LabeledHistogram(TENTHS, (*counts, 0), (0,) * 11, total)
    assert np.dot(scores.counts, bucket_scores(scores)) == pytest.approx(total)


@given(some, some)
def test_swapping_outcomes_and_scores_keeps_every_error(
    positives: list[int], negatives: list[int]
) -> None:
    one = labelled(positives, negatives)
    other = labelled(negatives[::-1], positives[::-1])
    assert brier_score(other) == pytest.approx(brier_score(one))
    here, there = expected_calibration_error(one), expected_calibration_error(other)
    assert there.value == pytest.approx(here.value, abs=1e-9)
    assert there.null_cut == pytest.approx(here.null_cut)


@given(full, full, st.integers(2, 50))
def test_more_of_the_same_shrinks_what_chance_adds(
    positives: list[int], negatives: list[int], times: int
) -> None:
    once = labelled(positives, negatives)
    often = labelled([times * n for n in positives], [times * n for n in negatives])
    few, many = expected_calibration_error(once), expected_calibration_error(often)
    assert many.bias == pytest.approx(few.bias / sqrt(times))
    assert many.null_cut == pytest.approx(few.null_cut / sqrt(times))
    assert brier_score(often) == pytest.approx(brier_score(once))


def perfect(dice: np.random.Generator, size: int) -> LabeledHistogram:
    """A model whose scores come true as often as they say, in ten buckets of equal width."""
    score = dice.random(size)
    outcome = dice.random(size) < score
    bucket = np.searchsorted(TENTHS, score)
    positives = np.bincount(bucket[outcome], minlength=11)
    negatives = np.bincount(bucket[~outcome], minlength=11)
    return LabeledHistogram(TENTHS, tuple(positives), tuple(negatives), score.sum())


@pytest.mark.simulation
@pytest.mark.parametrize(("size", "plain"), [(100, 0.10), (5000, 0.014)])
def test_chance_adds_as_much_to_a_perfect_model_as_is_subtracted(size: int, plain: float) -> None:
    dice = np.random.default_rng(5)
    found = [perfect(dice, size) for _ in range(400)]
    gaps = [
        np.abs(np.array(s.positives[:10]) - np.array(s.counts[:10]) * CENTRES).sum() / size
        for s in found
    ]
    assert np.mean(gaps) == pytest.approx(plain, rel=0.05)
    biases = [expected_calibration_error(s).bias for s in found]
    assert np.mean(biases) == pytest.approx(np.mean(gaps), rel=0.05)


@pytest.mark.simulation
def test_a_perfect_model_exceeds_the_cuts_in_about_five_percent() -> None:
    dice = np.random.default_rng(6)
    found = [perfect(dice, 1000) for _ in range(1000)]
    for metric in (expected_calibration_error, maximum_calibration_error):
        assert 0.03 < np.mean([metric(scores).significant for scores in found]) < 0.08
