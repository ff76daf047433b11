"""Fairness: the pair of groups is named by the past, so that noise alone looks fair."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.evidence import Interval
from surefoot.stats.fairnessbet import (
    FairnessParams,
    FairnessState,
    Groups,
    advance,
    promotion,
    revert,
    value,
)
from surefoot.stats.measures import Counts
from surefoot.stats.scalarbet import DEFAULT_PARAMS
from tests.unit.stats.betting import check_course, run

PARAMS = FairnessParams()


def groups(n: float, *rates: float) -> Groups:
    return tuple(Counts(rate * n, n) for rate in rates)


def course(old: Groups, new: Groups, intervals: int = 40) -> FairnessState:
    both = [Interval(60.0 * t, 0, old, new) for t in range(1, intervals + 1)]
    return run(advance, FairnessState(), both, PARAMS)


def test_a_candidate_that_disfavours_a_group_is_found() -> None:
    assert value(course(groups(2000, 0.3, 0.3), groups(500, 0.3, 0.21))) >= 20


@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.3, 0.21)])
def test_what_the_incumbent_does_as_well_is_no_evidence(rates: tuple[float, float]) -> None:
    assert value(course(groups(2000, *rates), groups(500, *rates))) < 1


@pytest.mark.simulation
def test_noise_in_small_groups_is_no_evidence() -> None:
    """200 releases at exactly the margin: 5 % are allowed to cross."""
    rng, crossed = random.Random(4), 0

    def draw(n: int, *rates: float) -> Groups:
        noisy = (max(0.0, min(1.0, rng.gauss(r, (r * (1 - r) / n) ** 0.5))) for r in rates)
        return tuple(Counts(round(rate * n), n) for rate in noisy)

    for _ in range(200):
        state = FairnessState()
        for t in range(1, 61):
            both = Interval(60.0 * t, 0, draw(3000, 0.3, 0.3, 0.3), draw(30, 0.3, 0.285, 0.27))
            state = advance(state, both, PARAMS)
        crossed += value(state) >= 20
    assert crossed <= 4


def test_the_first_interval_only_names_the_groups() -> None:
    one = course(groups(100, 0.5, 0.5), groups(100, 0.5, 0.2), 1)
    assert one.bet.wealth.live == 0
    assert one.past == ((50.0, 100.0), (20.0, 100.0))


def test_promotion_is_the_mirror() -> None:
    params = promotion(0.2, DEFAULT_PARAMS)
    assert params.offset > 0 > revert(0.2, DEFAULT_PARAMS).offset

    def mirrored(new: Groups) -> float:
        old = groups(2000, 0.3, 0.3)
        both = [Interval(60.0 * t, 0, old, new).swapped() for t in range(1, 61)]
        return value(run(advance, FairnessState(), both, params))

    assert mirrored(groups(2000, 0.3, 0.3)) >= 20
    assert mirrored(groups(2000, 0.3, 0.24)) < 2


@pytest.mark.parametrize(
    "arm",
    [
        None,
        groups(9, 0.3, 0.3),
        groups(50, 0.3),
        groups(50, 0.3, 1.1),
        groups(50, 0.3, float("nan")),
    ],
)
def test_an_interval_without_enough_in_each_group_is_not_judged(arm: Groups | None) -> None:
    good = groups(50, 0.3, 0.3)
    before = course(good, good, 3)
    for both in (Interval(600.0, 0, good, arm), Interval(600.0, 0, arm, good)):
        after = advance(before, both, PARAMS)
        assert (value(after), after.past, after.bet.end) == (value(before), before.past, 600)


def test_one_group_has_nothing_to_be_compared_with() -> None:
    assert course(groups(50, 0.3), groups(50, 0.3), 3).past == ()


def test_other_groups_are_named_anew() -> None:
    before = course(groups(50, 0.3, 0.3), groups(50, 0.3, 0.3), 3)
    three = groups(50, 0.3, 0.3, 0.3)
    after = advance(before, Interval(600.0, 0, three, three), PARAMS)
    assert len(after.past) == 3
    assert value(after) == value(before)


CELL = st.tuples(st.integers(0, 20), st.integers(5, 40))


@given(st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=12), st.integers(0, 12))
def test_the_course_survives_restarts(rows: list[list[tuple[int, int]]], cut: int) -> None:
    arms = [tuple(Counts(*cell) for cell in row) for row in rows]
    intervals = [Interval(60.0 * (t + 1), t // 3, row[:2], row[2:]) for t, row in enumerate(arms)]
    check_course(advance, value, FairnessState(), intervals, PARAMS, cut)


@pytest.mark.parametrize("rest", [[1.0], [1.0, -1.0]])
def test_what_cannot_have_been_stored_is_refused(rest: list[float]) -> None:
    with pytest.raises(ValueError, match="stored groups"):
        FairnessState.from_floats([*FairnessState().to_floats(), *rest])
