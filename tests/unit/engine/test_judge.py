"""Verdicts: from what was measured to Pass, or to anything but Pass."""

import json
from dataclasses import replace
from datetime import timedelta
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.api.signal_status import MOST_EDGES, FrozenBins, SignalStatus
from surefoot.api.vocabulary import Verdict
from surefoot.engine.judge import (
    crosses,
    elapsed_since,
    freeze,
    from_text,
    judge,
    judges_from,
    limit_text,
    window_start,
)
from surefoot.engine.questions import ProblemKind
from surefoot.stats.measures import Counts, Histogram, LabeledScores, Scalar
from tests.unit.engine.builders import NOW, answer, plan, signal, stand, trouble

ANY_FLOAT = st.one_of(st.floats(), st.sampled_from([nan, inf, -inf, 0.0]))
COUNTS_OF = st.lists(
    st.one_of(st.floats(0, 1e9), st.sampled_from([nan, inf])), min_size=3, max_size=3
)
EDGES = (0.1, 0.5)
MOST_SIGNALS = 16
MEASURES = {
    "ErrorRate": st.builds(Counts, ANY_FLOAT, ANY_FLOAT),
    "PromQL": st.builds(Scalar, ANY_FLOAT),
    "Calibration": st.builds(LabeledScores, ANY_FLOAT, ANY_FLOAT, ANY_FLOAT),
    "Latency": COUNTS_OF.map(lambda counts: Histogram(EDGES, tuple(counts))),
    "Drift": COUNTS_OF.map(lambda counts: Histogram(EDGES, tuple(counts))),
}


def measured(kind):
    return st.tuples(st.just(kind), MEASURES[kind], st.one_of(st.none(), MEASURES[kind]))


ANYTHING = st.sampled_from(sorted(MEASURES)).flatmap(measured)


def verdict(measure, incumbent=None, *, before=None, index=0, **changes):
    """The judgement on a measure by a signal of the type that `kind` says."""
    kind = changes.pop("kind", "ErrorRate")
    return judge(signal(kind, **changes), stand(index), before, answer(measure, incumbent))


# never a pass on anything that is not a number inside of its limit


@given(ANYTHING)
def test_a_pass_has_a_finite_value_inside_of_its_limit(found):
    kind, measure, incumbent = found
    judged = verdict(measure, incumbent, kind=kind)
    if judged.verdict is Verdict.PASS:
        assert judged.status.value is not None
        assert isfinite(judged.status.value)
        assert judged.status.value <= 0.05


@given(ANYTHING)
def test_a_status_never_carries_what_json_cannot(found):
    kind, measure, incumbent = found
    status = verdict(measure, incumbent, kind=kind).status
    for number in (status.value, status.incumbent_value, status.samples):
        assert number is None or isfinite(number)


@given(ANYTHING)
def test_a_fail_has_a_value_outside_of_its_limit(found):
    kind, measure, incumbent = found
    judged = verdict(measure, incumbent, kind=kind)
    if judged.verdict is Verdict.FAIL:
        assert judged.status.value is not None
        assert judged.status.value >= 0.05


@given(st.floats(0.0501, 1), st.integers(1, 5), st.integers(0, 5))
def test_a_value_outside_of_the_limit_never_passes(share, consecutive, breaches):
    before = SignalStatus(name="errors", type="ErrorRate", verdict="Pass", breaches=breaches)
    judged = verdict(
        Counts(share * 1e6, 1e6), before=before, threshold={"consecutive": consecutive}
    )
    assert judged.verdict is (Verdict.FAIL if breaches + 1 >= consecutive else Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("measure", "kind"),
    [
        (None, "ErrorRate"),
        (Counts(0, 0), "ErrorRate"),
        (Counts(nan, 10), "ErrorRate"),
        (Counts(0, inf), "ErrorRate"),
        (Counts(0, -inf), "ErrorRate"),
        (Scalar(nan), "PromQL"),
        (Scalar(-inf), "PromQL"),
        (LabeledScores(0, 0, 10), "Calibration"),
        (Histogram(EDGES, (0, 0, 0)), "Latency"),
        (Histogram(EDGES, (nan, 1, 1)), "Latency"),
        (Histogram(EDGES, (0, 0, 0)), "Drift"),
        (Histogram(EDGES, (900, 900, 900)), "Drift"),
    ],
)
def test_no_number_is_no_data_and_covers_nothing(measure, kind):
    judged = verdict(measure, kind=kind)
    assert judged.verdict is Verdict.NO_DATA
    assert not judged.covered or judged.status.samples == 0


