"""Scores with outcomes, groups, qualities and ratios, from series as a model server exports them."""

import pytest

from surefoot.adapters.prometheus.payload import Series
from surefoot.engine.questions import ProblemKind
from surefoot.stats.measures import Counts, GroupRates, Histogram, LabeledHistogram, Quality, Ratio
from tests.unit.prometheus.builders import series
from tests.unit.prometheus.test_readings import POD41, POD42, answered, problem

EDGES = ("0.5", "1.0", "+Inf")
NAN = float("nan")


def buckets(metric: str, pod: str, risen: tuple[float, ...], **labels: str) -> list[Series]:
    """A histogram whose cumulative buckets rose from 0 by these."""
    return [
        series(metric, (0, 0), (60, value), le=le, pod=pod, instance=pod, **labels)
        for le, value in zip(EDGES, risen, strict=True)
    ]


def outcomes(pod: str, positives: tuple[float, ...], negatives: tuple[float, ...], **labels: str) -> list[Series]:  # fmt: skip
    return [
        *buckets("model_labeled_score_bucket", pod, positives, actual="1", **labels),
        *buckets("model_labeled_score_bucket", pod, negatives, actual="0", **labels),
    ]


def counter(metric: str, pod: str, risen: float, **labels: str) -> Series:
    return series(metric, (0, 0), (60, risen), pod=pod, instance=pod, **labels)


@pytest.mark.parametrize(("kind", "metric"), [("Performance", "AUC"), ("Calibration", "ECE")])
def test_outcomes_are_counted_by_bucket_of_the_score(kind: str, metric: str) -> None:
    sums = [
        counter("model_labeled_score_sum", POD42, 6.5, actual="1"),
        counter("model_labeled_score_sum", POD42, 4.0, actual="0"),
    ]
    found = answered(kind, (*outcomes(POD42, (2, 10, 10), (12, 15, 15)), *sums), metric=metric)
    assert found.candidate.measure == LabeledHistogram((0.5, 1.0), (2, 8, 0), (12, 3, 0), 10.5)
    problem(found.incumbent, ProblemKind.EMPTY, "model_labeled_score_bucket", "incumbent")


def test_an_outcome_that_has_not_come_yet_is_none_in_every_bucket() -> None:
    only = buckets("model_labeled_score_bucket", POD42, (12, 15, 15), actual="0")
    found = answered("Performance", tuple(only))
    assert found.candidate.measure == LabeledHistogram((0.5, 1.0), (0, 0, 0), (12, 3, 0), None)


def test_outcomes_on_different_edges_are_a_problem() -> None:
    odd = [
        series("model_labeled_score_bucket", (0, 0), (60, 5), le=le, actual="1", pod=POD42, instance=POD42)
        for le in ("0.7", "+Inf")
    ]  # fmt: skip
    negatives = buckets("model_labeled_score_bucket", POD42, (12, 15, 15), actual="0")
    problem(answered("Performance", (*odd, *negatives)).candidate, ProblemKind.EDGES, "bucket edge")


@pytest.mark.parametrize("actual", ["0", "1"])
def test_unsound_buckets_of_one_outcome_are_a_problem(actual: str) -> None:
    broken = [
        series("model_labeled_score_bucket", (0, 0), (60, 5), le="0.5", actual=actual, pod=POD42, instance=POD42)
    ]  # fmt: skip
    found = answered("Performance", (*outcomes(POD41, (1, 2, 2), (1, 2, 2)), *broken))
    problem(found.candidate, ProblemKind.EDGES, '"+Inf"')
    assert found.incumbent.measure is not None


def test_a_sum_that_is_no_number_is_a_problem() -> None:
    bad = series("model_labeled_score_sum", (0, 0), (60, NAN), actual="1", pod=POD42, instance=POD42)  # fmt: skip
    found = answered("Performance", (*outcomes(POD42, (1, 2, 2), (1, 2, 2)), bad))
    problem(found.candidate, ProblemKind.NOT_A_NUMBER, "model_labeled_score_sum")


def test_a_mean_shift_needs_the_sum_of_the_scores() -> None:
    both = [*buckets("model_score_bucket", POD42, (5, 9, 9)), *buckets("model_score_bucket", POD41, (5, 9, 9))]  # fmt: skip
    summed = counter("model_score_sum", POD42, 4.5)
    found = answered("Drift", (*both, summed), metric="MeanShift")
    assert found.candidate.measure == Histogram((0.5, 1.0), (5, 4, 0), 4.5)
    problem(found.incumbent, ProblemKind.EMPTY, "model_score_sum")
    bad = series("model_score_sum", (0, 0), (60, NAN), pod=POD41, instance=POD41)
    found = answered("Drift", (*both, summed, bad), metric="MeanShift")
    problem(found.incumbent, ProblemKind.NOT_A_NUMBER, "model_score_sum")


def test_parity_counts_what_each_group_got() -> None:
    scores = [
        *buckets("model_score_bucket", POD42, (280, 400, 400), group="a"),
        *buckets("model_score_bucket", POD42, (410, 500, 500), group="b"),
        *buckets("model_score_bucket", POD42, (1, 2, 2), group="other"),
    ]
    found = answered("Fairness", tuple(scores))
    rates = GroupRates((("a", Counts(120, 400)), ("b", Counts(90, 500))))
    assert found.candidate.measure == rates
    problem(found.incumbent, ProblemKind.EMPTY, "model_score_bucket")


