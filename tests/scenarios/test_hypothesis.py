"""A stated hope: tested beside the guards, told with the outcome, waited for where it is required."""

import json

import pytest

from surefoot.stats.measures import Counts, Histogram, LabeledHistogram, Ratio
from tests.scenarios.memory import CrashError
from tests.scenarios.specs import errors, workload
from tests.scenarios.world import NO_PROMETHEUS, new_world

# The quick tier has others of the kind.
pytestmark = pytest.mark.slow

MINUTE = {"interval": "30s", "warmup": "0s", "evidenceInterval": "60s"}
LONG = [{"weight": w, "hold": "20m"} for w in (10, 25, 50)]
SALES = {
    "name": "sales",
    "type": "Business",
    "source": {"numerator": "orders_total", "denominator": "requests_total"},
    "threshold": {"min": 0.001, "window": "30s"},
}


def hopeful(improve_by=None, signals=None, **hope):
    """A release that hopes for fewer errors, by 20 % unless told otherwise."""
    hypothesis = {"signal": "errors", "improveBy": improve_by or {"relative": 0.2}, **hope}
    return new_world(
        signals=signals or [errors()],
        steps=LONG,
        bake="5m",
        analysis=MINUTE,
        hypothesis=hypothesis,
    )


def reads(world, incumbent, candidate, name="errors"):
    world.measures[(name, "incumbent")] = incumbent
    world.measures[(name, "candidate")] = candidate


def hope(world):
    return world.status["hypothesis"]


