"""Latency: edges are chosen once, below the incumbent's quantile, and judged together."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats import countbet, latencybet
from surefoot.stats.countbet import CountParams, promotion
from surefoot.stats.evidence import Interval, Plan
from surefoot.stats.latencybet import LatencyState, advance, begin, value
from surefoot.stats.measures import Histogram
from tests.unit.stats.betting import check_course, run

EDGES = (0.1, 0.25, 0.5, 1.0)
PARAMS = CountParams()


def histogram(*counts: float) -> Histogram:
    return Histogram(EDGES, counts)


@pytest.mark.parametrize(
    ("counts", "edges"),
    [
        ((900, 85, 10, 5, 0), (0.25, 0.1)),
        ((100, 0, 0, 0, 0), (0.1, 0.1)),
        ((10, 90, 0, 0, 0), (0.1, 0.1)),
        ((10, 10, 10, 10, 60), (1.0, 0.5)),
    ],
)
def test_the_edges_are_those_below_the_quantile(
    counts: tuple[float, ...], edges: tuple[float, float]
) -> None:
    state = begin(histogram(*counts), 0.99, 60.0)
    assert (state.near_edge, state.far_edge) == edges


def test_what_chose_the_edges_is_not_judged_by_them() -> None:
    arm = histogram(900, 85, 10, 5, 0)
    state = begin(arm, 0.99, 60.0)
    assert advance(state, Interval(60.0, 0, arm, histogram(0, 0, 0, 0, 900)), PARAMS) == state


def test_a_slower_candidate_is_found_and_an_equal_one_is_not() -> None:
    old, slow = histogram(2700, 255, 36, 9, 0), histogram(2600, 280, 100, 20, 0)
    state = begin(old, 0.99, 0.0)
    slower = [Interval(60.0 * t, 0, old, slow) for t in range(1, 31)]
    equal = [Interval(60.0 * t, 0, old, old) for t in range(1, 31)]
    found = run(advance, state, slower, PARAMS)
    assert value(found) >= 20
    near, far = countbet.value(found.near), countbet.value(found.far)
    assert value(found) == pytest.approx(0.75 * near + 0.25 * far)
    assert value(run(advance, state, equal, PARAMS)) < 1
    mirrored = [interval.swapped() for interval in equal]
    assert value(run(advance, state, mirrored, promotion(0.5, Plan()))) > 5


@given(
    st.lists(st.tuples(*[st.integers(0, 500)] * 10), max_size=15),
    st.integers(0, 15),
)
def test_the_course_survives_restarts(rows: list[tuple[int, ...]], cut: int) -> None:
    intervals = [
        Interval(60.0 * (t + 1), t // 3, histogram(*row[:5]), histogram(*row[5:]))
        for t, row in enumerate(rows)
    ]
    start = begin(histogram(900, 85, 10, 5, 0), 0.99, 0.0)
    check_course(advance, value, start, intervals, PARAMS, cut)


def test_stored_evidence_is_small() -> None:
    state = begin(histogram(900, 85, 10, 5, 0), 0.99, 1763723000.0)
    for t in range(1, 61):
        arms = (histogram(9000 - t, 800, 90 + t, 37, 4), histogram(8000, 900 + t, 80, 30 + t, 3))
        state = latencybet.advance(state, Interval(1763723000.0 + 60 * t, 0, *arms), PARAMS)
    assert len(json.dumps(state.to_floats())) <= 300
    assert LatencyState.from_floats(state.to_floats()) == state
