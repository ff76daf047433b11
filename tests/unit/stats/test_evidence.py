"""Wealth: when the stake joins, what rounding and storing do to it, and the damper."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.evidence import (
    CEILING,
    Interval,
    Plan,
    Wealth,
    ceil_digits,
    floor_digits,
    fresh,
    grow,
    onset,
    value,
)

FACTORS = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0, 50), st.integers(0, 7)), min_size=1, max_size=80
)


@given(st.floats(-1e12, 1e12))
def test_rounding_goes_one_way_and_keeps_six_digits(number: float) -> None:
    low, high = floor_digits(number), ceil_digits(number)
    assert low <= number <= high
    assert high - low <= 1e-5 * abs(number)
    assert floor_digits(low) == low
    assert ceil_digits(high) == high


def test_evidence_starts_at_one() -> None:
    assert value(fresh(4)) == 1


def test_the_stake_joins_as_planned() -> None:
    plan = Plan(steps=5, intervals=60)
    first = onset(fresh(1), 0, plan)
    assert first == pytest.approx(0.5 + 0.3 / 5 + 0.15 / 60 + 0.05 / 2)
    wealth = grow(fresh(1), [1.0], 0, plan)
    assert onset(wealth, 0, plan) == pytest.approx(0.15 / 60 + 0.05 / 6)
    assert onset(wealth, 1, plan) == pytest.approx(0.3 / 5 + 0.15 / 60 + 0.05 / 6)


def test_a_release_that_outlasts_its_plan_lays_no_more_than_there_is() -> None:
    plan, wealth = Plan(steps=1, intervals=2), fresh(1)
    for step in range(200):
        wealth = grow(wealth, [1.0], step, plan)
    assert 0 <= wealth.reserve < 0.001
    assert value(wealth) == pytest.approx(1, abs=0.003)
    assert value(wealth) <= 1


def test_stake_that_joins_later_is_not_hurt_by_what_came_before() -> None:
    plan = Plan(steps=2, intervals=10)
    wealth = fresh(1)
    for _ in range(50):
        wealth = grow(wealth, [0.1], 0, plan)
    late = grow(wealth, [2.0], 1, plan)
    assert value(late) - value(wealth) > 0.14


@given(FACTORS)
def test_evidence_is_never_negative_and_never_raised_by_storing(
    factors: list[tuple[float, float, int]],
) -> None:
    plan, wealth = Plan(), fresh(2)
    for a, b, step in factors:
        wealth = grow(wealth, [a, b], step, plan)
        assert 0 <= value(wealth) <= CEILING + 1
    stored = json.loads(json.dumps(wealth.to_floats()))
    assert Wealth.from_floats(stored) == wealth


@given(st.lists(st.floats(0, 1e14), min_size=4, max_size=8), st.floats(0, 1))
def test_numbers_of_more_digits_are_read_downwards(bets: list[float], reserve: float) -> None:
    given_value = sum(bets) / len(bets) + reserve
    read = Wealth.from_floats([reserve, 3, 1, *bets])
    assert value(read) <= given_value * (1 + 1e-12)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=60), st.integers(1, 5))
def test_fewer_adverse_intervals_than_the_minimum_cannot_reach_the_limit(
    factors: list[float], minimum: int
) -> None:
    plan, wealth, adverse = Plan(budget=0.01, min_adverse=minimum), fresh(1), 0
    for factor in factors:
        adverse += factor > 1
        wealth = grow(wealth, [factor], 0, plan)
        if adverse < minimum:
            assert value(wealth) < 1 / plan.budget


@pytest.mark.parametrize(
    "floats",
    [
        [1.0, 0, -1],
        [1.1, 0, -1, 0.0],
        [0.5, 1, 0, float("nan")],
        [0.5, 1, 0, float("inf")],
        [0.5, 1, 0, -0.1],
        [-0.5, 1, 0, 0.1],
    ],
)
def test_what_cannot_have_been_stored_is_refused(floats: list[float]) -> None:
    with pytest.raises(ValueError, match="stored evidence"):
        Wealth.from_floats(floats)


def test_on_average_a_fair_bet_gains_nothing() -> None:
    """All 2^10 paths of a bet that doubles or loses all: the mean of W is 1, less rounding."""
    plan, level = Plan(steps=2, intervals=10, min_adverse=1), [fresh(1)]
    for t in range(10):
        level = [grow(wealth, [e], t // 5, plan) for wealth in level for e in (0.0, 2.0)]
    mean = sum(map(value, level)) / len(level)
    assert mean == pytest.approx(1, abs=1e-4)
    assert mean <= 1


def test_swapping_twice_is_the_same_interval() -> None:
    interval = Interval(60.0, 0, "old", "new")
    assert interval.swapped() == Interval(60.0, 0, "new", "old")
    assert interval.swapped().swapped() == interval


def test_order_of_the_damper() -> None:
    caps = [Plan(min_adverse=m).cap for m in (1, 2, 3, 5)]
    assert caps[0] == pytest.approx(20)
    assert all(a > b for a, b in pairwise(caps))
