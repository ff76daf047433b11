"""Forecasts: the shipped judge and tests on simulated releases, and what follows from more traffic."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.api.spec import ModelReleaseSpec
from surefoot.planning.course import (
    MOST_INTERVALS,
    evidence_course,
    in_a_row,
    limit_course,
    requests_until,
)
from surefoot.planning.forecast import forecast
from surefoot.planning.simulate import Subject, by_evidence, by_limit
from surefoot.planning.streams import merged
from surefoot.planning.work import Share, carry_out, needed_alone, tasks
from surefoot.stats.measures import Counts, Quality
from tests.unit.planning.builders import (
    AUC,
    CALIBRATION,
    DRIFT,
    ERRORS,
    FAIRNESS,
    ORDERS,
    P99,
    limit,
    release,
    today,
)

SHORT = {25: "6m", 50: "6m"}


def smallest(plan: ModelReleaseSpec, rps: float, runs: int = 6) -> float | None:
    """Of the release's only signal, by its last step."""
    (task,) = [t for t in tasks(plan, today(plan, rps), runs) if t.kind == "evidence"]
    found = carry_out(task)
    assert isinstance(found, dict)
    return min((size for size in found.values() if size is not None), default=None)


@pytest.mark.simulation
@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.floats(5.0, 60.0), st.sampled_from([ERRORS, P99, DRIFT]))
def test_more_traffic_never_raises_the_smallest_regression_that_is_seen(
    rps: float, entry: dict[str, object]
) -> None:
    plan = release({**entry, "compare": {}}, holds=SHORT)
    few, many = smallest(plan, rps), smallest(plan, 8.0 * rps)
    assert many is not None
    assert few is None or many <= few


@pytest.mark.simulation
@pytest.mark.parametrize("entry", [ERRORS, P99, DRIFT], ids=lambda e: str(e["name"]))
def test_nine_releases_in_ten_see_what_the_forecast_says_that_they_see(
    entry: dict[str, object],
) -> None:
    plan = release({**entry, "compare": {}}, holds=SHORT)
    size = smallest(plan, 100.0, 12)
    assert size is not None
    signal, traffic = plan.signals[0], today(plan, 100.0)
    course = evidence_course(plan)
    subject = Subject(plan, signal, traffic, traffic.baselines[signal.name], course)
    seen = sum(by_evidence(subject, 10**9 + run, size, 20.0) is not None for run in range(300))
    assert 0.8 <= seen / 300 <= 0.97


@pytest.mark.simulation
@pytest.mark.parametrize(
    "entry",
    [
        {**ERRORS, "threshold": limit("2m", 100)},
        {**P99, "threshold": limit("2m", 100, max=0.5)},
        {**DRIFT, "threshold": limit("2m", 100, max=0.25)},
        {**DRIFT, "metric": "MeanShift", "threshold": limit("2m", 100, min=-0.2, max=0.2)},
        {**CALIBRATION, "threshold": limit("4m", 100, min=0.9, max=1.1), "labelDelay": "1m"},
        {**CALIBRATION, "metric": "ECE", "threshold": limit("4m", 1000, max=0.05)},
        {**AUC, "threshold": limit("4m", 100, min=0.6)},
        {**FAIRNESS, "threshold": limit("4m", 100, min=0.7)},
        {**ORDERS, "threshold": limit("4m", 100, max=0.15)},
        {**ORDERS, "threshold": limit("4m", 100, min=0.05)},
    ],
    ids=lambda e: f"{e['type']} {e.get('metric', '')}",
)
def test_every_type_with_a_limit_is_simulated_and_a_large_regression_found(
    entry: dict[str, object],
) -> None:
    plan = release(entry, holds={50: "10m"})
    found = forecast(plan, today(plan, 100.0), 4).signals[0]
    assert found.simulated
    size = found.smallest(0)
    assert size is not None
    assert found.by_evidence == {}
    assert found.healthy_limit is not None
    assert found.healthy_limit.share < 0.1


@pytest.mark.parametrize(
    "entry",
    [
        CALIBRATION, AUC, FAIRNESS,
        {**ORDERS, "compare": {"revertMargin": {"relative": 0.1}, "worse": "Lower"}},
    ],
    ids=lambda e: str(e["name"]),
)  # fmt: skip
def test_every_type_that_can_be_compared_is_simulated(entry: dict[str, object]) -> None:
    plan = release({"compare": {}, **entry}, holds={50: "15m"})
    (task,) = [t for t in tasks(plan, today(plan, 200.0), 4) if t.kind == "evidence"]
    found = carry_out(task)
    assert isinstance(found, dict)
    assert found[0] is not None


def test_a_limit_close_to_what_is_normal_stops_healthy_releases_and_the_forecast_says_so() -> None:
    plan = release({**ERRORS, "threshold": limit("1m", 50, max=0.012)}, holds={5: "30m"})
    found = forecast(plan, today(plan, 20.0, error_rate=0.01), 4).signals[0]
    assert found.healthy_limit is not None
    assert found.healthy_limit.share > 0.9


@pytest.mark.simulation
def test_signals_share_the_budget_and_hold_or_watch_only_have_none_of_it() -> None:
    plan = release(
        {**ERRORS, "compare": {}}, {**P99, "compare": {}},
        {**DRIFT, "compare": {}, "onBreach": "Observe"},
    )  # fmt: skip
    assert needed_alone(plan, plan.signals[0]) == pytest.approx(40.0)
    found = forecast(plan, today(plan), 4)
    assert found.signals[2].by_evidence == {}
    assert not found.signals[2].is_judged(3)
    assert found.comparisons is not None
    assert found.comparisons.share <= found.budget


