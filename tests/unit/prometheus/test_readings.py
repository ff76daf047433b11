"""From series to measures: exact counts per arm, and a problem wherever a number would be a guess."""

from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from surefoot.adapters.prometheus import readings
from surefoot.adapters.prometheus.increases import Index, Sheet
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.payload import Result, Series, Vector, decode
from surefoot.adapters.prometheus.presets import source_of
from surefoot.adapters.prometheus.promql import arms_of
from surefoot.engine.questions import Answer, ProblemKind, Reading
from surefoot.stats.drift import population_stability_index
from surefoot.stats.measures import Counts, Histogram, LabeledScores, Scalar
from tests.unit.prometheus.builders import T0, question, series

RECORDED = Path(__file__).parent / "recorded"
COMPLETED = "envoy_cluster_external_upstream_rq_completed"
TIME = "envoy_cluster_external_upstream_rq_time"
XX = "envoy_cluster_external_upstream_rq_xx"
V42, V41 = "risk_fraud-v42_80", "risk_fraud-v41_80"
POD42, POD41 = "fraud-v42-7c9f8d5b6-x2k9p", "fraud-v41-59bd7f6c4-qq7tz"
EMPTY, EDGES, NAN = ProblemKind.EMPTY, ProblemKind.EDGES, ProblemKind.NOT_A_NUMBER


def answered(
    kind: str, result: Result, start: float = 0, end: float = 100, **fields: Any
) -> Answer:
    asked = question(kind, **fields)
    found = source_of(asked.signal)
    assert not isinstance(found, str)
    preset, source = found
    assert isinstance(result, tuple)
    return readings.answer(
        asked.signal, source, arms_of(preset, asked), Sheet(Index(result), start, end)
    )


def recorded(name: str) -> Result:
    return decode(200, (RECORDED / f"{name}.json").read_bytes())


def problem(reading: Reading, kind: ProblemKind, *said: str) -> None:
    assert reading.measure is None
    assert reading.problem is not None
    assert reading.problem.kind is kind
    for words in said:
        assert words in reading.problem.message


def requests(arm: str, *samples: tuple[float, float], **labels: str) -> Series:
    return series(COMPLETED, *samples, envoy_cluster_name=arm, **labels)


def errors(arm: str, *samples: tuple[float, float], code: str = "5") -> Series:
    return series(XX, *samples, envoy_cluster_name=arm, envoy_response_code_class=code)


def buckets(pod: str, **by_le: tuple[float, float]) -> list[Series]:
    """`model_score` buckets with (value at 0, value at 60); `le_0_5` is le="0.5", `inf` is +Inf."""
    names = {
        le: "+Inf" if le == "inf" else le.removeprefix("le_").replace("_", ".") for le in by_le
    }
    return [
        series("model_score_bucket", (0, a), (60, b), le=names[le], pod=pod, instance=pod)
        for le, (a, b) in by_le.items()
    ]  # fmt: skip


def test_errors_and_requests_as_recorded() -> None:
    found = answered("ErrorRate", recorded("proxy"), 1795246081.0, 1795246083.0)
    assert found.candidate.measure == Counts(bad=4, total=30)
    assert found.incumbent.measure == Counts(bad=2, total=100)
    assert found.candidate.newest == datetime.fromtimestamp(1795246081.868, UTC)


def test_latency_as_recorded_is_in_seconds() -> None:
    found = answered("Latency", recorded("proxy"), 1795246081.0, 1795246083.0)
    assert found.candidate.measure == Histogram((0.1, 0.25), (15, 15, 0))
    assert found.incumbent.measure == Histogram((0.1, 0.25), (50, 50, 0))


def test_drift_as_recorded_sees_the_restart_in_every_bucket() -> None:
    found = answered("Drift", recorded("pods"), 1795246081.0, 1795246083.0)
    assert found.candidate.measure == Histogram((0.5, 1.0), (31, 1, 0))
    assert found.incumbent.measure == Histogram((0.5, 1.0), (20, 2, 0))


def test_calibration_as_recorded_sees_the_restart_for_every_outcome() -> None:
    found = answered("Calibration", recorded("pods"), 1795246081.0, 1795246083.0)
    assert found.candidate.measure == LabeledScores(positives=1, score_sum=7.75 + 0.75, total=32)
    assert found.incumbent.measure == LabeledScores(positives=2, score_sum=5 + 1.5, total=22)


def test_an_absent_error_series_is_zero_errors_only_beside_requests() -> None:
    found = answered("ErrorRate", (requests(V42, (0, 5), (60, 25)), errors(V41, (0, 1), (60, 2))))
    assert found.candidate.measure == Counts(bad=0, total=20)
    problem(found.incumbent, EMPTY, COMPLETED, "envoy_cluster_name", "risk_fraud-v41_80")


