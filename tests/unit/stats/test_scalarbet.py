"""ScalarBet: fair under symmetry whatever the scale, and what order, gaps and restarts do to it."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats import scalarbet
from surefoot.stats.evidence import fresh
from surefoot.stats.scalarbet import (
    SIZE,
    Contrast,
    Reading,
    ScalarParams,
    ScalarState,
    advance,
    value,
)

SAMPLED, GAUGE = ScalarParams(), ScalarParams(sampled=False)
YS = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=40)


def told(ys: Sequence[float | None], v: float = 1.0) -> list[Reading]:
    return [
        Reading(60.0 * (t + 1), t // 12, None if y is None else Contrast(y, v))
        for t, y in enumerate(ys)
    ]


def judged(
    readings: Sequence[Reading], params: ScalarParams = SAMPLED, state: ScalarState | None = None
) -> ScalarState:
    state = ScalarState() if state is None else state
    for reading in readings:
        state = advance(state, reading, params)
    return state


@given(st.floats(-1e5, 1e5))
def test_a_bet_and_its_mirror_image_are_fair_together(x: float) -> None:
    assert scalarbet._factor(x) + scalarbet._factor(-x) == pytest.approx(2)


def test_over_all_signs_the_mean_of_the_evidence_is_one() -> None:
    """Ten readings of a fixed size and a free sign: the exact mean over all 1,024 paths."""
    sizes = [0.3, 2.0, 1.0, 0.1, 5.0, 1.0, 0.7, 3.0, 0.2, 1.5]
    level = [ScalarState()]
    for t, size in enumerate(sizes):
        level = [
            advance(state, Reading(60.0 * (t + 1), 0, Contrast(sign * size, 1.0)), SAMPLED)
            for state in level
            for sign in (-1, 1)
        ]
    assert sum(map(value, level)) / len(level) <= 1 + 1e-9


def test_the_scale_is_learnt_from_successive_differences() -> None:
    state = judged(told([0.0, 3.0, -1.0]))
    assert state.pairs == 2
    assert state.squares == pytest.approx(0.5 * (9 + 16))
    assert state.last == -1


def test_what_exceeds_sampling_noise_may_persist_and_is_not_counted_twice() -> None:
    noisy = replace(ScalarState(), last=4.0, squares=95.0, pairs=5, end=60.0)
    reading = Reading(120.0, 0, Contrast(4.0, 1.0))
    share = 9 / 9.4  # tau² = 22.5 on top of 1, of which differences see 0.4
    z = (4 - 0.6 * share * 4) / 10**0.5
    plan = SAMPLED.plan
    joined = 0.5 + 0.3 / plan.steps + 0.15 / plan.intervals + 0.05 / 2
    found = advance(noisy, reading, SAMPLED).wealth.bets
    assert found[1] == pytest.approx(joined * scalarbet._factor(z), rel=1e-5)
    gauge = advance(noisy, reading, GAUGE).wealth.bets
    z = (4 - 0.6 * 4) / 10**0.5
    assert gauge[1] == pytest.approx(joined * scalarbet._factor(z), rel=1e-5)


def test_a_shift_is_found_and_noise_is_not() -> None:
    rng = random.Random(3)
    noise = [rng.gauss(0, 1) for _ in range(60)]
    assert value(judged(told(noise))) < 20
    assert value(judged(told([y + 1.5 for y in noise]))) >= 20


def test_a_cut_off_reading_leaves_the_test_usable() -> None:
    state = judged(told([1e300, -1e300, 1e300]))
    assert state.last == scalarbet.LARGEST
    assert 0 <= value(state) < 20


@given(YS, st.sampled_from([SAMPLED, GAUGE]))
def test_evidence_is_a_number_and_not_negative(
    ys: list[float | None], params: ScalarParams
) -> None:
    assert 0 <= value(judged(told(ys), params)) < float("inf")


@given(YS, st.integers(0, 40))
def test_a_restart_changes_nothing_and_no_reading_counts_twice(
    ys: list[float | None], cut: int
) -> None:
    readings = told(ys)
    half = judged(readings[:cut])
    read = ScalarState.from_floats(json.loads(json.dumps(half.to_floats())))
    assert read == half
    assert judged(readings, state=read) == judged(readings)


@pytest.mark.parametrize(
    "contrast",
    [
        None,
        Contrast(float("nan"), 1.0),
        Contrast(1.0, 0.0),
        Contrast(1.0, float("nan")),
        Contrast(1.0, float("inf")),
    ],
)
def test_a_reading_that_was_not_measured_moves_only_its_end(contrast: Contrast | None) -> None:
    before = judged(told([1.0, 2.0]))
    after = advance(before, Reading(600.0, 1, contrast), SAMPLED)
    assert after == replace(before, end=600.0)


@pytest.mark.parametrize(("place", "bad"), [(0, float("nan")), (1, float("inf")), (2, -1.0)])
def test_what_cannot_have_been_stored_is_refused(place: int, bad: float) -> None:
    floats = [60.0, 1.0, 2.0, 3, *fresh(2).to_floats()]
    floats[place] = bad
    with pytest.raises(ValueError, match="stored evidence"):
        ScalarState.from_floats(floats)


def test_stored_evidence_is_small() -> None:
    rng = random.Random(5)
    state = judged(told([rng.gauss(0, 2) for _ in range(60)]))
    assert len(state.to_floats()) == SIZE
    assert len(json.dumps(state.to_floats())) <= 100
