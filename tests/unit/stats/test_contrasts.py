"""What each signal feeds to its test: by hand, and None wherever something was not measured."""

from math import log

import pytest

from surefoot.stats.contrasts import (
    Bins,
    calibration_gaps,
    calibration_within,
    drift_within,
    exceedances,
    gauge,
    gauge_within,
    proportion,
    proportion_within,
)
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts, Histogram, LabeledScores, Scalar


def histogram(*counts: float) -> Histogram:
    return Histogram((0.1, 0.25, 0.5), counts)


def test_exceedances_count_what_is_above_the_edge() -> None:
    both = Interval(60.0, 2, histogram(50, 30, 15, 5), histogram(5, 3, 1, 1))
    assert exceedances(both, 0.25) == Interval(60.0, 2, Counts(20, 100), Counts(2, 10))
    assert exceedances(both, 0.5).candidate == Counts(1, 10)


def test_an_arm_without_the_edge_was_not_measured() -> None:
    other = Histogram((0.1, 0.3), (1, 2, 3))
    found = exceedances(Interval(60.0, 0, histogram(1, 1, 1, 1), other), 0.25)
    assert found == Interval(60.0, 0, Counts(2, 4), None)
    assert exceedances(Interval(60.0, 0, None, other), 0.25).incumbent is None


def test_a_common_proportion_by_hand() -> None:
    both = Interval(60.0, 1, Counts(20, 100), Counts(30, 100))
    found = proportion(both, 0.02).contrast
    assert found is not None
    assert found.y == pytest.approx(0.08)
    share = 51 / 202
    assert found.v == pytest.approx(share * (1 - share) * 0.02)
    mirror = proportion_within(both, 0.02).contrast
    assert mirror is not None
    assert mirror.y == pytest.approx(-0.08)


@pytest.mark.parametrize("arm", [None, Counts(0, 0)])
def test_a_proportion_needs_both_arms(arm: Counts | None) -> None:
    for both in (Interval(60.0, 1, Counts(1, 9), arm), Interval(60.0, 1, arm, Counts(1, 9))):
        assert proportion(both, 0.02).contrast is None


def test_a_gauge_is_measured_in_margins() -> None:
    both = Interval(60.0, 1, Scalar(10.0), Scalar(13.0))
    found, mirror = gauge(both, 2.0).contrast, gauge_within(both, 2.0).contrast
    assert found is not None
    assert mirror is not None
    assert (found.y, found.v, mirror.y) == (1.0, 4.0, -1.0)
    ratio = gauge(both, 0.1, log_ratio=True).contrast
    assert ratio is not None
    assert ratio.y == pytest.approx(log(1.3) - 0.1)


@pytest.mark.parametrize(("old", "new"), [(None, 1.0), (1.0, None), (float("nan"), 1.0), (0, 1)])
def test_a_gauge_that_is_no_number_was_not_measured(old: float | None, new: float | None) -> None:
    arms = [None if x is None else Scalar(x) for x in (old, new)]
    assert gauge(Interval(60.0, 1, *arms), 0.1, log_ratio=True).contrast is None


def test_drift_for_promotion_takes_the_psi_as_measured() -> None:
    found = drift_within(
        Interval(60.0, 0, histogram(25, 25, 25, 25), histogram(25, 25, 25, 25)), 0.1
    )
    assert found.contrast is not None
    assert found.contrast.y == pytest.approx(0.1)
    assert found.contrast.v == pytest.approx(4 * 0.1 * 0.02 + 2 * 3 * 0.02**2)


@pytest.mark.parametrize(
    "arm", [None, histogram(0, 0, 0, 0), histogram(1, 0, 0, 0), Histogram((0.1,), (9, 9))]
)
def test_drift_needs_comparable_histograms(arm: Histogram | None) -> None:
    assert drift_within(Interval(60.0, 0, histogram(9, 9, 9, 9), arm), 0.1).contrast is None
    assert drift_within(Interval(60.0, 0, arm, histogram(9, 9, 9, 9)), 0.1).contrast is None


def bins(*rows: tuple[float, float, float]) -> Bins:
    return tuple(LabeledScores(*row) for row in rows)


def test_calibration_gaps_by_hand() -> None:
    old, new = bins((2, 2, 10), (8, 8, 10)), bins((4, 2, 10), (0, 0, 0))
    found = calibration_gaps(Interval(60.0, 0, old, new))
    assert found is not None
    assert found[0] == pytest.approx((0.2, 0.0))
    assert found[1] == pytest.approx((1.6 + 1.6) / 400 + 1.6 / 100)
    within = calibration_within(Interval(60.0, 0, old, new), 0.05).contrast
    assert within is not None
    assert within.y == pytest.approx(-0.15)


@pytest.mark.parametrize(
    "arm", [None, bins(), bins((0, 0, 0), (0, 0, 0)), bins((float("nan"), 1, 9), (1, 1, 9))]
)
def test_calibration_needs_scores_in_the_same_bins(arm: Bins | None) -> None:
    one = bins((2, 2, 10), (8, 8, 10))
    for both in (Interval(60.0, 0, one, arm), Interval(60.0, 0, arm, one)):
        assert calibration_gaps(both) is None
        assert calibration_within(both, 0.05).contrast is None
