"""Latency is compared only where the arms have alike to do: else the interval says why, and is not bet on."""

from dataclasses import replace

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.measures import Histogram
from tests.scenarios.specs import workload
from tests.scenarios.world import new_world

MINUTE = {"interval": "30s", "warmup": "0s", "evidenceInterval": "60s"}
LONG = [{"weight": w, "hold": "20m"} for w in (10, 25, 50)]
EDGES = (0.05, 0.1, 0.25, 0.5)
QUICK = Histogram(EDGES, (5000.0, 700.0, 250.0, 45.0, 5.0))
SLOW = Histogram(EDGES, (5000.0, 500.0, 250.0, 200.0, 50.0))


def compared(replicas=(2, 2), **changes):
    signal = {
        "name": "p99", "type": "Latency", "source": {"preset": "envoy"}, "quantile": 0.99,
        "compare": {},
    }  # fmt: skip
    world = new_world(signals=[signal], steps=LONG, bake="5m", analysis=MINUTE, **changes)
    for name, count in zip(("fraud-v41", "fraud-v42"), replicas, strict=True):
        world.workloads[name] = workload(name, replicas=count)
    return world


def of(shape, share, seconds):
    """A share of a histogram's requests, whose durations add up to so many seconds a minute."""
    return replace(shape, counts=tuple(share * c for c in shape.counts), total=60.0 * seconds)


def reads(world, incumbent, candidate):
    world.measures[("p99", "incumbent")] = incumbent
    world.measures[("p99", "candidate")] = candidate


async def until(world, phase, most=9000):
    for _ in range(most // 30):
        await world.tick(30)
        if world.phase == phase:
            return
    raise AssertionError(f"{world.phase}: {world.status['message']}")


def evidence(world):
    return world.status["evidence"]["signals"][0]


async def test_an_overloaded_candidate_is_inconclusive_with_the_numbers_and_not_reverted():
    # A tenth of the traffic on one pod of ten: as much for each. Here it has one of twenty.
    world = compared(replicas=(20, 1))
    reads(world, of(QUICK, 0.9, 20.0), of(SLOW, 0.1, 8.0))
    await world.run(1800, every=30)
    assert world.status["reason"] == "SignalInconclusive"
    assert "8 requests in flight per replica of the candidate" in world.status["message"]
    assert "1 of the incumbent" in world.status["message"]
    assert world.status["signals"][0]["verdict"] == "Inconclusive"
    assert evidence(world)["value"] == 1.0
    assert evidence(world)["intervals"] >= 10
    assert world.weight() == 10


async def test_an_idle_candidate_is_inconclusive_too():
    world = compared(replicas=(2, 2))
    reads(world, of(QUICK, 0.9, 20.0), of(QUICK, 0.1, 1.0))
    await world.run(1800, every=30)
    assert world.status["reason"] == "SignalInconclusive"
    assert "scale the candidate to its share of the traffic" in world.status["message"]


async def test_once_the_candidate_is_scaled_it_goes_on():
    world = compared(replicas=(20, 1))
    reads(world, of(QUICK, 0.9, 20.0), of(QUICK, 0.1, 8.0))
    await world.run(1500, every=30)
    assert world.weight() == 10
    world.workloads["fraud-v42"] = replace(world.workloads["fraud-v42"], replicas=4, available=4)
    reads(world, of(QUICK, 0.9, 20.0), of(QUICK, 0.1, 4.0))
    await until(world, "Idle")


async def test_a_candidate_that_is_slow_at_the_same_rate_is_found():
    world = compared(replicas=(18, 2))
    reads(world, of(QUICK, 0.9, 20.0), of(SLOW, 0.1, 8.0))
    await until(world, "Reverted", 3600)
    assert world.condition("Promoted") == ("False", "Regression")


async def test_where_hardly_anything_is_in_flight_a_small_share_is_no_obstacle():
    world = compared(replicas=(2, 2))
    reads(world, of(QUICK, 0.9, 1.5), of(QUICK, 0.1, 0.1))
    await until(world, "Idle")


async def test_without_a_sum_of_durations_it_is_compared_as_it_is():
    world = compared(replicas=(20, 1))
    reads(world, QUICK, SLOW)
    await until(world, "Reverted", 3600)


async def test_a_hope_for_latency_does_not_count_such_intervals_either():
    hope = {"signal": "p99", "improveBy": {"relative": 0.2}}
    world = compared(replicas=(2, 2), hypothesis=hope)
    reads(world, of(SLOW, 0.9, 20.0), of(QUICK, 0.1, 1.0))
    await world.run(1200, every=30)
    assert world.status["hypothesis"]["state"] == []
    assert world.status["hypothesis"]["verdict"] == "Testing"


async def test_an_arm_without_an_answer_is_missing_and_not_unlike():
    world = compared(replicas=(20, 1))
    nothing = Problem(ProblemKind.EMPTY, "no samples")
    reads(world, of(QUICK, 0.9, 20.0), nothing)
    await world.run(900, every=30)
    assert evidence(world)["intervals"] > 3
    assert not evidence(world).get("unlike")
