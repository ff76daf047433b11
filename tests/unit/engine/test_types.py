"""Values and verdicts of the types that have more than one number behind them."""

from math import inf, nan

import pytest

from surefoot.api.signals import Signal
from surefoot.api.vocabulary import Verdict
from surefoot.engine.judge import judge, limit_text
from surefoot.engine.values import value_of
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Quality,
    Ratio,
)
from tests.unit.engine.builders import answer, stand

MODEL = {"source": {"preset": "model-server"}}
EDGES = (0.25, 0.5, 0.75)
# 400 scores; 75 of 100 with a score above 0.5 are positives, and 25 of 100 below.
SCORES = LabeledHistogram(EDGES, (12.0, 38.0, 62.0, 88.0), (88.0, 62.0, 38.0, 12.0), 200.0)
GROUPS = {"groups": {"label": "group", "values": ["a", "b"]}, "decisionThreshold": 0.5}
PARITY = {"type": "Fairness", "metric": "DemographicParityRatio", **MODEL, **GROUPS}


def judged(body, measure, incumbent=None, **threshold):
    limit = {"threshold": {"window": "30s", **threshold}} if threshold else {}
    signal = Signal.model_validate({"name": "s", **body, **limit})
    return judge(signal, stand(0), None, answer(measure, incumbent))


@pytest.mark.parametrize(
    ("metric", "more", "value"),
    [
        ("Accuracy", {"decisionThreshold": 0.5}, 0.75),
        ("Precision", {"decisionThreshold": 0.5}, 0.75),
        ("Recall", {"decisionThreshold": 0.5}, 0.75),
        ("AUC", {}, 0.815),
    ],
)
def test_performance_is_held_against_its_lower_limit(metric, more, value):
    body = {"type": "Performance", "metric": metric, **MODEL, **more}
    assert judged(body, SCORES, min=0.7).verdict is Verdict.PASS
    found = judged(body, SCORES, min=0.9)
    assert found.verdict is Verdict.FAIL
    assert found.status.value == value
    assert found.status.samples == 400


@pytest.mark.parametrize("metric", ["ECE", "MCE", "Brier"])
def test_calibration_by_bucket_is_held_against_its_upper_limit(metric):
    body = {"type": "Calibration", "metric": metric, **MODEL}
    wrong = LabeledHistogram(EDGES, (100.0,) * 4, (1.0,) * 4, 200.0)
    assert judged(body, SCORES, max=0.3).verdict is Verdict.PASS
    assert judged(body, wrong, max=0.1).verdict is Verdict.FAIL


@pytest.mark.parametrize("metric", ["ECE", "MCE"])
def test_a_crossing_that_noise_may_explain_is_inconclusive(metric):
    body = {"type": "Calibration", "metric": metric, **MODEL}
    few = LabeledHistogram(EDGES, (3.0, 2.0, 7.0, 7.0), (7.0, 8.0, 3.0, 3.0))
    found = judged(body, few, max=0.01)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "noise alone reaches" in found.status.reason


NONE = LabeledHistogram(EDGES, (0.0,) * 4, (0.0,) * 4, 0.0)
POSITIVE = LabeledHistogram(EDGES, (1.0,) * 4, (0.0,) * 4, 2.0)


@pytest.mark.parametrize(
    ("body", "measure", "said"),
    [
        ({"type": "Calibration", "metric": "ECE", **MODEL}, NONE, "no labelled scores yet"),
        ({"type": "Calibration", "metric": "Brier", **MODEL}, NONE, "no labelled scores yet"),
        ({"type": "Calibration", **MODEL}, LabeledScores(0, 0, 0), "no labelled scores yet"),
        ({"type": "Performance", "metric": "AUC", **MODEL}, POSITIVE, "labels of one outcome only"),
        ({"type": "Performance", "metric": "Recall", "decisionThreshold": 0.5, **MODEL}, NONE,
         "too few labelled scores yet"),
        ({"type": "Performance", "metric": "Recall", "decisionThreshold": 0.6, **MODEL}, SCORES,
         "0.5"),
        (PARITY, GroupRates((("a", Counts(1, 10)), ("b", Counts(0, 0)))), "b"),
        ({"type": "Business", "source": {"numerator": "a", "denominator": "b"}}, Ratio(1, 0),
         "nothing to divide by"),
        ({"type": "Calibration", "metric": "MCE", **MODEL}, NONE, "no labelled scores yet"),
        (PARITY, GroupRates((("a", Counts(0, 50)), ("b", Counts(0, 50)))), "no group has a single yes"),
    ],
)  # fmt: skip
def test_what_has_no_value_is_no_data_and_says_why(body, measure, said):
    alone = Histogram(EDGES, (0.0, 0.0, 99.0, 0.0))
    assert judged(body, measure, alone, max=0.5).verdict is Verdict.NO_DATA
    limit = {"threshold": {"window": "30s", "max": 0.5}}
    signal = Signal.model_validate({"name": "s", **body, **limit})
    value = value_of(signal, measure, None, alone)
    assert value.number is None
    assert said in value.note


