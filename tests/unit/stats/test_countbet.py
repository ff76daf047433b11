"""CountBet: fair under its null by exact sums, and what order, gaps and restarts do to it."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from math import exp, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats import countbet
from surefoot.stats.countbet import CountParams, CountState, advance, promotion, value
from surefoot.stats.evidence import Interval, Plan, fresh
from surefoot.stats.measures import Counts

PARAMS = CountParams()
ROWS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.floats(0, 1e5), st.floats(0, 1), st.floats(0, 1e5), st.floats(0, 1)),
    ),
    max_size=40,
)


def counted(end: float, n0: float, k0: float, n1: float, k1: float) -> Interval[Counts]:
    return Interval(end, int(end // 720), Counts(k0, n0), Counts(k1, n1))


def told(rows: Sequence[tuple[float, float, float, float] | None]) -> list[Interval[Counts]]:
    return [
        Interval(60.0 * (t + 1), t // 12, None, None)
        if row is None
        else counted(60.0 * (t + 1), row[0], row[1] * row[0], row[2], row[3] * row[2])
        for t, row in enumerate(rows)
    ]


def judged(
    intervals: Sequence[Interval[Counts]],
    params: CountParams = PARAMS,
    state: CountState | None = None,
) -> CountState:
    state = CountState() if state is None else state
    for interval in intervals:
        state = advance(state, interval, params)
    return state


def binomial(n: int, p: float) -> list[float]:
    head = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(n + 1)]
    return [exp(head[k] + k * log(p) + (n - k) * log(1 - p)) for k in range(n + 1)]


def poisson(mean: float, largest: int) -> list[float]:
    return [exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(largest)]


@pytest.mark.parametrize("events", [1, 3, 10, 40])
@pytest.mark.parametrize(("n0", "n1"), [(5940, 60), (3000, 3000), (100, 900)])
def test_the_conditional_bet_is_fair_at_the_edge_of_its_null(events: int, n0: int, n1: int) -> None:
    ratio = 1.2
    chances = binomial(events, ratio * n1 / (ratio * n1 + n0))
    for bet in range(2):
        mean = sum(
            p * countbet._conditional(n0, events - k1, n1, k1, ratio)[bet]
            for k1, p in enumerate(chances)
        )
        assert mean == pytest.approx(1)


@pytest.mark.parametrize("rate", [0.0002, 0.005, 0.03])
@pytest.mark.parametrize(("n0", "n1"), [(5940, 60), (3000, 3000), (100, 900)])
def test_the_ratio_bet_gains_nothing_under_poisson_counts(rate: float, n0: int, n1: int) -> None:
    ratio = 1.2
    old = poisson(rate * n0, 300)
    new_mean = ratio * rate * n1
    for bet in range(2):
        # Linear in k1, so that its mean stands for it.
        mean = sum(
            p * countbet._ratio(n0, k0, n1, new_mean, ratio, rate)[bet] for k0, p in enumerate(old)
        )
        assert mean <= 1 + 1e-9


def test_the_null_follows_a_disturbance_that_lasts() -> None:
    calm = advance(CountState(), counted(60, 6000, 30, 6000, 30), PARAMS)
    upset = advance(CountState(), counted(60, 6000, 30, 6000, 300), PARAMS)
    assert calm.excess == 1
    expected = 1.1 * 32
    shrunk = ((300 + 2) / (expected + 2)) ** (expected / (expected + 10))
    assert upset.excess == pytest.approx(shrunk, rel=1e-5)
    again = counted(120, 6000, 30, 6000, 60)
    base = replace(upset, excess=1.0)
    assert value(advance(upset, again, PARAMS)) < value(advance(base, again, PARAMS))


def test_the_first_interval_bets_on_the_split_alone_and_the_rest_on_both() -> None:
    one = advance(CountState(), counted(60, 6000, 30, 6000, 60), PARAMS)
    assert one.wealth.bets[2] == one.wealth.bets[3]
    assert one.rate == pytest.approx(32 / 6000, rel=1e-5)
    two = advance(one, counted(120, 6000, 60, 6000, 60), PARAMS)
    assert two.rate == pytest.approx(0.9 * 32 / 6000 + 0.1 * 0.01, rel=1e-5)
    assert two.wealth.bets[2] != two.wealth.bets[3]


def test_without_events_there_is_nothing_to_split() -> None:
    assert value(advance(CountState(), counted(60, 600, 0, 600, 0), PARAMS)) == pytest.approx(
        1, abs=1e-5
    )


def test_a_doubled_rate_is_found_and_an_equal_one_is_not() -> None:
    worse = [counted(60.0 * t, 3000, 15, 3000, 30) for t in range(1, 31)]
    equal = [counted(60.0 * t, 3000, 15, 3000, 15) for t in range(1, 31)]
    assert value(judged(worse)) >= 20
    assert value(judged(equal)) < 1


def test_promotion_is_the_mirror_and_needs_proof() -> None:
    params = promotion(0.5, Plan())
    assert params.ratio == pytest.approx(1 / 1.5)
    equal = [counted(60.0 * t, 3000, 15, 3000, 15).swapped() for t in range(1, 121)]
    edge = [counted(60.0 * t, 3000, 15, 3000, 22.5).swapped() for t in range(1, 121)]
    assert value(judged(equal, params)) >= 20
    assert value(judged(edge, params)) < 1
    mirrored = judged([counted(60, 6000, 30, 600, 3).swapped()], params)
    assert mirrored == judged([counted(60, 600, 3, 6000, 30)], params)


@given(ROWS)
def test_evidence_is_a_number_and_not_negative(
    rows: list[tuple[float, float, float, float] | None],
) -> None:
    state = judged(told(rows))
    assert 0 <= value(state) < float("inf")
    assert state.excess >= 1


@given(ROWS, st.integers(0, 40))
def test_a_restart_changes_nothing(
    rows: list[tuple[float, float, float, float] | None], cut: int
) -> None:
    intervals = told(rows)
    half = judged(intervals[:cut])
    stored = json.loads(json.dumps(half.to_floats()))
    read = CountState.from_floats(stored)
    assert read == half
    # Whatever was taken in already is told again, as after a crash before the next write.
    assert judged(intervals, state=read) == judged(intervals)


@given(ROWS)
def test_no_interval_counts_twice(rows: list[tuple[float, float, float, float] | None]) -> None:
    intervals = told(rows)
    once = judged(intervals)
    assert judged([i for i in intervals for _ in range(2)]) == once
    assert judged(list(reversed(intervals)), state=once) == once


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, Counts(1, 10)),
        (Counts(1, 10), None),
        (Counts(0, 0), Counts(1, 10)),
        (Counts(1, 10), Counts(0, 0)),
        (Counts(float("nan"), 10), Counts(1, 10)),
        (Counts(1, 10), Counts(1, float("nan"))),
        (Counts(1, 10), Counts(1, float("inf"))),
        (Counts(-1, 10), Counts(1, 10)),
        (Counts(1, 10), Counts(11, 10)),
    ],
)
def test_an_interval_that_was_not_measured_moves_only_its_end(
    old: Counts | None, new: Counts | None
) -> None:
    before = judged([counted(60, 600, 6, 600, 6)])
    after = advance(before, Interval(120.0, 1, old, new), PARAMS)
    assert after == replace(before, end=120.0)


def test_one_or_two_terrible_intervals_do_not_revert() -> None:
    state = judged([counted(60.0 * t, 6000, 30, 6000, 6000) for t in (1, 2)])
    assert value(state) < 20
    assert value(judged([counted(60.0 * t, 6000, 30, 6000, 6000) for t in range(1, 7)])) > 20


def test_stored_evidence_is_small() -> None:
    rng = random.Random(1)
    state = CountState()
    for t in range(1, 61):
        k0, k1 = rng.randint(200, 400), rng.randint(200, 400)
        state = advance(state, counted(1763723000.0 + 60 * t, 6e4, k0, 6e4, k1), PARAMS)
    assert len(json.dumps(state.to_floats())) <= 150


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_stored_state_that_is_no_number_is_refused(place: int) -> None:
    floats = CountState().to_floats()
    floats[place] = float("nan")
    with pytest.raises(ValueError, match="finite"):
        CountState.from_floats(floats)


def test_a_new_state_is_read_as_it_was_stored() -> None:
    assert CountState.from_floats(CountState().to_floats()) == CountState()
    assert CountState().wealth == fresh(4)


@pytest.mark.simulation
def test_under_poisson_noise_at_the_margin_the_bound_holds() -> None:
    """400 releases of 60 intervals at exactly the margin: 5 % are allowed, far fewer cross."""
    rng, crossed = random.Random(7), 0

    def draw(mean: float) -> int:
        return max(0, round(rng.gauss(mean, mean**0.5)))

    for _ in range(400):
        state = CountState()
        for t in range(1, 61):
            n1 = (60, 300, 600, 1500, 3000)[(t - 1) // 12]
            row = counted(60.0 * t, 6000 - n1, draw(30 - n1 / 200), n1, draw(1.1 * n1 / 200))
            state = advance(state, row, PARAMS)
            if value(state) >= 20:
                crossed += 1
                break
    assert crossed <= 20
