"""Where buckets begin and end, which edge decides, and when one bucket holds too much."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.bins import (
    NotAnEdge,
    bucket_name,
    bucket_ranges,
    decided_from,
    filled,
    heavy_bucket,
    merged,
    probability_ranges,
)
from surefoot.stats.measures import Histogram, LabeledHistogram


@pytest.mark.parametrize(
    ("edges", "ranges"),
    [
        ((0.5, 1.0), ((0.0, 0.5), (0.5, 1.0), (1.0, 1.0))),
        ((-2.0, 3.0), ((-2.0, -2.0), (-2.0, 3.0), (3.0, 3.0))),
        ((), ((0.0, 0.0),)),
    ],
)
def test_open_buckets_begin_at_zero_and_end_at_the_last_edge(
    edges: tuple[float, ...], ranges: tuple[tuple[float, float], ...]
) -> None:
    assert bucket_ranges(edges) == ranges


@pytest.mark.parametrize(
    ("edges", "ranges"),
    [
        ((0.3, 0.9), ((0.0, 0.3), (0.3, 0.9), (0.9, 1.0))),
        ((0.0, 1.0, 2.0), ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 1.0))),
        ((), ((0.0, 1.0),)),
    ],
)
def test_buckets_of_probabilities_lie_between_zero_and_one(
    edges: tuple[float, ...], ranges: tuple[tuple[float, float], ...]
) -> None:
    assert probability_ranges(edges) == ranges


edge_lists = st.lists(st.integers(-30, 30), max_size=8, unique=True).map(
    lambda edges: tuple(edge / 10 for edge in sorted(edges))
)


@given(edge_lists)
def test_there_is_one_range_for_each_bucket_and_no_gap_between_two(edges: tuple[float]) -> None:
    for ranges in (bucket_ranges(edges), probability_ranges(edges)):
        assert len(ranges) == len(edges) + 1
        assert all(lower <= upper for lower, upper in ranges)
        assert all(before[1] == after[0] for before, after in pairwise(ranges))


def test_a_threshold_at_an_edge_decides_from_the_bucket_above_it() -> None:
    assert decided_from((0.1, 0.5, 0.9), 0.5) == 2
    assert decided_from((0.1, 0.1 + 0.2, 0.9), 0.3) == 2
    assert decided_from((0.0, 0.5), 0.0) == 1


@pytest.mark.parametrize(
    ("edges", "threshold", "said"),
    [
        ((0.1, 0.5, 0.9), 0.6, "threshold 0.6 is not a bucket edge (the nearest: 0.5 and 0.9)"),
        ((0.1, 0.5, 0.9), 0.95, "threshold 0.95 is not a bucket edge (the nearest: 0.9)"),
        ((0.1, 0.5, 0.9), 0.05, "threshold 0.05 is not a bucket edge (the nearest: 0.1)"),
        ((), 0.5, "threshold 0.5 is not a bucket edge (the histogram has no finite edge)"),
    ],
)
def test_a_threshold_inside_of_a_bucket_is_refused_with_the_nearest_edges(
    edges: tuple[float, ...], threshold: float, said: str
) -> None:
    with pytest.raises(NotAnEdge) as raised:
        decided_from(edges, threshold)
    assert str(raised.value) == f"the decision {said}"
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("edges", "counts", "named"),
    [
        ((0.1, 0.5), (6, 3, 2), "up to 0.1"),
        ((0.1, 0.5), (1, 8, 1), "0.1 to 0.5"),
        ((0.1, 0.5), (0, 0, 7), "above 0.5"),
        ((), (7,), "it has no finite edge"),
    ],
)
def test_a_bucket_with_over_half_of_the_scores_is_found(
    edges: tuple[float, ...], counts: tuple[float, ...], named: str
) -> None:
    found = heavy_bucket(Histogram(edges, counts))
    assert found is not None
    assert bucket_name(edges, found) == named


@pytest.mark.parametrize("counts", [(5, 5, 0), (4, 3, 3), (0, 0, 0)])
def test_half_of_the_scores_in_one_bucket_is_not_too_much(counts: tuple[float, ...]) -> None:
    assert heavy_bucket(Histogram((0.1, 0.5), counts)) is None


def test_labelled_scores_are_weighed_over_both_outcomes() -> None:
    assert heavy_bucket(LabeledHistogram((0.5,), positives=(6, 0), negatives=(0, 6))) is None
    assert heavy_bucket(LabeledHistogram((0.5,), positives=(6, 0), negatives=(1, 6))) == 0


counts = st.lists(st.integers(0, 400), min_size=4, max_size=4).filter(any)


@given(counts, counts)
def test_merging_loses_nothing_and_leaves_no_thin_bin(p: list[int], q: list[int]) -> None:
    one, other = (Histogram((1.0, 2.0, 3.0), tuple(c)) for c in (p, q))
    bins = list(merged(one, other))
    assert sum(a for a, _ in bins) == sum(p)
    assert sum(b for _, b in bins) == sum(q)
    smaller = min(sum(p), sum(q)) / (sum(p) + sum(q))
    assert len(bins) == 1 or all((a + b) * smaller >= 5 for a, b in bins)
    assert len(bins) <= filled(one, other) <= 4
