"""Comparisons with the incumbent: evidence from closed intervals, spent once, under one budget."""

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.measures import Counts, Histogram
from tests.scenarios.memory import CrashError
from tests.scenarios.specs import errors
from tests.scenarios.world import NO_PROMETHEUS, new_world

MINUTE = {"interval": "30s", "warmup": "0s", "evidenceInterval": "60s"}
LONG = [{"weight": w, "hold": "20m"} for w in (10, 25, 50)]


def compared(**changes):
    """A release whose only signal is an ErrorRate that is compared, without a limit."""
    signal = {
        "name": "errors",
        "type": "ErrorRate",
        "source": {"preset": "envoy"},
        "compare": {},
        **changes,
    }
    return new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)


async def until(world, phase, most=7200):
    """Tick twice a minute until a phase is reached; fails when it is not."""
    for _ in range(most // 30):
        await world.tick(30)
        if world.phase == phase:
            return
    raise AssertionError(f"{world.phase}: {world.status['message']}")


def reads(world, incumbent, candidate, total=6000.0):
    """Errors of both arms in each minute from now on."""
    world.measures[("errors", "incumbent")] = Counts(incumbent, total)
    world.measures[("errors", "candidate")] = Counts(candidate, total)


def evidence(world, name="errors"):
    return next(s for s in world.status["evidence"]["signals"] if s["name"] == name)


async def test_a_candidate_like_the_incumbent_is_promoted_without_any_limit():
    world = compared()
    reads(world, 30, 30)
    await until(world, "Idle", 7200)
    assert "Promoted" in world.decided()


async def test_four_times_the_errors_are_found_by_the_comparison_alone():
    world = compared()
    reads(world, 30, 120)
    await until(world, "Reverted", 3600)
    assert world.condition("Promoted") == ("False", "Regression")
    assert world.weights[-1] == 0
    assert "worse than the incumbent by more than 10%" in world.status["message"]
    assert "now 0.02 against 0.005" in world.status["message"]
    assert world.status["evidence"]["value"] >= 20


async def test_fewer_adverse_intervals_than_the_damper_asks_for_never_revert():
    world = compared()
    reads(world, 30, 30)
    await world.run(150, every=30)
    reads(world, 30, 3000)
    await world.run(150, every=30)
    assert world.phase != "Reverted"
    reads(world, 30, 30)
    await world.run(600, every=30)
    assert world.phase != "Reverted"


async def test_evidence_short_of_a_revert_holds_and_says_how_much_there_is():
    world = compared()
    reads(world, 30, 75)
    for _ in range(60):
        await world.tick(30)
        if world.status["reason"] == "SignalInconclusive":
            break
    assert "errors: evidence" in world.status["message"]
    assert "of 20" in world.status["message"]
    assert 20**0.5 <= world.status["evidence"]["value"] < 20


async def test_an_interval_is_spent_once_though_ticks_repeat_and_the_operator_restarts():
    world = compared()
    reads(world, 30, 60)
    await world.run(210, every=30)
    once = evidence(world)
    assert once["intervals"] == 3
    for _ in range(5):
        await world.tick(0)
    world.crash_after = 1
    with pytest.raises(CrashError):
        await world.run(150, every=30)
    await world.run(60)
    again = evidence(world)
    assert again["intervals"] <= 3 + 3
    assert again["until"] > once["until"]


async def test_a_crash_between_reading_and_saving_spends_nothing_and_loses_nothing():
    whole, broken = compared(), compared()
    for world in (whole, broken):
        reads(world, 30, 60)
    await whole.run(600)
    for at in range(20):
        broken.crash_after = 1 if at % 7 == 0 else None
        try:
            await broken.tick(30)
        except CrashError:
            await broken.tick(0)
    broken.crash_after = None
    assert evidence(broken)["value"] == pytest.approx(evidence(whole)["value"], rel=0.5)
    assert abs(evidence(broken)["intervals"] - evidence(whole)["intervals"]) <= 1


async def test_after_an_outage_the_closed_intervals_are_caught_up_in_order():
    world = compared()
    reads(world, 30, 30)
    await world.run(150, every=30)
    before = evidence(world)["intervals"]
    world.trouble = NO_PROMETHEUS
    await world.run(600, every=30)
    assert evidence(world)["intervals"] == before
    world.trouble = None
    await world.run(120, every=30)
    assert evidence(world)["intervals"] >= before + 9


async def test_an_interval_without_samples_of_an_arm_is_no_evidence():
    world = compared()
    reads(world, 30, 30)
    await world.run(150, every=30)
    before = evidence(world)
    world.measures[("errors", "candidate")] = Problem(ProblemKind.EMPTY, "no samples")
    await world.run(180, every=30)
    after = evidence(world)
    assert after["value"] == before["value"]
    assert after["intervals"] > before["intervals"]


async def test_no_interval_reaches_back_over_a_step():
    world = compared()
    reads(world, 30, 30)
    for _ in range(200):
        await world.tick(30)
        step = world.status.get("step") or {}
        if step.get("index") == 1 and step.get("verifiedAt"):
            break
    spans = [q for asked in world.metrics.asked for q in asked if q.end is not None]
    assert spans
    await world.run(210, every=30)
    verified = world.status["step"]["verifiedAt"]
    later = [
        q for asked in world.metrics.asked for q in asked if q.end is not None and q not in spans
    ]
    assert later
    assert all(q.start.isoformat()[:19] >= verified[:19] for q in later)


@pytest.mark.slow
async def test_in_the_bake_nothing_is_compared_and_the_comparison_does_not_gate():
    world = compared()
    reads(world, 30, 30)
    await until(world, "Baking", 7200)
    value = evidence(world)
    world.measures[("errors", "incumbent")] = Counts(0, 0)
    reads(world, 0, 3000)
    await world.run(60, every=30)
    assert world.status["signals"][0]["verdict"] == "NotApplicable"
    assert evidence(world) == value
    await until(world, "Idle", 3600)


async def test_a_changed_margin_starts_the_evidence_anew_with_half_of_the_share_and_says_so():
    world = compared()
    reads(world, 30, 45)
    await world.run(210, every=30)
    before = evidence(world)
    signal = {**world.spec["signals"][0], "compare": {"revertMargin": {"relative": 0.2}}}
    world.apply(signals=[signal])
    await world.tick(10)
    after = evidence(world)
    assert (after["value"], after["intervals"]) == (1, 0)
    assert after["share"] <= before["share"] / 2
    assert "EvidenceRestarted" in world.reasons()


async def test_a_limit_and_a_comparison_stand_side_by_side():
    world = new_world(signals=[errors(compare={})], steps=LONG, bake="20m", analysis=MINUTE)
    reads(world, 30, 30)
    await world.run(210, every=30)
    world.reads(bad=600, total=6000)
    await world.run(60, every=30)
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


@pytest.mark.slow
async def test_a_comparison_that_only_observes_never_reverts():
    world = compared(onBreach="Observe")
    reads(world, 30, 300)
    await until(world, "Idle", 7200)
    assert evidence(world)["value"] > 20
    assert world.status["evidence"]["value"] == 0


async def test_slower_answers_are_found_at_edges_that_the_first_interval_fixed():
    signal = {
        "name": "p99", "type": "Latency", "source": {"preset": "envoy"}, "quantile": 0.99,
        "compare": {},
    }  # fmt: skip
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)
    edges = (0.05, 0.1, 0.25, 0.5)
    good = Histogram(edges, (5000.0, 700.0, 250.0, 45.0, 5.0))
    slow = Histogram(edges, (5000.0, 500.0, 250.0, 200.0, 50.0))
    world.measures[("p99", "incumbent")] = good
    world.measures[("p99", "candidate")] = slow
    await until(world, "Reverted", 3600)
    assert world.condition("Promoted") == ("False", "Regression")
    assert evidence(world, "p99")["state"][0] == 0.1


