"""What a regression of a given size does to a measure."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.api.signals import Signal
from surefoot.planning.shifts import middles_of, shifted, slower, tilted
from surefoot.planning.today import assumed
from surefoot.stats.drift import population_stability_index
from surefoot.stats.fairness import demographic_parity_ratio
from surefoot.stats.latency import quantile
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Quality,
    Ratio,
    Scalar,
)
from surefoot.stats.performance import area_under_curve
from tests.unit.planning.builders import (
    AUC,
    CALIBRATION,
    DRIFT,
    ERRORS,
    FAIRNESS,
    ORDERS,
    limit,
    release,
)


def signal(entry: dict[str, object], **limits: float) -> Signal:
    return release({**entry, "threshold": limit(**limits)}).signals[0]


def base(of: Signal) -> Measure:
    found = assumed(of, 0.01, 1.0)
    assert found is not None
    return found.measure


def test_errors_orders_and_plain_values_are_multiplied() -> None:
    assert shifted(signal(ERRORS), Counts(5, 100), 1.0) == Counts(10, 100)
    assert shifted(signal(ERRORS), Counts(80, 100), 1.0) == Counts(100, 100)
    assert shifted(signal(ORDERS), Ratio(10, 100), -0.2) == Ratio(8, 100)
    assert shifted(signal(ORDERS), Scalar(3.0), 1.0) == Scalar(6.0)
    assert shifted(signal(ERRORS), Quality(age_s=3), 1.0) == Quality(age_s=3)


@given(st.floats(0.3, 4.0), st.floats(0.5, 0.99))
def test_slower_requests_move_every_quantile_by_about_the_factor(factor: float, q: float) -> None:
    edges = tuple(0.01 * 1.1**i for i in range(90))
    counts = tuple(1000.0 * (0.5 + (i % 7)) if 20 < i < 60 else 0.0 for i in range(91))
    old = Histogram(edges, counts)
    new = slower(old, factor)
    assert isclose(new.samples, old.samples)
    assert quantile(new, q).value == pytest.approx(factor * quantile(old, q).value, rel=0.12)


def test_slower_needs_a_factor_and_requests_and_scales_the_sum() -> None:
    empty = Histogram((1.0,), (0.0, 0.0))
    assert slower(empty, 2.0) is empty
    one = Histogram((1.0, 2.0), (10.0, 0.0, 0.0), total=5.0)
    assert slower(one, 0.0) is one
    assert slower(one, 2.0) == Histogram((1.0, 2.0), (5.0, 5.0, 0.0), total=10.0)
    assert slower(Histogram((1.0, 2.0), (0.0, 8.0, 2.0)), 0.5).counts == (8.0, 0.0, 2.0)


@given(st.lists(st.integers(0, 500), min_size=4, max_size=20), st.floats(0.01, 1.0))
def test_tilted_scores_have_the_psi_that_was_asked_for(counts: list[int], psi: float) -> None:
    old = Histogram(tuple(float(i) for i in range(len(counts) - 1)), tuple(map(float, counts)))
    new = tilted(old, psi)
    if sum(c > 0 for c in counts) < 2:
        assert new is old
        return
    assert isclose(new.samples, old.samples)
    found = sum(
        (b - a) / old.samples * __import__("math").log(b / a)
        for a, b in zip(old.counts, new.counts, strict=True)
        if a > 0 and b > 0
    )
    assert found == pytest.approx(psi, rel=0.01)


def test_tilted_scores_move_upwards_with_their_sum() -> None:
    old = base(signal(DRIFT))
    new = shifted(signal(DRIFT), old, 0.25)
    assert isinstance(old, Histogram)
    assert isinstance(new, Histogram)
    assert population_stability_index(new, old).value == pytest.approx(0.25, rel=0.01)
    assert new.total is not None
    assert old.total is not None
    assert new.total > 1.05 * old.total
    assert tilted(Histogram((1.0,), (3.0, 3.0)), 0.1).total is None


def test_outcomes_lie_above_their_scores() -> None:
    which = signal(CALIBRATION, min=0.9, max=1.1)
    assert shifted(which, LabeledScores(10, 10, 100), 0.05) == LabeledScores(15, 10, 100)
    wide = LabeledHistogram((0.5, 1.0), (10, 99, 0), (90, 1, 0), 100.0)
    assert shifted(which, wide, 0.05) == LabeledHistogram(
        (0.5, 1.0), (15, 100, 0), (85, 0, 0), 100.0
    )


@given(st.floats(0.0, 1.0))
def test_unrelated_outcomes_lose_that_share_of_the_separation(size: float) -> None:
    which = signal(AUC, min=0.6)
    old = base(which)
    new = shifted(which, old, size)
    assert isinstance(old, LabeledHistogram)
    assert isinstance(new, LabeledHistogram)
    before, after = area_under_curve(old), area_under_curve(new)
    assert before is not None
    assert after is not None
    assert after.value - 0.5 == pytest.approx((1 - size) * (before.value - 0.5), abs=1e-9)
    assert shifted(which, LabeledHistogram((1.0,), (0, 0), (0, 0)), size).samples == 0


def test_the_lowest_group_falls_further_behind() -> None:
    which = signal(FAIRNESS, min=0.8)
    old = GroupRates((("a", Counts(30, 100)), ("b", Counts(60, 200)), ("c", Counts(90, 100))))
    new = shifted(which, old, 0.5)
    assert isinstance(new, GroupRates)
    assert new.groups == (("a", Counts(15, 100)), *old.groups[1:])
    assert demographic_parity_ratio(new).value == pytest.approx(0.15 / 0.9)
    empty = GroupRates((("a", Counts(0, 0)), ("b", Counts(0, 0))))
    assert shifted(which, empty, 0.5) is empty


def test_the_middle_of_a_bucket_is_where_its_scores_are_taken_to_be() -> None:
    assert middles_of(()) == (0.0,)
    assert middles_of((1.0, 3.0)) == (0.5, 2.0, 3.0)
    assert middles_of((-1.0, 1.0)) == (-1.0, 0.0, 1.0)
