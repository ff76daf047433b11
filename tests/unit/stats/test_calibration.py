"""Observed over expected positives."""

from surefoot.stats.calibration import calibration_in_the_large
from surefoot.stats.measures import LabeledScores


def test_observed_over_expected() -> None:
    assert calibration_in_the_large(LabeledScores(30, 40.0, 100)) == 0.75
    assert calibration_in_the_large(LabeledScores(0, 40.0, 100)) == 0


def test_nothing_expected_is_no_ratio() -> None:
    assert calibration_in_the_large(LabeledScores(0, 0.0, 0)) is None
    assert calibration_in_the_large(LabeledScores(3, 0.0, 5)) is None