async def test_without_an_incumbent_no_edges_are_fixed_and_nothing_is_known():
    signal = {
        "name": "p99", "type": "Latency", "source": {"preset": "envoy"}, "quantile": 0.99,
        "compare": {"promoteMargin": {"relative": 0.5}},
    }  # fmt: skip
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)
    edges = (0.05, 0.1)
    world.measures[("p99", "candidate")] = Histogram(edges, (500.0, 70.0, 25.0))
    world.measures[("p99", "incumbent")] = Histogram(edges, (0.0, 0.0, 0.0))
    await world.run(240, every=30)
    assert (evidence(world, "p99")["value"], evidence(world, "p99")["state"]) == (1, [])
    world.measures[("p99", "incumbent")] = world.measures[("p99", "candidate")]
    await until(world, "Baking", 7200)
    assert "early: shown to be no worse" in world.status["decisions"][-1]["message"]


async def test_scores_that_drift_from_the_incumbents_are_found():
    signal = {
        "name": "drift", "type": "Drift", "source": {"preset": "model-server"}, "compare": {},
    }  # fmt: skip
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)
    edges = (0.25, 0.5, 0.75)
    world.measures[("drift", "incumbent")] = Histogram(edges, (400.0, 300.0, 200.0, 100.0))
    world.measures[("drift", "candidate")] = Histogram(edges, (200.0, 250.0, 280.0, 270.0))
    await until(world, "Reverted", 3600)
    assert world.condition("Promoted") == ("False", "Regression")
    assert "0.1 of PSI" in world.status["message"]