def test_no_series_at_all_is_empty_for_both_arms() -> None:
    found = answered("ErrorRate", ())
    problem(found.candidate, EMPTY, "candidate", "check that it is scraped")
    problem(found.incumbent, EMPTY, "incumbent")
    for kind in ("Drift", "Calibration"):
        problem(answered(kind, ()).candidate, EMPTY, 'namespace="risk"', "fraud-v42-[a-z0-9]")


def test_a_series_without_float_samples_is_absent() -> None:
    problem(answered("ErrorRate", (requests(V42),)).candidate, EMPTY)


def test_only_failed_classes_are_errors() -> None:
    found = answered(
        "ErrorRate",
        (requests(V42, (0, 0), (60, 9)), errors(V42, (0, 0), (60, 3), code="4"), errors(V42, (0, 0), (60, 2))),
    )  # fmt: skip
    assert found.candidate.measure == Counts(bad=2, total=9)


def test_several_proxies_add_up() -> None:
    both = [requests(V42, (0, 0), (60, 9), instance=each) for each in ("a", "b")]
    assert answered("ErrorRate", tuple(both)).candidate.measure == Counts(bad=0, total=18)


def test_a_series_whose_label_only_begins_like_the_arms_is_not_counted() -> None:
    longer = requests(V42 + "80", (0, 0), (60, 900))
    found = answered("ErrorRate", (requests(V42, (0, 0), (60, 9)), longer))
    assert found.candidate.measure == Counts(bad=0, total=9)


def test_right_after_a_step_few_or_no_samples_are_few_or_no_counts() -> None:
    some = (requests(V42, (0, 5), (60, 25)),)
    assert answered("ErrorRate", some, start=60, end=63).candidate.measure == Counts(0, 0)
    assert answered("ErrorRate", some, start=59, end=63).candidate.measure == Counts(0, 20)


def test_an_arm_born_beside_the_other_counts_from_zero() -> None:
    found = answered("ErrorRate", (requests(V41, (0, 5), (60, 25)), requests(V42, (60, 7))))
    assert found.candidate.measure == Counts(bad=0, total=7)


def test_a_new_target_or_one_without_a_name_counts_from_its_first_sample() -> None:
    other = requests(V41, (0, 5), (60, 25), instance="other")
    found = answered("ErrorRate", (other, requests(V42, (30, 7), (60, 9))))
    assert found.candidate.measure == Counts(bad=0, total=2)
    nameless = Series(
        Labels({"__name__": COMPLETED, "envoy_cluster_name": V42}), ((30, 7), (60, 9))
    )
    found = answered("ErrorRate", (other, nameless))
    assert found.candidate.measure == Counts(bad=0, total=2)


def test_a_relabelled_target_does_not_count_its_past() -> None:
    old = requests(V42, (0, 900), (20, 905))
    new = requests(V42, (40, 910), (60, 912), zone="a")
    assert answered("ErrorRate", (old, new)).candidate.measure == Counts(bad=0, total=7)


@pytest.mark.parametrize("value", [nan, inf])
def test_what_is_not_finite_is_a_problem_of_its_arm_alone(value: float) -> None:
    found = answered(
        "ErrorRate", (requests(V42, (0, 1), (60, value)), requests(V41, (0, 1), (60, 3)))
    )
    problem(found.candidate, NAN, COMPLETED, "candidate")
    assert found.incumbent.measure == Counts(bad=0, total=2)
    labelled = [
        series(f"model_labeled_score_{what}", (0, 1), (60, value), pod=POD42, actual="1")
        for what in ("sum", "count")
    ]
    problem(answered("Calibration", tuple(labelled)).candidate, NAN)
    scored = buckets(POD42, le_0_5=(1, value), inf=(1, 5))
    problem(answered("Drift", tuple(scored)).candidate, NAN, "model_score_bucket")


def test_labelled_scores_need_their_sum() -> None:
    count = series("model_labeled_score_count", (0, 1), (60, 3), pod=POD42, actual="0")
    problem(answered("Calibration", (count,)).candidate, EMPTY, "model_labeled_score_sum")


def test_le_is_a_number_however_it_is_written() -> None:
    found = answered(
        "Drift",
        (*buckets(POD42, le_1=(0, 4), inf=(0, 5)), *buckets(POD41, le_1_0=(0, 40), inf=(0, 50))),
    )
    assert found.candidate.measure == Histogram((1.0,), (4, 1))
    assert found.incumbent.measure == Histogram((1.0,), (40, 10))


def test_two_spellings_of_one_edge_are_one_series_and_not_a_birth() -> None:
    before = series("model_score_bucket", (0, 1000), (20, 1002), le="1", pod=POD42)
    after = series("model_score_bucket", (40, 1003), (60, 1005), le="1.0", pod=POD42)
    top = series("model_score_bucket", (0, 2000), (60, 2010), le="+Inf", pod=POD42)
    found = answered("Drift", (before, after, top))
    assert found.candidate.measure == Histogram((1.0,), (5, 5))


