"""Calibration: scores too low, too high or of the wrong shape are found; equal ones are not."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats import scalarbet
from surefoot.stats.calibrationbet import CalibrationParams, CalibrationState, advance, value
from surefoot.stats.contrasts import Bins
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import LabeledScores
from tests.unit.stats.betting import check_course, run

PARAMS = CalibrationParams()
SCORES = (0.1, 0.3, 0.5, 0.7, 0.9)


def labelled(n: float, *gaps: float) -> Bins:
    """`n` scores in each bin, of which the outcomes lie `gap` above the score."""
    return tuple(
        LabeledScores((score + gap) * n, score * n, n)
        for score, gap in zip(SCORES, gaps or (0.0,) * 5, strict=True)
    )


def course(new: Bins, intervals: int = 20) -> CalibrationState:
    both = [Interval(60.0 * t, 0, labelled(1000), new) for t in range(1, intervals + 1)]
    return run(advance, CalibrationState(), both, PARAMS)


def test_each_bet_finds_its_own_fault() -> None:
    low, high = course(labelled(500, *[0.08] * 5)), course(labelled(500, *[-0.08] * 5))
    shape = course(labelled(500, 0.09, 0.09, 0.0, -0.09, -0.09))
    bets = [list(map(scalarbet.value, (s.low, s.high, s.shape))) for s in (low, high, shape)]
    assert bets[0][0] > 20 > bets[0][1]
    assert bets[1][1] > 20 > bets[1][0]
    assert bets[2][2] > 20 > max(bets[2][:2])
    assert value(low) == pytest.approx(sum(bets[0]) / 3)


def test_equal_gaps_are_no_evidence_however_large() -> None:
    gaps = (0.08,) * 5
    both = [
        Interval(60.0 * t, 0, labelled(1000, *gaps), labelled(500, *gaps)) for t in range(1, 31)
    ]
    assert value(run(advance, CalibrationState(), both, PARAMS)) < 1


def test_the_shape_needs_a_past() -> None:
    bad = labelled(500, 0.09, 0.0, 0.0, 0.0, -0.09)
    one = course(bad, 1)
    assert (one.low.wealth.live, one.shape.wealth.live) == (1, 0)
    two = course(bad, 2)
    assert two.shape.wealth.live == 1
    assert two.shape.last > 0
    assert two.gaps[0] == pytest.approx(1.95 * one.gaps[0], rel=1e-4)


def test_an_interval_with_more_labels_weighs_more() -> None:
    few = course(labelled(20, 0.09, 0.0, 0.0, 0.0, -0.09), 1)
    many = course(labelled(900, 0.09, 0.0, 0.0, 0.0, -0.09), 1)
    assert many.gaps[0] > 5 * few.gaps[0]


def test_scores_of_only_zero_and_one_leave_nothing_to_standardise() -> None:
    sure = (LabeledScores(0, 0, 50), LabeledScores(50, 50, 50))
    both = [Interval(60.0 * t, 0, sure, sure) for t in (1, 2, 3)]
    state = run(advance, CalibrationState(), both, PARAMS)
    assert (value(state), state.gaps) == (1, ())


def test_an_interval_that_was_not_measured_moves_only_its_end() -> None:
    before = course(labelled(500, *[0.05] * 5))
    after = advance(before, Interval(6000.0, 0, labelled(9), None), PARAMS)
    assert (value(after), after.gaps, after.shape.end) == (value(before), before.gaps, 6000)


def test_other_bins_start_the_past_anew() -> None:
    before = course(labelled(500))
    wider = (*labelled(500), LabeledScores(1, 1, 9))
    after = advance(before, Interval(6000.0, 0, wider, wider), PARAMS)
    assert after.shape.wealth.live == before.shape.wealth.live
    assert len(after.gaps) == 6


CELL = st.tuples(st.integers(0, 50), st.floats(0, 50), st.integers(50, 99))


@given(st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=12), st.integers(0, 12))
def test_the_course_survives_restarts(rows: list[list[tuple[int, float, int]]], cut: int) -> None:
    arms = [tuple(LabeledScores(*cell) for cell in row) for row in rows]
    intervals = [Interval(60.0 * (t + 1), t // 3, row[:2], row[2:]) for t, row in enumerate(arms)]
    check_course(advance, value, CalibrationState(), intervals, PARAMS, cut)


def test_stored_evidence_is_small() -> None:
    rng, state = random.Random(2), CalibrationState()
    for t in range(1, 61):
        arms = [
            tuple(LabeledScores(rng.randint(0, 99), 99 * rng.random(), 99) for _ in range(20))
            for _ in range(2)
        ]
        state = advance(state, Interval(1763723000.0 + 60 * t, 0, *arms), PARAMS)
    assert len(json.dumps(state.to_floats())) <= 600
