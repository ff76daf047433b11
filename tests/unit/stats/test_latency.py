"""Quantiles as Prometheus computes them; golden values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.latency import Quantile, quantile
from surefoot.stats.measures import Histogram

EDGES = (0.1, 0.25, 0.5)


@pytest.mark.parametrize(
    ("q", "counts", "value"),
    [
        (0.5, (10, 10, 0, 0), 0.1),  # rank 10 is the last of the first bucket
        (0.75, (10, 10, 0, 0), 0.175),  # rank 15: half of the way from 0.1 to 0.25
        (0.25, (10, 10, 0, 0), 0.05),  # rank 5: half of the first bucket, which begins at 0
        (0.9, (0, 0, 10, 0), 0.475),  # rank 9 of 10 from 0.25 to 0.5
        (0.5, (5, 0, 5, 0), 0.1),  # an empty bucket is passed over
        (0.6, (5, 0, 5, 0), 0.3),  # rank 6: a fifth of the way from 0.25 to 0.5
    ],
)
def test_interpolates_linearly(q: float, counts: tuple[float, ...], value: float) -> None:
    found = quantile(Histogram(EDGES, counts), q)
    assert found.value == pytest.approx(value)
    assert not found.above_last_edge


def test_beyond_the_last_finite_edge_is_said_and_not_guessed() -> None:
    assert quantile(Histogram(EDGES, (98, 0, 0, 2)), 0.99) == Quantile(0.5, above_last_edge=True)


def test_exactly_at_the_last_finite_edge_is_a_value() -> None:
    assert quantile(Histogram(EDGES, (0, 0, 99, 1)), 0.99) == Quantile(0.5)


def test_a_first_edge_that_is_not_positive_is_its_own_lower_bound() -> None:
    assert quantile(Histogram((-1.0, 1.0), (10, 10, 0)), 0.25) == Quantile(-1.0)
    assert quantile(Histogram((-1.0, 1.0), (10, 10, 0)), 0.75) == Quantile(0.0)


@pytest.mark.parametrize("histogram", [Histogram(EDGES, (0, 0, 0, 0)), Histogram((), (5,))])
def test_nothing_to_interpolate_is_an_error(histogram: Histogram) -> None:
    with pytest.raises(ValueError, match="observations and at least one finite"):
        quantile(histogram, 0.5)


@given(
    st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
)
def test_never_falls_as_q_rises_and_lies_in_its_bucket(
    counts: list[int], one: float, other: float
) -> None:
    histogram = Histogram(EDGES, tuple(counts))
    low, high = (quantile(histogram, q) for q in sorted((one, other)))
    assert low.value <= high.value + 1e-12
    assert low.above_last_edge <= high.above_last_edge
    assert 0 <= low.value <= EDGES[-1]