def test_pods_of_one_arm_add_up_and_groups_with_them() -> None:
    one = buckets(POD42, le_1=(0, 4), inf=(0, 5))
    two = buckets("fraud-v42-7c9f8d5b6-zzzzz", le_1=(1, 2), inf=(1, 9))
    found = answered("Drift", (*one, *two))
    assert found.candidate.measure == Histogram((1.0,), (5, 8))


def test_an_absent_bucket_that_must_be_empty_is_filled_with_zero() -> None:
    candidate = buckets(POD42, le_0_5=(0, 300), le_1=(0, 300), inf=(0, 300))
    incumbent = buckets(POD41, le_0_5=(0, 100), le_0_8=(0, 200), le_1=(0, 300), inf=(0, 300))
    found = answered("Drift", (*candidate, *incumbent))
    assert found.candidate.measure == Histogram((0.5, 0.8, 1.0), (300, 0, 0, 0))
    assert isinstance(found.candidate.measure, Histogram)
    assert isinstance(found.incumbent.measure, Histogram)
    psi = population_stability_index(found.candidate.measure, found.incumbent.measure)
    assert psi.value > 0.72


def test_edges_that_differ_where_it_matters_are_a_problem_of_both_arms() -> None:
    candidate = buckets(POD42, le_0_5=(0, 1), le_1=(0, 300), inf=(0, 300))
    incumbent = buckets(POD41, le_0_8=(0, 200), le_1=(0, 300), inf=(0, 300))
    found = answered("Drift", (*candidate, *incumbent))
    problem(found.candidate, EDGES, "candidate", "edge 0.8", "give both arms the same")
    assert found.incumbent == found.candidate


def test_one_arm_is_read_where_the_other_is_missing() -> None:
    found = answered("Drift", tuple(buckets(POD42, le_1=(0, 4), inf=(0, 5))))
    assert found.candidate.measure == Histogram((1.0,), (4, 1))
    problem(found.incumbent, EMPTY, "model_score_bucket")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (buckets(POD42, le_0_5=(0, 1), le_1=(0, 2)), 'no bucket le="+Inf"'),
        (buckets(POD42, inf=(0, 2)), "only the bucket"),
        (buckets(POD42, le_0_5=(0, 9), le_1=(0, 2), inf=(0, 9)), "fall as their edges rise"),
        (buckets(POD42, le_x=(0, 9), inf=(0, 9)), "which is no number"),
        (buckets(POD42, le_nan=(0, 9), inf=(0, 9)), "which is no number"),
        ([series("model_score_bucket", (0, 1), pod=POD42)], "no label le"),
    ],
)
def test_unsound_buckets_are_a_problem(made: list[Series], said: str) -> None:
    problem(answered("Drift", tuple(made)).candidate, EDGES, "model_score_bucket", said)


def test_one_value_is_the_candidates() -> None:
    found = readings.scalar(Vector((0.25,)), T0)
    assert found == Answer(Reading(Scalar(0.25), T0), Reading())


@pytest.mark.parametrize(
    ("result", "kind", "said"),
    [
        (Vector(()), EMPTY, "no element"),
        (Vector((1.0, 2.0, 3.0)), ProblemKind.QUERY, "gives 3 elements"),
        (Vector((nan,)), NAN, "gives nan"),
        (Vector((-inf,)), NAN, "gives -inf"),
    ],
)
def test_a_query_must_give_one_number(result: Vector, kind: ProblemKind, said: str) -> None:
    found = readings.scalar(result, T0)
    problem(found.candidate, kind, said)
    # A query that is at fault is so at weight 0, where only the incumbent is looked at.
    assert found.incumbent == (found.candidate if kind is ProblemKind.QUERY else Reading())


def durations(*sums: Series) -> Reading:
    """Latency of v42 with ten requests within 0.1 s, beside these series."""
    made = [
        series(f"{TIME}_bucket", (0, 0), (60, 10), le=le, envoy_cluster_name=V42)
        for le in ("100", "+Inf")
    ]
    return answered("Latency", (*made, *sums)).candidate


def test_durations_have_their_sum_in_seconds_where_there_is_one() -> None:
    total = series(f"{TIME}_sum", (0, 0), (60, 800), envoy_cluster_name=V42)
    assert durations(total).measure == Histogram((0.1,), (10, 0), 0.8)
    assert durations().measure == Histogram((0.1,), (10, 0))
    broken = series(f"{TIME}_sum", (0, 0), (60, nan), envoy_cluster_name=V42)
    assert durations(broken).measure == Histogram((0.1,), (10, 0))