async def until(world, phase, most=9000):
    for _ in range(most // 30):
        await world.tick(30)
        if world.phase == phase:
            return
    raise AssertionError(f"{world.phase}: {world.status['message']}")


async def test_errors_that_halve_reach_a_hope_of_a_fifth_and_the_account_says_so():
    world = hopeful()
    reads(world, Counts(60, 6000), Counts(30, 6000))
    await until(world, "Idle")
    assert hope(world)["verdict"] == "Reached"
    assert hope(world)["low"] >= 0.2
    assert hope(world)["low"] <= hope(world)["estimate"] == 0.5 <= hope(world)["high"]
    promoted = next(e for e in world.events if e.reason == "Promoted")
    assert "Hypothesis reached: 20 % better expected of errors, 50 % seen" in promoted.message
    assert promoted.message == world.status["release"]["message"]


async def test_what_stays_the_same_does_not_reach_it_and_is_promoted_all_the_same():
    world = hopeful()
    reads(world, Counts(300, 6000), Counts(300, 6000))
    await until(world, "Idle")
    assert hope(world)["verdict"] == "NotReached"
    assert "Hypothesis not reached" in world.status["release"]["message"]


async def test_too_little_traffic_is_said_to_be_that():
    world = hopeful()
    reads(world, Counts(1, 30), Counts(1, 30))
    await world.run(1200, every=30)
    assert hope(world)["verdict"] == "Testing"
    assert hope(world)["message"].startswith("not decided yet")
    await until(world, "Idle")
    assert hope(world)["verdict"] == "NotDecidable"
    assert "not decidable with this traffic" in world.status["release"]["message"]


async def test_a_revert_tells_how_far_the_hope_had_come():
    world = hopeful()
    reads(world, Counts(60, 6000), Counts(50, 6000))
    await world.run(900, every=30)
    reads(world, Counts(60, 6000), Counts(1000, 6000))
    await until(world, "Reverted")
    assert hope(world)["verdict"] == "NotDecidable"
    assert "Hypothesis not decidable" in world.status["release"]["message"]
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


async def test_a_required_hope_is_waited_for_before_the_bake():
    world = hopeful(required=True)
    reads(world, Counts(60, 6000), Counts(46, 6000))
    await world.run(4500, every=30)
    assert world.status["reason"] == "HypothesisOpen"
    assert world.weight() == 50
    assert "decided after about" in world.status["message"]
    assert world.condition("Stalled")[0] == "False"
    assert world.reasons().count("HypothesisOpen") == 1
    reads(world, Counts(60, 6000), Counts(10, 6000))
    await until(world, "Idle")
    assert hope(world)["verdict"] == "Reached"


async def test_a_required_hope_that_is_lost_asks_for_a_person():
    world = hopeful(required=True)
    reads(world, Counts(300, 6000), Counts(300, 6000))
    await world.run(4500, every=30)
    assert world.status["reason"] == "HypothesisNotReached"
    assert world.condition("Stalled") == ("True", "HypothesisNotReached")
    assert "spec.hypothesis.required to false" in world.status["message"]
    world.apply(hypothesis={**world.spec["hypothesis"], "required": False})
    await until(world, "Idle")


async def test_waiting_for_a_required_hope_ends_at_max_duration():
    world = hopeful(required=True)
    world.spec["maxDuration"] = "70m"
    reads(world, Counts(60, 6000), Counts(46, 6000))
    await world.run(4800, every=30)
    assert world.status["reason"] == "MaxDurationExceeded"
    assert world.weight() == 50


async def test_a_rollback_hopes_for_nothing():
    world = hopeful(required=True)
    reads(world, Counts(60, 6000), Counts(10, 6000))
    await until(world, "Idle")
    reads(world, Counts(60, 6000), Counts(60, 6000))
    back = {"version": "fraud-v41", "workloadRef": {"name": "fraud-v41"}}
    world.apply(candidate=back, incumbent=None)
    await until(world, "Idle", 600)
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert "hypothesis" not in world.status
    assert "Hypothesis" not in world.status["release"]["message"]


async def test_what_failed_to_start_says_nothing_of_the_hope():
    world = hopeful()
    world.spec["startDeadline"] = "1m"
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await until(world, "Reverted")
    assert "Hypothesis" not in world.status["release"]["message"]


async def test_an_interval_counts_once_though_the_operator_restarts():
    world = hopeful()
    reads(world, Counts(60, 6000), Counts(50, 6000))
    await world.run(630, every=30)
    once = hope(world)
    for _ in range(5):
        await world.tick(0)
    assert hope(world)["intervals"] == once["intervals"]
    world.crash_after = 1
    with pytest.raises(CrashError):
        await world.run(150, every=30)
    await world.run(60, every=30)
    assert hope(world)["intervals"] <= once["intervals"] + 3
    assert len(json.dumps(hope(world)["state"])) <= 200


async def test_an_outage_of_prometheus_is_caught_up():
    world = hopeful()
    reads(world, Counts(60, 6000), Counts(50, 6000))
    await world.run(300, every=30)
    before = hope(world)["intervals"]
    world.trouble = NO_PROMETHEUS
    await world.run(300, every=30)
    assert hope(world)["intervals"] <= before + 1
    world.trouble = None
    await world.run(120, every=30)
    assert hope(world)["intervals"] >= before + 6


async def test_another_hope_begins_anew_and_another_target_does_not():
    world = hopeful()
    reads(world, Counts(60, 6000), Counts(30, 6000))
    await world.run(900, every=30)
    assert hope(world)["intervals"] > 5
    world.apply(hypothesis={"signal": "errors", "improveBy": {"relative": 0.4}})
    await world.run(60, every=30)
    assert hope(world)["intervals"] > 5
    assert hope(world)["expected"] == 0.4
    world.apply(hypothesis={"signal": "errors", "improveBy": {"absolute": 0.001}})
    await world.run(60, every=30)
    assert hope(world)["intervals"] <= 2
    world.apply(hypothesis=None)
    await world.run(30, every=30)
    assert "hypothesis" not in world.status


async def test_a_signal_with_both_is_asked_once():
    world = hopeful(signals=[errors(compare={})])
    reads(world, Counts(60, 6000), Counts(50, 6000))
    await world.run(600, every=30)
    for asked in world.metrics.asked:
        keys = [q.key for q in asked]
        assert len(keys) == len(set(keys))
    assert hope(world)["until"] == world.status["evidence"]["signals"][0]["until"]


async def test_a_slower_share_that_shrinks_is_an_improvement_of_latency():
    signal = {
        "name": "p99", "type": "Latency", "source": {"preset": "envoy"}, "quantile": 0.99,
        "threshold": {"max": 1.0, "window": "30s"},
    }  # fmt: skip
    world = hopeful(signals=[signal], signal="p99")
    edges = (0.05, 0.1, 0.25, 0.5)
    slow = Histogram(edges, (5000.0, 500.0, 250.0, 200.0, 50.0))
    quick = Histogram(edges, (5400.0, 400.0, 100.0, 90.0, 10.0))
    reads(world, slow, quick, "p99")
    await until(world, "Idle")
    assert hope(world)["verdict"] == "Reached"
    assert hope(world)["state"][7] == 0.25
    assert hope(world)["estimate"] == pytest.approx(0.6)


async def test_more_recall_is_counted_in_points():
    signal = {
        "name": "recall", "type": "Performance", "metric": "Recall", "decisionThreshold": 0.5,
        "source": {"preset": "model-server"}, "threshold": {"min": 0.1, "window": "30s"},
    }  # fmt: skip
    world = hopeful({"absolute": 0.015}, [signal], signal="recall")
    none = (500.0, 500.0, 0.0)
    reads(
        world,
        LabeledHistogram((0.5, 1.0), (200.0, 800.0, 0.0), none),
        LabeledHistogram((0.5, 1.0), (140.0, 860.0, 0.0), none),
        "recall",
    )
    await until(world, "Idle")
    assert hope(world)["verdict"] == "Reached"
    assert "0.015 better expected of recall, 0.06 seen" in hope(world)["message"]


@pytest.mark.parametrize(("better", "verdict"), [("Higher", "Reached"), ("Lower", "NotReached")])
async def test_a_business_ratio_says_itself_which_way_is_better(better, verdict):
    world = hopeful({"relative": 0.1}, [SALES], signal="sales", better=better)
    reads(world, Ratio(300.0, 6000.0), Ratio(390.0, 6000.0), "sales")
    await until(world, "Idle")
    assert hope(world)["verdict"] == verdict


async def test_nothing_to_compare_is_not_decidable():
    world = hopeful()
    reads(world, Counts(0, 6000), Counts(0, 6000))
    await until(world, "Idle")
    assert hope(world)["verdict"] == "NotDecidable"
    assert "nothing could be compared" in hope(world)["message"]


async def test_a_state_that_makes_no_sense_begins_anew():
    world = hopeful()
    reads(world, Counts(60, 6000), Counts(30, 6000))
    await world.run(900, every=30)
    world.status["hypothesis"]["state"] = [1.0, 2.0]
    await until(world, "Idle")
    assert hope(world)["verdict"] == "Reached"


async def test_a_target_that_is_as_good_as_met_is_hardly_ever_decided():
    world = hopeful({"relative": 0.5})
    reads(world, Counts(60, 6000), Counts(30, 6000))
    await world.run(2400, every=30)
    assert hope(world)["verdict"] == "Testing"
    assert "with this traffic it will hardly be decided" in hope(world)["message"]


async def test_a_ratio_to_next_to_nothing_is_no_number_that_is_told():
    world = hopeful({"relative": 0.1}, [SALES], signal="sales", better="Higher")
    reads(world, Ratio(1e-310, 6000.0), Ratio(390.0, 6000.0), "sales")
    await world.run(2400, every=30)
    assert hope(world)["intervals"] > 0
    json.dumps(hope(world), allow_nan=False)
    assert "inf" not in hope(world)["message"]
