"""The contrasts of Performance: mistakes as counts, and the AUC with its variance."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats import performancebet, scalarbet
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts, LabeledHistogram
from surefoot.stats.performancebet import auc_below, auc_variance, auc_within
from surefoot.stats.scalarbet import DEFAULT_PARAMS, ScalarState

EDGES = (0.25, 0.5, 0.75)
SCORES = LabeledHistogram(EDGES, (12.0, 38.0, 62.0, 88.0), (88.0, 62.0, 38.0, 12.0))
COUNTS = st.lists(st.integers(0, 1000).map(float), min_size=4, max_size=4).map(tuple)


def test_mistakes_are_what_the_shares_leave_over():
    assert performancebet.wrong_decisions(SCORES, 0.5) == Counts(100, 400)
    assert performancebet.wrong_yes(SCORES, 0.5) == Counts(50, 200)
    assert performancebet.missed(SCORES, 0.5) == Counts(50, 200)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_without_any_skill_the_variance_is_that_of_mann_and_whitney(positives, negatives):
    expected = (positives + negatives + 1) / (12 * positives * negatives)
    assert auc_variance(0.5, positives, negatives) == pytest.approx(expected)


@given(st.floats(0, 1), st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_variance_is_positive_and_shrinks_with_samples(area, positives, negatives):
    v = auc_variance(area, positives, negatives)
    assert 0 < v <= 0.26
    assert auc_variance(area, 10 * positives, 10 * negatives) < v * 1.01


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_mirror_turns_the_contrast_round(a, b, c, d):
    both = Interval(60.0, 0, LabeledHistogram(EDGES, a, b), LabeledHistogram(EDGES, c, d))
    below, within = auc_below(both, 0.02).contrast, auc_within(both, 0.02).contrast
    if below is None:
        assert within is None
        return
    assert within is not None
    assert below.y == pytest.approx(-within.y)
    assert below.v == within.v > 0


@pytest.mark.parametrize(
    "arm",
    [
        None,
        LabeledHistogram(EDGES, (1.0, 1.0, 1.0, 1.0), (50.0,) * 4),
        LabeledHistogram(EDGES, (50.0,) * 4, (0.0,) * 4),
        LabeledHistogram(EDGES, (float("inf"), 1.0, 1.0, 1.0), (50.0,) * 4),
        LabeledHistogram(EDGES, (float("nan"), 1.0, 1.0, 1.0), (50.0,) * 4),
        LabeledHistogram(EDGES, (-1.0, 50.0, 50.0, 50.0), (50.0,) * 4),
    ],
)
def test_too_few_of_an_outcome_or_no_counts_are_no_contrast(arm):
    assert auc_below(Interval(60.0, 0, SCORES, arm), 0.01).contrast is None
    assert auc_below(Interval(60.0, 0, arm, SCORES), 0.01).contrast is None


def _drawn(rng: random.Random, sharpness: float, size: int) -> LabeledHistogram:
    """Scores whose bucket tells the outcome better the sharper they are."""
    yes, no = [0.0] * 4, [0.0] * 4
    for _ in range(size):
        positive = rng.random() < 0.3
        bucket = min(3, max(0, int(rng.gauss(2.0 + (sharpness if positive else -sharpness), 1.2))))
        (yes if positive else no)[bucket] += 1
    return LabeledHistogram(EDGES, tuple(yes), tuple(no))


def _ever(seed: int, sharpness: float) -> float:
    rng, state, most = random.Random(seed), ScalarState(), 1.0
    for minute in range(60):
        both = Interval(
            60.0 * (minute + 1), minute // 12, _drawn(rng, 0.6, 150), _drawn(rng, sharpness, 100)
        )
        state = scalarbet.advance(state, auc_below(both, 0.01), DEFAULT_PARAMS)
        most = max(most, scalarbet.value(state))
    return most


@pytest.mark.simulation
def test_an_equal_ranking_seldom_reaches_the_limit_and_a_worse_one_does():
    healthy = sum(_ever(seed, 0.6) >= 20 for seed in range(150))
    assert healthy <= 5
    assert all(_ever(seed, 0.2) >= 20 for seed in range(10))
