"""Every type of signal by comparison alone: a worse candidate is found, an equal one promoted."""

from math import isclose

import pytest

from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Ratio,
    Scalar,
)
from tests.scenarios.test_compare import LONG, MINUTE, until
from tests.scenarios.world import new_world

MODEL = {"source": {"preset": "model-server"}}
EDGES = (0.25, 0.5, 0.75)


def labeled(positives, negatives):
    """400 or so labelled scores a minute."""
    total = sum(
        middle * (yes + no)
        for middle, yes, no in zip((0.125, 0.375, 0.625, 0.875), positives, negatives, strict=True)
    )
    return LabeledHistogram(EDGES, positives, negatives, total)


GOOD = labeled((13.0, 38.0, 62.0, 88.0), (87.0, 62.0, 38.0, 12.0))
TOO_LOW = labeled((33.0, 58.0, 82.0, 98.0), (67.0, 42.0, 18.0, 2.0))
BLUNT = labeled((40.0, 48.0, 52.0, 60.0), (60.0, 52.0, 48.0, 40.0))
GROUPS = {"groups": {"label": "group", "values": ["a", "b"]}, "decisionThreshold": 0.5}
CASES = {
    "common proportion": (
        {"type": "ErrorRate", "source": {"preset": "envoy"},
         "compare": {"revertMargin": {"absolute": 0.02}, "promoteMargin": {"absolute": 0.05}}},
        Counts(600, 6000), Counts(900, 6000), "0.02",
    ),
    "drift": (
        {"type": "Drift", **MODEL, "compare": {"promoteMargin": {"absolute": 0.2}}},
        Histogram(EDGES, (400.0, 300.0, 200.0, 100.0)),
        Histogram(EDGES, (200.0, 250.0, 280.0, 270.0)), "0.1 of PSI",
    ),
    "calibration in the large": (
        {"type": "Calibration", **MODEL, "compare": {"promoteMargin": {"absolute": 0.1}}},
        LabeledScores(200, 200, 2000), LabeledScores(600, 200, 2000), "0.01",
    ),
    "calibration by bucket": (
        {"type": "Calibration", "metric": "ECE", **MODEL,
         "compare": {"promoteMargin": {"absolute": 0.1}}},
        GOOD, TOO_LOW, "0.01",
    ),
    "ranking": (
        {"type": "Performance", "metric": "AUC", **MODEL,
         "compare": {"promoteMargin": {"absolute": 0.1}}},
        GOOD, BLUNT, "0.01",
    ),
    "accuracy": (
        {"type": "Performance", "metric": "Accuracy", "decisionThreshold": 0.5, **MODEL,
         "compare": {"promoteMargin": {"absolute": 0.1}}},
        GOOD, BLUNT, "0.01",
    ),
    "fairness": (
        {"type": "Fairness", "metric": "DemographicParityRatio", **MODEL, **GROUPS,
         "compare": {"promoteMargin": {"relative": 0.4}}},
        GroupRates((("a", Counts(300, 1000)), ("b", Counts(300, 1000)))),
        GroupRates((("a", Counts(180, 1000)), ("b", Counts(300, 1000)))), "10%",
    ),
    "business": (
        {"type": "Business", "source": {"numerator": "orders", "denominator": "visits"},
         "compare": {"worse": "Lower", "revertMargin": {"relative": 0.1},
                     "promoteMargin": {"relative": 0.3}}},
        Ratio(300, 6000), Ratio(180, 6000), "10%",
    ),
    "query": (
        {"type": "PromQL", "query": 'queue{pod=~"{{candidate.workload}}-.*"}',
         "compare": {"worse": "Higher", "revertMargin": {"absolute": 2},
                     "promoteMargin": {"absolute": 6}}},
        Scalar(5.0), Scalar(11.0), "2",
    ),
}  # fmt: skip
TYPES = pytest.mark.parametrize("case", list(CASES))


def world_of(case, candidate):
    body, incumbent, _, _ = CASES[case]
    signal = {"name": "s", **body}
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)
    world.measures[("s", "incumbent")] = incumbent
    world.measures[("s", "candidate")] = candidate
    return world


def evidence(world):
    return world.status["evidence"]["signals"][0]


@TYPES
async def test_a_worse_candidate_is_found_by_the_comparison_alone(case):
    _, _, worse, margin = CASES[case]
    world = world_of(case, worse)
    await until(world, "Reverted", 3600)
    assert world.condition("Promoted") == ("False", "Regression")
    assert f"worse than the incumbent by more than {margin}" in world.status["message"]
    assert evidence(world)["promotion"]["value"] < 20


@pytest.mark.slow
@TYPES
async def test_an_equal_candidate_is_promoted_before_its_holds_are_over(case):
    _, incumbent, _, _ = CASES[case]
    world = world_of(case, incumbent)
    begun = world.now
    await until(world, "Baking", 7200)
    assert (world.now - begun).total_seconds() < 3600
    early = [d for d in world.status["decisions"] if "early: shown to be no worse" in d["message"]]
    assert early
    await until(world, "Idle", 3600)
    assert "Promoted" in world.decided()


