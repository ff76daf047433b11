"""Every measure says how many samples it rests on."""

import pytest

from surefoot.stats.measures import Counts, Histogram, LabeledScores, Measure, Scalar


@pytest.mark.parametrize(
    ("measure", "samples"),
    [
        (Counts(bad=1, total=20), 20),
        (Histogram((0.5,), (3, 4)), 7),
        (LabeledScores(positives=2, score_sum=2.5, total=9), 9),
        (Scalar(0.1), None),
    ],
)
def test_samples(measure: Measure, samples: float | None) -> None:
    assert measure.samples == samples
