"""Drift between arms: the bound behind the contrast, when it bets, and what it finds."""

import json
import random
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats import driftbet
from surefoot.stats.driftbet import DriftParams, DriftState, advance, value
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Histogram
from tests.unit.stats.betting import check_course, run

PARAMS = DriftParams()
SHARES = st.lists(st.floats(0.001, 1), min_size=5, max_size=5)


def histogram(*counts: float) -> Histogram:
    return Histogram(tuple(float(edge) for edge in range(len(counts) - 1)), counts)


@given(SHARES, SHARES, SHARES, SHARES)
def test_no_direction_makes_the_mean_positive_under_the_null(
    p: list[float], q: list[float], past_p: list[float], past_q: list[float]
) -> None:
    """Shares stand for counts of endless requests; the margin is their own PSI, the worst null."""
    new, old = [x / sum(p) for x in p], [x / sum(q) for x in q]
    psi = sum((a - b) * log(a / b) for a, b in zip(new, old, strict=True))
    if psi < 1e-6:
        return
    past = DriftState(
        incumbent=tuple(1e6 * x for x in past_q), candidate=tuple(1e6 * x for x in past_p)
    )
    direction = driftbet._direction(past.incumbent, past.candidate, 0.0)
    if direction is None:
        return
    weights, _ = direction
    linear = sum(w * (a - b) for w, a, b in zip(weights, new, old, strict=True))
    penalty = sum(w * w * 0.5 * (a + b) for w, a, b in zip(weights, new, old, strict=True))
    assert linear - 0.5 * psi**0.5 * (penalty + 1) <= 1e-9


def test_nothing_is_bet_while_the_past_shows_no_drift_above_the_margin() -> None:
    same = histogram(250, 250, 250, 250)
    state = run(
        advance, DriftState(), [Interval(60.0 * t, 0, same, same) for t in (1, 2, 3)], PARAMS
    )
    assert state.bet.wealth.live == 0
    assert value(state) == 1
    assert state.bet.end == 180


def test_the_first_interval_is_the_past_of_the_second() -> None:
    old, new = histogram(250, 250, 250, 250), histogram(550, 250, 150, 50)
    one = advance(DriftState(), Interval(60.0, 0, old, new), PARAMS)
    assert one.bet.wealth.live == 0
    assert one.candidate == new.counts
    two = advance(one, Interval(120.0, 0, old, new), PARAMS)
    assert two.bet.wealth.live == 1
    assert two.candidate[0] == pytest.approx(0.95 * 550 + 550)


def drifting(rng: random.Random, shares: list[float], releases: int) -> int:
    """How many of so many releases of 60 intervals cross, at 60 to 3,000 scores an interval."""
    crossed = 0
    for _ in range(releases):
        state = DriftState()
        for t in range(1, 61):
            n1 = (60, 300, 600, 1500, 3000)[(t - 1) // 12]
            arms = (sample(rng, [0.1] * 10, 6000 - n1), sample(rng, shares, n1))
            state = advance(state, Interval(60.0 * t, (t - 1) // 12, *arms), PARAMS)
            if value(state) >= 20:
                crossed += 1
                break
    return crossed


def sample(rng: random.Random, shares: list[float], n: int) -> Histogram:
    return histogram(*(max(0, round(rng.gauss(n * p, (n * p) ** 0.5))) for p in shares))


def test_a_large_drift_is_found_and_one_at_the_margin_is_not() -> None:
    rng = random.Random(11)

    def tilted(by: float) -> list[float]:
        raw = [0.1 * (1 + by * (b - 4.5) / 4.5) for b in range(10)]
        return [x / sum(raw) for x in raw]

    def psi(by: float) -> float:
        return sum((p - 0.1) * log(p / 0.1) for p in tilted(by))

    assert psi(0.48) == pytest.approx(0.1, abs=0.002)
    assert psi(0.7) > 0.23
    assert drifting(rng, tilted(0.7), 10) == 10
    assert drifting(rng, tilted(0.48), 40) <= 2


BAD = [
    None,
    histogram(0, 0, 0, 0),
    histogram(1, -1, 5, 5),
    histogram(1, float("nan"), 5, 5),
    histogram(1, 2, 3),
]


@pytest.mark.parametrize("arm", BAD)
def test_an_interval_that_was_not_measured_moves_only_its_end(arm: Histogram | None) -> None:
    old = histogram(250, 250, 250, 250)
    before = advance(DriftState(), Interval(60.0, 0, old, old), PARAMS)
    for both in (Interval(120.0, 0, old, arm), Interval(120.0, 0, arm, old)):
        after = advance(before, both, PARAMS)
        assert (after.incumbent, after.candidate) == (before.incumbent, before.candidate)
        assert after.bet.end == 120
        assert value(after) == 1


def test_other_bins_start_the_past_anew() -> None:
    before = advance(DriftState(), Interval(60.0, 0, histogram(5, 5), histogram(5, 5)), PARAMS)
    after = advance(before, Interval(120.0, 0, histogram(5, 5, 5), histogram(5, 5, 5)), PARAMS)
    assert after.candidate == (5, 5, 5)


@given(st.lists(st.tuples(*[st.integers(0, 300)] * 8), max_size=15), st.integers(0, 15))
def test_the_course_survives_restarts(rows: list[tuple[int, ...]], cut: int) -> None:
    intervals = [
        Interval(60.0 * (t + 1), t // 3, histogram(*row[:4]), histogram(*row[4:]))
        for t, row in enumerate(rows)
    ]
    check_course(advance, value, DriftState(), intervals, PARAMS, cut)


@pytest.mark.parametrize("bins", [[1.0], [1.0, -1.0]])
def test_what_cannot_have_been_stored_is_refused(bins: list[float]) -> None:
    with pytest.raises(ValueError, match="stored bins"):
        DriftState.from_floats([*DriftState().to_floats(), *bins])


def test_stored_evidence_is_small() -> None:
    rng, state = random.Random(2), DriftState()
    for t in range(1, 61):
        arms = (sample(rng, [0.05] * 20, 30000), sample(rng, [0.02, 0.08] * 10, 30000))
        state = advance(state, Interval(1763723000.0 + 60 * t, 0, *arms), PARAMS)
    assert len(json.dumps(state.to_floats())) <= 600