def test_drift_needs_an_incumbent_that_has_samples():
    empty, full = Histogram(EDGES, (0, 0, 0)), Histogram(EDGES, (50, 50, 50))
    assert "incumbent has no samples" in verdict(full, empty, kind="Drift").status.reason


def test_drift_of_a_candidate_without_scores_says_so():
    empty, full = Histogram(EDGES, (0, 0, 0)), Histogram(EDGES, (50, 50, 50))
    reason = judge(
        signal("Drift"), stand(), None, answer(replace(empty, counts=(0.0, 0.0, 0.0)), full)
    ).status.reason
    assert reason == "0 of 1 samples so far"


def test_drift_of_a_handful_of_scores_has_no_bins_to_compare():
    few = Histogram(EDGES, (1.0, 1.0, 1.0))
    judged = verdict(few, few, kind="Drift")
    assert (judged.verdict, judged.covered) == (Verdict.NO_DATA, False)
    assert "too few scores yet to tell two bins apart" in judged.status.reason


def test_drift_between_different_edges_is_not_computed():
    judged = verdict(Histogram((0.1,), (50, 50)), Histogram(EDGES, (50, 50, 50)), kind="Drift")
    assert judged.verdict is Verdict.NO_DATA
    assert "different bucket edges" in judged.status.reason


def test_drift_is_held_against_the_frozen_bins_where_there_are_any():
    before = SignalStatus(
        name="errors", type="Drift", verdict="Pass",
        frozen=FrozenBins(edges=list(EDGES), counts=[500, 300, 200]),
    )  # fmt: skip
    now = Histogram(EDGES, (500, 300, 200))
    assert verdict(now, None, kind="Drift", before=before).verdict is Verdict.PASS


def test_a_latency_above_the_last_edge_fails_when_that_is_the_limit():
    judged = verdict(Histogram(EDGES, (0, 0, 10)), kind="Latency", threshold={"max": 0.5})
    assert judged.verdict is Verdict.FAIL
    assert "at least 0.5" in judged.status.reason


def test_a_latency_above_the_last_edge_and_a_limit_still_higher_is_inconclusive():
    judged = verdict(Histogram(EDGES, (0, 0, 10)), kind="Latency", threshold={"max": 2})
    assert judged.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "expected"), [(0.4, Verdict.PASS), (0.5, Verdict.PASS), (0.9, Verdict.INCONCLUSIVE)]
)
def test_a_lower_limit_above_the_last_edge_cannot_be_told_to_be_kept(low, expected):
    judged = verdict(
        Histogram(EDGES, (0, 0, 10)), kind="Latency", threshold={"min": low, "max": None}
    )
    assert judged.verdict is expected


def test_a_drift_that_noise_may_make_is_inconclusive():
    few = Histogram(EDGES, (6, 6, 0)), Histogram(EDGES, (9, 5, 0))
    assert verdict(*few, kind="Drift").verdict is Verdict.INCONCLUSIVE


def test_a_drift_that_noise_cannot_make_fails():
    many = Histogram(EDGES, (600, 600, 0)), Histogram(EDGES, (900, 300, 0))
    assert verdict(*many, kind="Drift").verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ProblemKind.EMPTY, Verdict.NO_DATA),
        (ProblemKind.NOT_A_NUMBER, Verdict.NO_DATA),
        (ProblemKind.EDGES, Verdict.INCONCLUSIVE),
        (ProblemKind.UNREACHABLE, Verdict.ERROR),
        (ProblemKind.TIMEOUT, Verdict.ERROR),
        (ProblemKind.QUERY, Verdict.ERROR),
        (ProblemKind.PARTIAL, Verdict.ERROR),
    ],
)
def test_each_problem_has_its_place_in_the_lattice(kind, expected):
    judged = judge(signal(), stand(), None, trouble(kind))
    assert (judged.verdict, judged.covered) == (expected, False)
    assert judged.status.reason == f"it was {kind}"


# samples, crossings in a row


def test_too_few_samples_are_no_data_but_cover_the_hold():
    judged = verdict(Counts(9, 10), threshold={"minSamples": 11})
    assert (judged.verdict, judged.covered) == (Verdict.NO_DATA, True)


def test_an_evaluation_without_a_new_sample_counts_for_nothing():
    before = SignalStatus(
        name="errors", type="ErrorRate", verdict="Inconclusive", breaches=1, sampled_at=NOW
    )
    judged = verdict(Counts(9, 10), before=before, threshold={"consecutive": 2})
    assert (judged.verdict, judged.status.breaches) == (Verdict.INCONCLUSIVE, 1)


