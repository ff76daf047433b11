"""A value of which most lies in one bucket carries a warning that does not flap, and its verdict."""

from dataclasses import replace
from typing import Any

import pytest

from surefoot.api.signal_status import FrozenBins, SignalStatus
from surefoot.api.vocabulary import Verdict
from surefoot.engine.baselines import judge_against
from surefoot.engine.judge import Judged
from surefoot.engine.world import Observation
from surefoot.stats.measures import Histogram, LabeledHistogram, Measure
from tests.unit.engine.builders import answer, in_flight, observation, signal, stand

EDGES = (0.1, 0.5)
EVEN = Histogram(EDGES, (40.0, 30.0, 30.0), 40.0)
HEAVY = Histogram(EDGES, (20.0, 60.0, 20.0), 40.0)
DRIFT = {"metric": "PSI", "threshold": {"max": 9}}
LABELLED = LabeledHistogram(EDGES, (10.0, 5.0, 30.0), (60.0, 5.0, 5.0))


def judged(
    kind: str,
    measure: Measure,
    incumbent: Measure | None = None,
    before: SignalStatus | None = None,
    seen: dict[str, Any] | None = None,
    **changes: Any,
) -> Judged:
    """By a signal whose limit is far away."""
    asked = signal(kind, **changes)
    status = in_flight(signals=[before] if before is not None else [])
    obs: Observation = replace(observation(status), **(seen or {}))
    return judge_against(asked, stand(), answer(measure, incumbent), obs, status)


def warning(found: Judged) -> str:
    """What is said after the reason proper."""
    return found.status.reason.partition("; ")[2]


def test_drift_from_crowded_scores_passes_with_a_warning_that_names_the_bucket() -> None:
    found = judged("Drift", EVEN, HEAVY, **DRIFT)
    assert found.verdict is Verdict.PASS
    assert warning(found) == (
        "over half of the scores that it is held against are in one bucket (0.1 to 0.5), and what "
        "happens inside of it is not seen: put the edges at the incumbent's score quantiles"
    )


def test_a_candidate_that_moves_into_one_bucket_is_seen_and_not_warned_of() -> None:
    assert warning(judged("Drift", HEAVY, EVEN, **DRIFT)) == ""


def test_a_breach_is_one_with_the_warning() -> None:
    far = Histogram(EDGES, (96.0, 2.0, 2.0))
    found = judged("Drift", far, HEAVY, metric="PSI", threshold={"max": 0.25, "consecutive": 1})
    assert found.verdict is Verdict.FAIL
    assert "over half of the scores" in found.status.reason


def test_a_reference_is_weighed_as_the_incumbent_is() -> None:
    bins = FrozenBins(edges=list(EDGES), counts=list(HEAVY.counts), total=40.0)
    where = {"baseline": "Reference", "reference": {"configMap": {"name": "r", "key": "k"}}}
    found = judged("Drift", EVEN, EVEN, seen={"references": {"errors": bins}}, **DRIFT, **where)
    assert "over half of the scores" in warning(found)


@pytest.mark.parametrize(("total", "warned"), [(40.0, False), (None, True)])
def test_a_shift_of_means_looks_at_buckets_only_without_sums(total: Any, warned: bool) -> None:
    """Means of sums are exact, however the scores lie in the buckets."""
    limit = {"metric": "MeanShift", "threshold": {"min": -9, "max": 9}}
    found = judged("Drift", EVEN, replace(HEAVY, total=total), **limit)
    assert found.verdict is Verdict.PASS
    assert bool(warning(found)) is warned


def test_too_few_samples_are_not_warned_of() -> None:
    few = {"metric": "PSI", "threshold": {"max": 9, "minSamples": 1000}}
    found = judged("Drift", EVEN, HEAVY, **few)
    assert found.status.reason == "100 of 1000 samples so far"


@pytest.mark.parametrize(
    ("counts", "q", "said"),
    [
        ((20, 60, 20), 0.5, "over half of the requests are in the bucket of the quantile"),
        ((60, 20, 20), 0.7, ""),
        ((30, 40, 30), 0.5, ""),
        ((20, 20, 60), 0.9, ""),
    ],
    ids=["in the quantile's bucket", "in another one", "in none", "above the last edge"],
)
def test_a_quantile_is_a_guess_where_its_own_bucket_is_crowded(
    counts: tuple[float, ...], q: float, said: str
) -> None:
    found = judged("Latency", Histogram(EDGES, counts), quantile=q, threshold={"max": 0.5})
    assert warning(found).partition(" (")[0] == said


@pytest.mark.parametrize(
    ("kind", "metric"), [("Calibration", "ECE"), ("Calibration", "Brier"), ("Performance", "AUC")]
)
def test_labelled_scores_in_one_bucket_are_warned_of(kind: str, metric: str) -> None:
    limit = {"min": 0.1, "max": None} if metric == "AUC" else {"max": 0.99}
    found = judged(kind, LABELLED, metric=metric, threshold=limit)
    assert found.verdict is Verdict.PASS
    assert warning(found).startswith("over half of the labelled scores are in one bucket (up to 0")


def test_a_decision_at_an_edge_is_exact() -> None:
    exact = {"metric": "Recall", "decisionThreshold": 0.5, "threshold": {"min": 0.1, "max": None}}
    assert warning(judged("Performance", LABELLED, **exact)) == ""


def test_a_share_around_one_half_does_not_flap() -> None:
    """A warning that came and went would be a write of the status each time."""
    near = Histogram(EDGES, (26.0, 48.0, 26.0))
    assert warning(judged("Drift", EVEN, near, **DRIFT)) == ""
    first = judged("Drift", EVEN, Histogram(EDGES, (24.0, 51.0, 25.0)), **DRIFT)
    again = judged("Drift", EVEN, near, before=first.status, **DRIFT)
    assert warning(again) == warning(first) != ""
    calm = judged("Drift", EVEN, EVEN, before=again.status, **DRIFT)
    assert warning(calm) == ""