def test_groups_are_held_against_each_other():
    even = GroupRates((("a", Counts(300, 1000)), ("b", Counts(290, 1000))))
    odd = GroupRates((("a", Counts(300, 1000)), ("b", Counts(150, 1000))))
    assert judged(PARITY, even, min=0.8).verdict is Verdict.PASS
    assert judged(PARITY, odd, min=0.8).verdict is Verdict.FAIL
    body = {**PARITY, "metric": "EqualOpportunityDifference"}
    assert judged(body, odd, max=0.1).verdict is Verdict.FAIL


def test_the_smallest_group_has_to_have_the_samples():
    few = GroupRates((("a", Counts(300, 1000)), ("b", Counts(30, 90))))
    found = judged(PARITY, few, min=0.8, minSamples=100)
    assert found.verdict is Verdict.NO_DATA
    assert "90 of 100 samples" in found.status.reason


def test_a_business_ratio_is_held_against_its_limit():
    body = {"type": "Business", "source": {"numerator": "a", "denominator": "b"}}
    assert judged(body, Ratio(30, 1000), min=0.025).verdict is Verdict.PASS
    assert judged(body, Ratio(20, 1000), min=0.025).verdict is Verdict.FAIL


QUALITY = {"type": "DataQuality", **MODEL, "maxAge": "15m", "minCompleteness": 0.98}


@pytest.mark.parametrize(
    ("measure", "verdict", "said"),
    [
        (Quality(60.0, 1.0, 1000.0), Verdict.PASS, "within its limits"),
        (Quality(1000.0, 1.0, 1000.0), Verdict.FAIL, "1000 s old, maxAge is 15m"),
        (Quality(60.0, 100.0, 1000.0), Verdict.FAIL, "0.9 complete, the limit is ≥ 0.98"),
        (Quality(1000.0, 100.0, 1000.0), Verdict.FAIL, "; "),
        (Quality(None, 1.0, 1000.0), Verdict.NO_DATA, "no last update"),
        (Quality(60.0, 0.0, 0.0), Verdict.NO_DATA, "no value in the window"),
    ],
)
def test_both_limits_of_data_quality_hold(measure, verdict, said):
    found = judged(QUALITY, measure)
    assert found.verdict is verdict
    assert said in found.status.reason
    assert found.signal.on_breach == "Hold"


def test_either_limit_of_data_quality_is_enough():
    old = {"type": "DataQuality", **MODEL, "maxAge": "15m"}
    assert judged(old, Quality(60.0)).status.value == 60.0
    complete = {"type": "DataQuality", **MODEL, "minCompleteness": 0.98}
    assert judged(complete, Quality(None, 1.0, 1000.0)).verdict is Verdict.PASS
    assert limit_text(Signal.model_validate({"name": "s", **QUALITY})) == "≤ 15m, ≥ 0.98"
    assert judged(old, Quality(None)).verdict is Verdict.NO_DATA


@pytest.mark.parametrize("number", [nan, inf])
def test_an_age_that_is_no_number_is_never_a_pass(number):
    found = judged({"type": "DataQuality", **MODEL, "maxAge": "15m"}, Quality(number))
    assert found.verdict is not Verdict.PASS


def test_a_comparison_without_a_limit_needs_a_value():
    body = {"type": "ErrorRate", "source": {"preset": "envoy"}, "compare": {}}
    assert judged(body, Counts(1, 1000)).verdict is Verdict.PASS
    assert judged(body, Counts(0, 0)).verdict is Verdict.NO_DATA


def test_a_baseline_without_spread_has_no_unit():
    body = {"type": "Drift", "metric": "WassersteinNormed", **MODEL}
    alone = Histogram((0.5, 0.7, 0.9), (0.0, 100.0, 0.0, 0.0))
    found = judged(body, alone, alone, max=0.5)
    assert found.verdict is Verdict.NO_DATA


@pytest.mark.parametrize("metric", ["MeanShift", "WassersteinNormed"])
@pytest.mark.parametrize("edges", [(0.25, 0.5, 1e160), (0.25, 0.5, 1e308), (-1e308, 0.0, 1e308)])
def test_edges_that_no_arithmetic_bears_are_no_value(metric, edges):
    body = {"type": "Drift", "metric": metric, **MODEL}
    scores = Histogram(edges, (400.0, 300.0, 200.0, 100.0))
    found = judged(body, scores, scores, min=-1, max=1)
    assert found.verdict is Verdict.NO_DATA
    assert found.status.value is None
    said = ("too large or too small to reckon with: check the buckets", "is not a finite number")
    assert any(words in found.status.reason for words in said)


def test_a_latency_without_any_finite_edge_is_no_value():
    body = {"type": "Latency", "quantile": 0.99, "source": {"preset": "envoy"}}
    found = judged(body, Histogram((), (400.0,)), max=0.2)
    assert found.verdict is Verdict.NO_DATA