@TYPES
async def test_a_state_that_someone_damaged_counts_as_none(case):
    _, incumbent, _, _ = CASES[case]
    world = world_of(case, incumbent)
    await world.run(300, every=30)
    for held in (evidence(world), evidence(world)["promotion"]):
        held["state"] = [0.5]
    await world.run(120, every=30)
    assert world.phase == "Progressing"
    assert evidence(world)["value"] <= 1.5


@TYPES
async def test_measures_of_another_kind_are_no_evidence(case):
    other = Scalar(1.0) if case == "drift" else Histogram((1.0,), (1.0, 1.0))
    world = world_of(case, other)
    await world.run(300, every=30)
    assert isclose(evidence(world)["value"], 1.0)


async def test_a_threshold_off_the_edges_is_no_evidence_and_says_so():
    body, incumbent, worse, _ = CASES["accuracy"]
    signal = {"name": "s", **body, "decisionThreshold": 0.6}
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)
    world.measures[("s", "incumbent")] = incumbent
    world.measures[("s", "candidate")] = worse
    await world.run(300, every=30)
    assert isclose(evidence(world)["value"], 1.0)
    assert world.status["signals"][0]["verdict"] == "NoData"
    assert "0.5" in world.status["signals"][0]["reason"]


async def test_nothing_to_divide_by_is_no_evidence():
    world = world_of("business", Ratio(0, 0))
    await world.run(300, every=30)
    assert isclose(evidence(world)["value"], 1.0)


async def test_both_values_of_a_compared_query_are_shown():
    world = world_of("query", Scalar(6.0))
    await world.run(120, every=30)
    signal = world.status["signals"][0]
    assert (signal["value"], signal["incumbentValue"]) == (6.0, 5.0)


async def test_labels_that_come_late_are_compared_when_they_are_there():
    body, incumbent, worse, _ = CASES["calibration in the large"]
    signal = {"name": "s", **body, "labelDelay": "10m"}
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)
    world.measures[("s", "incumbent")] = incumbent
    world.measures[("s", "candidate")] = worse
    await world.run(540, every=30)
    assert evidence(world)["intervals"] == 0
    await world.run(240, every=30)
    assert evidence(world)["intervals"] > 0


async def test_a_hold_is_not_cut_short_while_one_gating_signal_has_no_promote_margin():
    body, incumbent, _, _ = CASES["common proportion"]
    bare = {"name": "other", "type": "ErrorRate", "source": {"preset": "envoy"}, "compare": {}}
    world = new_world(
        signals=[{"name": "s", **body}, bare], steps=LONG, bake="20m", analysis=MINUTE
    )
    world.measures[("s", "both")] = incumbent
    world.measures[("other", "both")] = Counts(30, 6000)
    await world.run(1200, every=30)
    assert evidence(world)["promotion"]["value"] > 20
    assert world.status["step"]["index"] == 0


async def test_a_signal_that_joins_under_way_gets_a_part_of_the_budget():
    body, incumbent, _, _ = CASES["common proportion"]
    world = world_of("common proportion", incumbent)
    await world.run(300, every=30)
    value = world.status["evidence"]["value"]
    joining = {"name": "new", "type": "ErrorRate", "source": {"preset": "envoy"}, "compare": {}}
    world.apply(signals=[{"name": "s", **body}, joining])
    await world.tick(10)
    shares = {s["name"]: s["share"] for s in world.status["evidence"]["signals"]}
    assert shares["s"] == 0.5
    assert 0 < shares["new"] <= 0.5
    assert world.status["evidence"]["value"] <= max(value, 1.0)
    world.measures[("new", "incumbent")] = Counts(30, 6000)
    world.measures[("new", "candidate")] = Counts(240, 6000)
    await until(world, "Reverted", 3600)
    assert "new: evidence" in world.status["message"]


async def test_a_changed_promote_margin_costs_nothing_of_the_other_evidence():
    body, incumbent, _, _ = CASES["common proportion"]
    world = world_of("common proportion", incumbent)
    await world.run(300, every=30)
    before = evidence(world)
    compare = {**body["compare"], "promoteMargin": {"absolute": 0.2}}
    world.apply(signals=[{"name": "s", **body, "compare": compare}])
    await world.tick(1)
    after = evidence(world)
    assert (after["state"], after["share"]) == (before["state"], before["share"])
    assert after["promotion"]["value"] == 1
    assert "EvidenceRestarted" not in world.reasons()
    world.apply(signals=[{"name": "s", **body, "compare": {"revertMargin": {"absolute": 0.02}}}])
    await world.tick(1)
    assert "promotion" not in evidence(world)
