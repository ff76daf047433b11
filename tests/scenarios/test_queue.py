"""Stories of `onNewCandidate: Queue`: a new candidate waits until the running release has ended."""

from typing import Any

from tests.scenarios.specs import candidate, errors, workload
from tests.scenarios.world import World, new_world

WAITS = "43 (fraud-v43) waits until the release of 42 has ended (onNewCandidate: Queue)"


async def queued(**changes: Any) -> World:
    """v42 stands at 25 %, and Git names v43."""
    world = new_world(**{"onNewCandidate": "Queue", **changes})
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    for _ in range(20):
        if world.status and world.weight() == 25:
            break
        await world.tick(10)
    world.apply(candidate=candidate("43"), incumbent=None)
    world.weights.clear()
    await world.tick(1)
    return world


def running(world: World) -> str:
    return str(world.status["release"]["version"])


async def until_running(world: World, version: str) -> None:
    for _ in range(60):
        if running(world) == version:
            return
        await world.tick(10)
    raise AssertionError(world.status)


async def test_a_new_candidate_waits_and_the_status_says_what_for():
    world = await queued()
    assert (running(world), world.weight()) == ("42", 25)
    assert WAITS in world.status["message"]
    promoted = next(c for c in world.status["conditions"] if c["type"] == "Promoted")
    assert (promoted["status"], promoted["observedGeneration"]) == ("Unknown", world.generation)
    assert WAITS in promoted["message"]
    await world.run(20)
    assert world.reasons().count("Queued") == 1


async def test_it_starts_once_the_running_one_is_promoted_and_never_reads_as_promoted_before():
    world = await queued()
    seen = []
    while running(world) == "42":
        seen.append(world.condition("Promoted")[0])
        await world.tick(10)
    assert set(seen) == {"Unknown"}
    assert world.status["incumbent"]["version"] == "42"
    assert world.weights[:2] == [50, 100]
    await world.until("Idle")
    assert world.status["incumbent"]["version"] == "43"


async def test_it_starts_once_the_running_one_is_reverted_which_it_does_not_delay():
    world = await queued()
    world.reads(500)
    for _ in range(2):
        await world.tick(10)
    assert world.weights[0] == 0
    assert world.condition("Promoted")[0] == "Unknown"
    world.measures.clear()
    await until_running(world, "43")
    assert world.status["history"][-1]["reason"] == "ThresholdCrossed"


async def test_the_running_one_goes_on_by_its_own_steps_and_signals():
    world = await queued()
    strict = errors(threshold={"max": 0.001})
    world.apply(steps=[{"weight": 90, "hold": "30s"}], signals=[strict])
    world.reads(10)
    await until_running(world, "43")
    assert world.status["incumbent"]["version"] == "42"
    assert world.weights[:2] == [50, 100]
    assert "Valid" not in world.decided()


async def test_what_serves_does_not_wait():
    world = await queued()
    world.apply(candidate=candidate("41"))
    await world.tick(1)
    assert world.weights[-1] == 0
    await world.until("Idle")
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_a_version_that_was_promoted_before_does_not_wait():
    world = new_world(onNewCandidate="Queue")
    await world.until("Idle")
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"), incumbent=None)
    await world.run(40)
    assert (running(world), world.weight()) == ("43", 25)
    world.apply(candidate=candidate("41"))
    await world.tick(1)
    assert [p["outcome"] for p in world.status["history"]][-2:] == ["Superseded", "Promoted"]
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_supersede_in_the_spec_ends_the_wait():
    world = await queued()
    world.apply(onNewCandidate="Supersede")
    await until_running(world, "43")
    assert world.status["history"][-1]["outcome"] == "Superseded"


async def test_other_pods_in_the_running_deployment_supersede_all_the_same():
    world = await queued()
    world.workloads["fraud-v42"] = workload("fraud-v42", image="rebuilt")
    await until_running(world, "43")
    assert world.status["history"][-1]["outcome"] == "Superseded"


async def test_a_running_deployment_that_is_gone_reverts():
    world = await queued()
    del world.workloads["fraud-v42"]
    await world.tick(1)
    assert world.status["history"][-1]["reason"] == "CandidateDeleted"


async def test_another_route_supersedes_all_the_same():
    world = await queued()
    traffic = {"managedRoute": {"parentRefs": [{"name": "public"}], "hostnames": ["b.example"]}}
    world.apply(traffic=traffic)
    await world.tick(1)
    assert "Superseded" in world.decided()


async def test_a_candidate_whose_deployment_is_not_there_yet_waits_too():
    world = await queued()
    del world.workloads["fraud-v43"]
    await world.tick(10)
    assert (running(world), WAITS in world.status["message"]) == ("42", True)


async def test_suspend_counts_at_once():
    world = await queued()
    world.apply(suspend=True)
    await world.tick(1)
    assert world.phase == "Suspended"
    world.apply(suspend=False)
    await world.tick(1)
    assert (running(world), world.weight()) == ("42", 25)
    await until_running(world, "43")


async def test_a_status_that_was_damaged_has_no_plan_to_go_on_by():
    world = await queued()
    world.status["release"]["acceptedSpec"] = {}
    await until_running(world, "43")
    assert world.status["history"][-1]["outcome"] == "Superseded"


async def test_deleted_while_one_waits_the_traffic_goes_back():
    world = await queued()
    world.deleted = True
    await world.tick(1)
    assert world.weight() == 0


async def test_a_class_may_say_it_for_many():
    world = new_world(releaseClassName="tier1")
    world.classes["tier1"] = {"onNewCandidate": "Queue", "locked": ["onNewCandidate"]}
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    await world.until("Progressing")
    world.apply(candidate=candidate("43"), incumbent=None)
    await world.tick(1)
    assert running(world) == "42"
    assert WAITS in world.status["message"]


async def test_a_class_that_locks_it_refuses_another_word():
    world = new_world(releaseClassName="tier1", onNewCandidate="Supersede")
    world.classes["tier1"] = {"onNewCandidate": "Queue", "locked": ["onNewCandidate"]}
    await world.tick()
    assert "onNewCandidate is Supersede: it must be exactly Queue" in world.status["message"]
