"""From hits on a ladder of sizes to the size that is seen with 90 %."""

from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from surefoot.planning.power import SIZES, Rung, Sizes, at_most, smallest_seen
from surefoot.planning.search import smallest_by_step


def rungs(middle: float, slope: float, runs: int, seed: int = 1) -> list[Rung]:
    rng = Random(seed)
    found = []
    for size in Sizes(0.1, 30.0, 1.0).ladder():
        chance = 1 / (1 + exp(-slope * log(size / middle)))
        found.append(Rung(size, runs, sum(rng.random() < chance for _ in range(runs))))
    return found


@given(st.floats(0.3, 8.0), st.floats(3.0, 10.0))
def test_the_curve_finds_the_size_that_nine_in_ten_see(middle: float, slope: float) -> None:
    truth = middle * exp(log(9.0) / slope)
    assert smallest_seen(rungs(middle, slope, 400)) == pytest.approx(truth, rel=0.12)


def test_where_not_even_the_largest_is_seen_there_is_no_size() -> None:
    assert smallest_seen(rungs(300.0, 4.0, 50)) is None
    assert smallest_seen([Rung(1.0, 10, 10), Rung(2.0, 10, 10)]) == pytest.approx(1.0)


def test_hits_without_any_overlap_are_fitted_all_the_same() -> None:
    ladder = [Rung(size, 10, 10 if size >= 1.0 else 0) for size in (0.25, 0.5, 1.0, 2.0, 4.0)]
    found = smallest_seen(ladder)
    assert found is not None
    assert 0.5 < found < 1.1


def test_hits_that_fall_with_the_size_say_nothing() -> None:
    odd = [Rung(0.1, 2000, 2000), Rung(0.2, 2000, 1900), Rung(3.0, 2000, 1800)]
    assert smallest_seen(odd) is None


@given(st.integers(1, 400), st.data())
def test_what_is_still_plausible_agrees_with_scipy(runs: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, runs))
    expected = stats.binomtest(hits, runs, alternative="less").proportion_ci(0.95, "exact").high
    assert at_most(hits, runs) == pytest.approx(expected, abs=1e-6)


def test_every_ladder_falls_from_the_largest_to_the_smallest() -> None:
    for sizes in SIZES.values():
        ladder = sizes.ladder()
        assert ladder == sorted(ladder, reverse=True)
        assert (ladder[0], ladder[-1]) == pytest.approx((sizes.high, sizes.low))
        assert sizes.low < sizes.reference < sizes.high


def test_the_search_finds_what_each_step_sees_and_a_later_one_never_sees_less() -> None:
    needs = {0: 8.0, 1: 1.5, 2: 2.5}
    calls = []

    def seen(seed: int, size: float, last: int) -> int | None:
        noise = exp(Random(seed).gauss(0.0, 0.1))
        return next((s for s in range(last + 1) if size * noise >= needs[s]), None)

    ladder = Sizes(0.1, 30.0, 1.0).ladder()
    found = smallest_by_step(seen, ladder, [0, 1, 2], 20, lambda: calls.append(1))
    assert found[0] == pytest.approx(8.0 * exp(0.128), rel=0.06)
    assert found[1] == pytest.approx(1.5 * exp(0.128), rel=0.06)
    assert found[2] == pytest.approx(found[1], rel=0.06)
    assert len(calls) == len(ladder) + 3


def test_a_search_that_nobody_answers_ends_with_nothing() -> None:
    asked = []

    def seen(seed: int, size: float, last: int) -> int | None:
        asked.append(size)
        return None

    found = smallest_by_step(seen, Sizes(0.1, 30.0, 1.0).ladder(), [0, 1], 5, lambda: None)
    assert found == {0: None, 1: None}
    assert len(asked) == 10
