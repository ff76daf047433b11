"""Right and wrong decisions: by hand, and as scikit-learn counts them."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from surefoot.stats.bins import NotAnEdge
from surefoot.stats.measures import LabeledHistogram
from surefoot.stats.performance import (
    Confusion,
    accuracy,
    area_under_curve,
    confusion,
    precision,
    recall,
)

Metric = Callable[[LabeledHistogram, float], object]

EDGES = (0.2, 0.4, 0.5, 0.9, 1.0)
CENTRES = np.array([0.1, 0.3, 0.45, 0.7, 0.95])
EXAMPLE = LabeledHistogram((0.5,), positives=(9, 32), negatives=(51, 8), score_sum=45.0)


def labelled(positives: list[int], negatives: list[int]) -> LabeledHistogram:
    return LabeledHistogram(EDGES, (*positives, 0), (*negatives, 0))


def cases(positives: list[int], negatives: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The same as (outcome, score) of every case, scores at the centres."""
    scores = np.repeat(np.tile(CENTRES, 2), np.concatenate([positives, negatives]))
    return np.repeat([1, 0], [sum(positives), sum(negatives)]), scores


def test_decisions_by_hand() -> None:
    assert confusion(EXAMPLE, 0.5) == Confusion(
        true_positives=32, false_positives=8, true_negatives=51, false_negatives=9
    )
    assert accuracy(EXAMPLE, 0.5) == pytest.approx(83 / 100)
    assert precision(EXAMPLE, 0.5) == pytest.approx(32 / 40)
    assert recall(EXAMPLE, 0.5) == pytest.approx(32 / 41)


def test_the_area_by_hand() -> None:
    found = area_under_curve(EXAMPLE)
    # 41·59 pairs: the positive is above in 32·51, and 9·51 + 32·8 share a bucket.
    assert found.value == pytest.approx((32 * 51 + (9 * 51 + 32 * 8) / 2) / (41 * 59))
    assert found.resolution == pytest.approx((9 * 51 + 32 * 8) / 2 / (41 * 59))


def test_a_score_equal_to_the_threshold_is_a_no() -> None:
    at_the_edge = LabeledHistogram((0.5, 1.0), positives=(1, 0, 0), negatives=(0, 0, 0))
    assert recall(at_the_edge, 0.5) == 0


@pytest.mark.parametrize("metric", [accuracy, precision, recall, confusion])
def test_a_threshold_inside_of_a_bucket_names_the_nearest_edges(metric: Metric) -> None:
    with pytest.raises(
        NotAnEdge, match=r"0\.6 is not a bucket edge \(the nearest: 0\.5 and 0\.9\)"
    ):
        metric(labelled([1] * 5, [1] * 5), 0.6)


def test_without_cases_there_is_no_share() -> None:
    nothing = labelled([0] * 5, [0] * 5)
    assert accuracy(nothing, 0.5) is precision(nothing, 0.5) is recall(nothing, 0.5) is None
    only_low_negatives = labelled([0] * 5, [3, 0, 0, 0, 0])
    assert accuracy(only_low_negatives, 0.5) == 1
    assert precision(only_low_negatives, 0.5) is recall(only_low_negatives, 0.5) is None


@pytest.mark.parametrize(("positives", "negatives"), [([0] * 5, [1] * 5), ([1] * 5, [0] * 5)])
def test_one_outcome_alone_has_no_area(positives: list[int], negatives: list[int]) -> None:
    assert area_under_curve(labelled(positives, negatives)) is None


def test_separated_outcomes_have_all_of_the_area_or_none() -> None:
    assert area_under_curve(labelled([0, 0, 0, 2, 3], [4, 1, 0, 0, 0])).value == 1
    assert area_under_curve(labelled([4, 1, 0, 0, 0], [0, 0, 0, 2, 3])).value == 0


tables = st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(any)
thresholds = st.sampled_from(EDGES)


@given(tables, tables, thresholds)
def test_all_four_are_those_of_scikit_learn(
    positives: list[int], negatives: list[int], threshold: float
) -> None:
    scores, (outcome, score) = labelled(positives, negatives), cases(positives, negatives)
    area = metrics.roc_auc_score(outcome, score)
    assert area_under_curve(scores).value == pytest.approx(area, abs=1e-9)
    yes = score > threshold
    assert accuracy(scores, threshold) == pytest.approx(
        metrics.accuracy_score(outcome, yes), abs=1e-9
    )
    assert recall(scores, threshold) == pytest.approx(metrics.recall_score(outcome, yes), abs=1e-9)
    if yes.any():
        expected = metrics.precision_score(outcome, yes)
        assert precision(scores, threshold) == pytest.approx(expected, abs=1e-9)
    else:
        assert precision(scores, threshold) is None


@pytest.mark.simulation
@given(tables, tables, st.randoms())
def test_the_area_of_the_scores_within_the_buckets_is_within_the_resolution(
    positives: list[int], negatives: list[int], dice: Random
) -> None:
    outcome, score = cases(positives, negatives)
    moved = [value + dice.uniform(-0.04, 0.04) for value in score]
    found = area_under_curve(labelled(positives, negatives))
    exact = metrics.roc_auc_score(outcome, moved)
    assert abs(exact - found.value) <= found.resolution + 1e-9


@given(tables, tables, thresholds, st.integers(1, 50))
def test_shares_lie_between_zero_and_one_and_more_of_the_same_keeps_them(
    positives: list[int], negatives: list[int], threshold: float, times: int
) -> None:
    once = labelled(positives, negatives)
    often = labelled([times * n for n in positives], [times * n for n in negatives])
    assert area_under_curve(often).value == pytest.approx(area_under_curve(once).value)
    for metric in (accuracy, precision, recall):
        share = metric(once, threshold)
        assert share is None or 0 <= share <= 1
        assert metric(often, threshold) == (share if share is None else pytest.approx(share))


@given(tables, tables)
def test_swapping_the_outcomes_mirrors_the_area(positives: list[int], negatives: list[int]) -> None:
    one, other = labelled(positives, negatives), labelled(negatives, positives)
    areas = area_under_curve(one), area_under_curve(other)
    assert areas[0].value + areas[1].value == pytest.approx(1)
    assert areas[0].resolution == pytest.approx(areas[1].resolution)