def test_missing_data_keeps_the_count_of_crossings():
    before = SignalStatus(name="errors", type="ErrorRate", verdict="Inconclusive", breaches=1)
    judged = judge(signal(), stand(), before, trouble(ProblemKind.EMPTY))
    assert judged.status.breaches == 1


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 10))
def test_a_value_crosses_exactly_when_it_is_outside_of_both_limits(value, low, width):
    high = low + width
    both = signal("PromQL", threshold={"min": low, "max": high})
    assert crosses(both, value) == (not low <= value <= high)


# when a signal judges


def test_before_the_first_step_only_the_incumbent_is_looked_at():
    judged = verdict(Counts(10, 10), index=-1)
    assert (judged.verdict, judged.covered) == (Verdict.NOT_DUE, True)
    blind = judge(signal(), stand(-1), None, trouble(ProblemKind.EMPTY))
    assert (blind.verdict, blind.covered) == (Verdict.NO_DATA, False)


@pytest.mark.parametrize(
    ("delay", "text"), [("0s", "step 1/3"), ("1m", "step 3/3"), ("5m", "bake"), ("1h", "never")]
)
def test_a_signal_judges_from_the_first_hold_that_covers_its_label_delay(delay, text):
    holds = [{"weight": w, "hold": h} for w, h in ((10, "30s"), (25, "1m"), (50, "2m"))]
    guided = plan(steps=holds, bake="10m")
    assert from_text(signal("Calibration", labelDelay=delay), guided) == text


def test_a_signal_without_a_label_delay_judges_from_the_first_step():
    assert judges_from(signal(), plan()) == 0


def test_a_window_begins_no_sooner_than_warm_up_and_label_delay_end():
    late = signal("Calibration", labelDelay="10m")
    warm = replace(stand(), warm_at=NOW)
    assert window_start(late, warm) == NOW + timedelta(minutes=10)
    assert window_start(signal(), warm) == stand().since


def test_a_step_that_was_never_entered_has_its_window_begin_now():
    assert window_start(signal(), replace(stand(), since=None, warm_at=None)) == NOW


def test_a_signal_that_waits_for_labels_says_so():
    late = signal("Calibration", labelDelay="10s", threshold={"window": "10s"})
    judged = judge(late, replace(stand(), since=NOW), None, answer(LabeledScores(1, 1, 10)))
    assert (judged.verdict, judged.status.reason) == (
        Verdict.NO_DATA,
        "waiting for labels of this step",
    )


# words, frozen bins, time


@pytest.mark.parametrize(
    ("threshold", "text"),
    [({"max": 0.05}, "≤ 0.05"), ({"min": 0.9, "max": None}, "≥ 0.9"), ({"min": 0.9, "max": 1.1}, "0.9 … 1.1")],
)  # fmt: skip
def test_a_limit_reads_as_people_write_it(threshold, text):
    assert limit_text(signal("Latency", threshold=threshold)) == text


def test_a_breach_tells_value_limit_samples_and_the_incumbents_value():
    reason = verdict(Counts(300, 1000), Counts(1, 1000)).status.reason
    assert reason == "0.3, the limit is ≤ 0.05, 1000 samples; incumbent 0.001"


def test_only_drift_keeps_the_incumbents_bins_and_only_where_there_are_any():
    bins = Histogram(EDGES, (1.0, 2.0, 3.0))
    status = SignalStatus(name="errors", type="Drift", verdict="Pass")
    kept = freeze(signal("Drift"), status, answer(bins, bins)).frozen
    assert kept == FrozenBins(edges=list(EDGES), counts=[1.0, 2.0, 3.0])
    assert freeze(signal("Drift"), status, answer(bins, None)) == status
    assert freeze(signal("Latency"), status, answer(bins, bins)) == status


def test_as_many_bins_as_may_be_kept_are_still_saved():
    # Frozen, as a snapshot and by a watch; etcd refuses 1.5 MiB.
    number = -1.2345678901234567e-300
    bins = Histogram((number,) * MOST_EDGES, (number,) * (MOST_EDGES + 1))
    status = SignalStatus(name="s", type="Drift", verdict="Pass")
    kept = freeze(signal("Drift"), status, answer(bins, bins)).frozen
    assert 3 * MOST_SIGNALS * len(json.dumps(kept.dump()).encode()) < 2**20


@given(st.one_of(st.none(), st.integers(-(10**6), 10**6)), st.integers(1, 3600))
def test_elapsed_time_is_never_negative_and_at_most_two_intervals(ago, interval):
    before = None if ago is None else NOW - timedelta(seconds=ago)
    elapsed = elapsed_since(before, NOW, timedelta(seconds=interval))
    assert 0.0 <= elapsed <= 2 * interval
    if ago is not None and 0 <= ago <= 2 * interval:
        assert elapsed == ago
