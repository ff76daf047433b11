"""Every measure says how many samples it rests on."""

import pytest

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


@pytest.mark.parametrize(
    ("measure", "samples"),
    [
        (Counts(bad=1, total=20), 20),
        (Histogram((0.5,), (3, 4)), 7),
        (LabeledScores(positives=2, score_sum=2.5, total=9), 9),
        (LabeledHistogram((0.5,), positives=(1, 4), negatives=(7, 2)), 14),
        (GroupRates((("a", Counts(3, 50)), ("b", Counts(2, 9)), ("c", Counts(0, 30)))), 9),
        (GroupRates(()), 0),
        (Ratio(numerator=45, denominator=1500), 1500),
        (Quality(age_s=60, missing=3, total=1000), None),
        (Scalar(0.1), None),
    ],
)
def test_samples(measure: Measure, samples: float | None) -> None:
    assert measure.samples == samples


def test_a_labelled_histogram_adds_up_by_outcome_and_by_bucket() -> None:
    scores = LabeledHistogram((0.5,), positives=(1, 4), negatives=(7, 2))
    assert (scores.positives_total, scores.negatives_total) == (5, 9)
    assert scores.counts == (8, 6)