@pytest.mark.slow
def test_a_finding_counts_the_requests_that_the_candidate_had_by_then() -> None:
    plan = release(
        {**ERRORS, "compare": {}, "threshold": limit("1m", 20)}, holds={25: "20m", 50: "20m"}
    )
    found = forecast(plan, today(plan, 200.0), 4).signals[0].finding
    assert found is not None
    assert found.found.share > 0.9
    assert found.seconds is not None
    assert found.requests == requests_until(plan, 200.0, found.seconds)
    compared = release({**ERRORS, "compare": {}}, holds=SHORT)
    hopeless = forecast(compared, today(compared, 0.5), 4).signals[0].finding
    assert hopeless is not None
    assert (hopeless.seconds, hopeless.requests) == (None, None)


def test_the_same_release_gets_the_same_forecast_and_tasks_can_be_sent_to_a_process() -> None:
    plan = release({**ERRORS, "compare": {}}, holds=SHORT)
    traffic = today(plan)
    assert forecast(plan, traffic, 4) == forecast(plan, traffic, 4)
    task = tasks(plan, traffic, 4)[0]
    assert carry_out(pickle.loads(pickle.dumps(task))) == carry_out(task)


def test_what_never_judges_is_not_simulated() -> None:
    late = {**CALIBRATION, "labelDelay": "9h", "threshold": limit("4m", 1, min=0.9)}
    plan = release(late, holds=SHORT)
    assert not forecast(plan, today(plan), 4).signals[0].simulated


def test_a_step_sees_by_whichever_way_sees_most_and_keeps_what_an_earlier_one_saw() -> None:
    plan = release({**ERRORS, "compare": {}, "threshold": limit()}, holds=SHORT)
    found = replace(
        forecast(plan, today(plan, 1.0), 4).signals[0],
        by_evidence={0: None, 1: 0.8}, by_limit={0: 5.0, 1: 4.0, 2: 3.0},
    )  # fmt: skip
    assert [found.smallest(step) for step in range(3)] == [5.0, 0.8, 0.8]
    assert [found.is_by_evidence(step) for step in range(3)] == [False, True, True]


def test_what_has_no_distribution_is_not_simulated() -> None:
    query = {"name": "q", "type": "PromQL", "query": "up", "threshold": {"max": 1, "window": "1m"}}
    plan = release(query)
    assert tasks(plan, today(plan)) == []
    found = forecast(plan, today(plan))
    assert not found.signals[0].simulated
    assert found.signals[0].smallest(0) is None
    assert found.comparisons is None


def test_intervals_begin_after_the_warm_up_and_end_with_their_step() -> None:
    plan = release(
        {**ERRORS, "compare": {}}, holds={5: "5m30s", 50: "2m"}, analysis={"warmup": "90s"}
    )
    slots = evidence_course(plan).slots
    assert [(s.step, s.start, s.end) for s in slots] == [
        (0, 90, 150), (0, 150, 210), (0, 210, 270), (0, 270, 330), (1, 330, 390), (1, 390, 450),
    ]  # fmt: skip
    assert evidence_course(release(ERRORS | {"compare": {}}, holds={5: "1m"})).slots == ()
    long = evidence_course(release(ERRORS | {"compare": {}}, holds={5: "9h"}))
    assert (len(long.slots), long.cut) == (MOST_INTERVALS, (0,))


def test_a_limit_is_looked_at_four_times_a_window_where_its_labels_are_there() -> None:
    entry = {**CALIBRATION, "labelDelay": "4m", "threshold": limit("4m", 1, min=0.9)}
    plan = release(entry, holds={5: "6m", 50: "10m"}, bake="7m")
    slots = limit_course(plan, plan.signals[0]).slots
    assert {s.step for s in slots} == {1}
    assert [s.end - s.start for s in slots] == [60.0] * 6
    long = release({**ERRORS, "threshold": limit("1m")}, holds={5: "9h"}, bake="0s")
    assert limit_course(long, long.signals[0]).cut == (0,)


@pytest.mark.parametrize(("many", "row"), [(1, 1), (2, 1), (3, 2), (9, 5)])
def test_consecutive_evaluations_are_counted_in_stretches(many: int, row: int) -> None:
    plan = release({**ERRORS, "threshold": limit("2m", 1) | {"consecutive": many}})
    slots = limit_course(plan, plan.signals[0]).slots
    assert in_a_row(plan, plan.signals[0], slots) == row
    assert in_a_row(plan, plan.signals[0], ()) == 1


def test_a_limit_that_is_crossed_is_found_once_it_was_crossed_often_enough() -> None:
    entry = {**ERRORS, "threshold": limit("2m", 10) | {"consecutive": 9}}
    plan = release(entry, holds={50: "10m"})
    traffic = today(plan, 100.0)
    signal = plan.signals[0]
    course = limit_course(plan, signal)
    subject = Subject(plan, signal, traffic, traffic.baselines["errors"], course)
    found = by_limit(subject, 1, 30.0)
    assert found is not None
    assert found.at == pytest.approx(150.0)
    assert by_limit(replace(subject, course=replace(course, slots=())), 1, 30.0) is None


def test_shares_say_what_is_still_plausible() -> None:
    assert Share(0, 60).at_most == pytest.approx(0.0487, abs=1e-4)
    assert Share(0, 0).share == 0.0


def test_what_has_no_sum_is_taken_as_it_was_last() -> None:
    assert merged([Counts(1, 2), Counts(3, 4)]) == Counts(4, 6)
    assert merged([Quality(age_s=1), Quality(age_s=2)]) == Quality(age_s=2)
