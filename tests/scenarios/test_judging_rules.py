"""What signals do to a release: label delay, thresholds, missing data."""

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.measures import LabeledScores
from tests.scenarios.specs import errors
from tests.scenarios.stories import at_weight
from tests.scenarios.test_rules import SHIFTED, STEADY, calibration, drift
from tests.scenarios.world import NO_PROMETHEUS, new_world


async def test_a_signal_with_late_labels_judges_only_holds_that_cover_them():
    steps = [{"weight": 10, "hold": "20s"}, {"weight": 50, "hold": "40s"}]
    world = new_world(signals=[calibration()], steps=steps)
    bad = LabeledScores(50, 100, 1000)
    world.measures[("calibration", "candidate")] = bad
    await world.run(20)
    (signal,) = world.status["signals"]
    assert (signal["verdict"], signal["judgesFrom"]) == ("NotDue", "step 2/2")
    await world.until("Reverted")
    assert world.weights == [0, 0, 10, 50, 0]
    assert "calibration: 0.5, the limit is 0.8 … 1.25" in world.status["message"]


async def test_a_signal_whose_labels_come_too_late_for_any_step_is_watched_only():
    world = new_world(signals=[calibration(labelDelay="1h")])
    world.measures[("calibration", "candidate")] = LabeledScores(50, 100, 1000)
    await world.until("Idle")
    assert world.status["signals"][0]["judgesFrom"] == "never"
    assert world.status["signals"][0]["verdict"] == "NotDue"


async def test_no_step_goes_up_while_prometheus_is_away_though_no_signal_is_due():
    world = new_world(signals=[calibration(labelDelay="1h")])
    await world.run(20)
    assert world.weight() == 10
    world.trouble = NO_PROMETHEUS
    await world.run(600)
    assert world.weight() == 10
    world.trouble = Problem(ProblemKind.EMPTY, "no series")  # labels may come late: no gap
    await world.until("Idle")


async def test_a_signal_first_judges_in_the_bake_when_only_that_is_long_enough():
    world = new_world(signals=[calibration()], bake="2m", steps=[{"weight": 10, "hold": "20s"}])
    world.measures[("calibration", "candidate")] = LabeledScores(50, 100, 1000)
    await world.until("Reverted")
    assert world.weights == [0, 0, 10, 100, 0]


async def test_at_100_drift_is_held_against_the_incumbents_frozen_bins():
    world = new_world(signals=[drift()], bake="1m")
    world.measures[("drift", "both")] = STEADY
    await world.until("Baking")
    world.measures[("drift", "incumbent")] = Problem(ProblemKind.EMPTY, "no traffic")
    await world.tick(10)
    assert world.status["signals"][0]["verdict"] == "Pass"
    world.measures[("drift", "candidate")] = SHIFTED
    await world.tick(10)
    assert (world.phase, world.weight()) == ("Reverted", 0)


async def test_consecutive_counts_evaluations_with_a_new_sample_only():
    world = await at_weight(10, signals=[errors(threshold={"consecutive": 3})])
    world.reads(bad=500)
    world.sampled = world.now
    await world.run(60)
    assert world.weight() == 10
    assert world.status["signals"][0]["breaches"] == 1
    world.sampled = None
    await world.run(20)
    assert world.weight() == 0


async def test_one_crossing_and_a_clean_window_is_a_transient_deviation():
    world = await at_weight(10, signals=[errors(threshold={"consecutive": 2})])
    world.reads(bad=500)
    await world.tick(10)
    assert world.status["signals"][0]["verdict"] == "Inconclusive"
    world.reads(bad=0)
    await world.tick(10)
    assert "TransientDeviation" in world.status["signals"][0]["reason"]
    await world.until("Idle")


async def test_a_breach_of_both_arms_says_so_and_still_reverts():
    world = await at_weight(10)
    world.reads(bad=500)
    world.reads(bad=400, arm="incumbent")
    await world.tick(10)
    assert world.weight() == 0
    assert "SharedDeviation" in world.status["message"]


async def test_error_rates_are_live_in_warmup_and_others_are_not():
    slow = {
        "name": "slow", "type": "PromQL", "query": "x", "threshold": {"max": 1, "window": "30s"},
    }  # fmt: skip
    world = await at_weight(
        10, signals=[errors(), slow], analysis={"interval": "10s", "warmup": "2m"}
    )
    await world.tick(10)
    assert [s["reason"] for s in world.status["signals"]][1] == "warming up"
    await world.run(60)
    assert world.weight() == 10
    world.reads(bad=500)
    await world.tick(10)
    assert world.weight() == 0


@pytest.mark.parametrize(("on_breach", "weight"), [("Revert", 0), ("Hold", 10), ("Observe", 25)])
async def test_what_a_breach_does_is_the_signals_to_say(on_breach, weight):
    world = await at_weight(10, signals=[errors(onBreach=on_breach)])
    world.reads(bad=500)
    await world.run(50)
    assert world.weight() == weight


@pytest.mark.parametrize("kind", list(ProblemKind))
async def test_no_kind_of_trouble_with_prometheus_ever_steps_up_or_reverts(kind):
    world = await at_weight(10)
    world.trouble = Problem(kind, f"Prometheus: {kind}")
    await world.run(300)
    assert (world.weight(), world.phase) == (10, "Holding")
    assert f"Prometheus: {kind}" in world.status["message"]
    assert world.condition("Ready")[0] == "True"


async def test_too_few_samples_hold():
    world = await at_weight(10)
    world.reads(bad=0, total=5)
    await world.run(300)
    assert (world.weight(), world.status["reason"]) == (10, "SignalNoData")
    assert "5 of 20 samples" in world.status["message"]


async def test_no_data_reverts_when_the_release_says_so_once_the_window_has_passed():
    world = await at_weight(10, onNoData="Revert")
    world.trouble = NO_PROMETHEUS
    await world.tick(10)
    assert world.weight() == 10
    await world.until("Reverted")
    assert world.condition("Promoted") == ("False", "NoData")


async def test_a_held_release_writes_nothing_while_nothing_changes():
    world = await at_weight(10)
    world.trouble = NO_PROMETHEUS
    await world.run(60)
    writes = len(world.writes)
    await world.run(600)
    assert len(world.writes) == writes
    assert world.reasons().count("SignalError") == 1
