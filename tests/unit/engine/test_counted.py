"""What a hypothesis counts, by the type of its signal."""

import pytest

from surefoot.api.signals import Signal
from surefoot.engine.counted import counted, edge_of
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts, Histogram, LabeledHistogram, Ratio, Scalar
from tests.unit.engine.builders import signal

SCORES = LabeledHistogram((0.5, 1.0), (20.0, 80.0, 0.0), (700.0, 200.0, 0.0))


def performance(metric, cut=0.5):
    return Signal.model_validate(
        {
            "name": "p",
            "type": "Performance",
            "metric": metric,
            "decisionThreshold": cut,
            "source": {"preset": "model-server"},
            "threshold": {"min": 0.1, "window": "1h"},
        }
    )


def both(of, measure, edge=None):
    found = counted(of, Interval(60.0, 0, measure, measure), edge)
    assert found.incumbent == found.candidate
    return found.candidate


@pytest.mark.parametrize(
    ("metric", "counts"),
    [
        ("Accuracy", Counts(780.0, 1000.0)),
        ("Precision", Counts(80.0, 280.0)),
        ("Recall", Counts(80.0, 100.0)),
    ],
)
def test_performance_counts_what_was_right(metric, counts):
    assert both(performance(metric), SCORES) == counts


def test_a_decision_threshold_that_is_no_edge_counts_nothing():
    assert both(performance("Recall", 0.7), SCORES) is None


def test_counts_and_ratios_are_taken_as_they_are():
    assert both(signal(), Counts(3.0, 100.0)) == Counts(3.0, 100.0)
    assert both(signal(), Ratio(3.0, 100.0)) == Counts(3.0, 100.0)
    assert both(signal(), Scalar(1.0)) is None
    assert both(signal(), None) is None


def test_latency_counts_what_took_longer_than_the_edge():
    durations = Histogram((0.1, 0.25), (90.0, 9.0, 1.0))
    assert both(signal("Latency"), durations, 0.1) == Counts(10.0, 100.0)
    assert both(signal("Latency"), durations, 0.2) is None
    assert both(signal("Latency"), durations) is None


def test_the_edge_is_the_one_nearest_below_the_quantile():
    durations = Histogram((0.1, 0.25), (90.0, 9.0, 1.0))
    assert edge_of(durations, 0.95) == 0.1
    assert edge_of(durations, 0.5) == 0.1
    assert edge_of(durations, 0.999) == 0.25
    assert edge_of(Histogram((0.1,), (0.0, 0.0)), 0.5) is None
    assert edge_of(Histogram((), (5.0,)), 0.5) is None
    assert edge_of(None, 0.5) is None