@pytest.mark.parametrize(
    ("metric", "a", "b"),
    [
        ("EqualOpportunityDifference", Counts(40, 50), Counts(36, 60)),
        ("FalsePositiveRateDifference", Counts(80, 350), Counts(54, 440)),
    ],
)
def test_rates_of_right_and_wrong_answers_by_group(metric: str, a: Counts, b: Counts) -> None:
    scores = [
        *outcomes(POD42, (10, 50, 50), (270, 350, 350), group="a"),
        *outcomes(POD42, (24, 60, 60), (386, 440, 440), group="b"),
    ]
    found = answered("Fairness", tuple(scores), metric=metric)
    assert found.candidate.measure == GroupRates((("a", a), ("b", b)))


def test_a_group_without_series_has_no_samples() -> None:
    found = answered("Fairness", tuple(buckets("model_score_bucket", POD42, (1, 2, 2), group="a")))
    assert found.candidate.measure == GroupRates((("a", Counts(1, 2)), ("b", Counts(0, 0))))
    assert found.candidate.measure.samples == 0


@pytest.mark.parametrize("metric", ["DemographicParityRatio", "EqualOpportunityDifference"])
def test_a_decision_threshold_that_is_no_edge_names_the_nearest(metric: str) -> None:
    name = "model_score_bucket" if metric.startswith("Demo") else "model_labeled_score_bucket"
    scores = buckets(name, POD42, (1, 2, 2), group="a", actual="1")
    found = answered("Fairness", tuple(scores), metric=metric, decisionThreshold=0.6)
    problem(found.candidate, ProblemKind.EDGES, "0.5")


@pytest.mark.parametrize("metric", ["DemographicParityRatio", "EqualOpportunityDifference"])
@pytest.mark.parametrize("actual", ["0", "1"])
def test_unsound_buckets_of_one_group_are_a_problem(metric: str, actual: str) -> None:
    name = "model_score_bucket" if metric.startswith("Demo") else "model_labeled_score_bucket"
    broken = series(name, (0, 0), (60, 5), le="0.5", group="b", actual=actual, pod=POD42, instance=POD42)  # fmt: skip
    sound = buckets(name, POD42, (1, 2, 2), group="a", actual=actual)
    problem(answered("Fairness", (*sound, broken), metric=metric).candidate, ProblemKind.EDGES)


@pytest.mark.parametrize("metric", ["DemographicParityRatio", "EqualOpportunityDifference"])
def test_pods_of_one_group_on_different_edges_are_a_problem(metric: str) -> None:
    name = "model_score_bucket" if metric.startswith("Demo") else "model_labeled_score_bucket"
    other = POD42[:-1] + "q"
    odd = [
        series(name, (0, 0), (60, 5), le=le, group="a", actual="1", pod=other, instance=other)
        for le in ("0.7", "+Inf")
    ]
    sound = buckets(name, POD42, (1, 2, 2), group="a", actual="1")
    problem(answered("Fairness", (*sound, *odd), metric=metric).candidate, ProblemKind.EDGES)


def quality(*more: Series, updates: tuple[float, ...] = (40.0, 90.0)) -> list[Series]:
    pods = [POD42, POD42[:-1] + "q"]
    gauges = [
        series("model_features_last_update_timestamp_seconds", (60, at), pod=pod, instance=pod)
        for pod, at in zip(pods, updates, strict=False)
    ]
    return [*gauges, *more]


def test_the_oldest_update_of_any_pod_and_the_share_that_is_there() -> None:
    missing = counter("model_features_missing_total", POD42, 30)
    total = counter("model_features_total", POD42, 1000)
    found = answered("DataQuality", tuple(quality(missing, total)))
    assert found.candidate.measure == Quality(age_s=60.0, missing=30, total=1000)
    assert found.incumbent.problem is not None


def test_only_what_a_limit_needs_is_asked_for() -> None:
    found = answered("DataQuality", tuple(quality()), minCompleteness=None)
    assert found.candidate.measure == Quality(age_s=60.0)
    total = counter("model_features_total", POD42, 1000)
    found = answered("DataQuality", (total,), maxAge=None)
    assert found.candidate.measure == Quality(None, 0, 1000)
    problem(answered("DataQuality", (), maxAge=None).candidate, ProblemKind.EMPTY, "features_total")
    problem(answered("DataQuality", ()).candidate, ProblemKind.EMPTY, "last_update")


def test_an_update_that_is_no_number_is_a_problem() -> None:
    found = answered("DataQuality", tuple(quality(updates=(NAN,))), minCompleteness=None)
    problem(found.candidate, ProblemKind.NOT_A_NUMBER, "last_update")


def test_a_ratio_of_two_counters_of_the_users() -> None:
    orders, requests = (
        counter(name, POD42, value)
        for name, value in (("orders_total", 45), ("requests_total", 1500))
    )
    assert answered("Business", (orders, requests)).candidate.measure == Ratio(45, 1500)
    assert answered("Business", (requests,)).candidate.measure == Ratio(0, 1500)
    problem(answered("Business", (orders,)).candidate, ProblemKind.EMPTY, "requests_total")
