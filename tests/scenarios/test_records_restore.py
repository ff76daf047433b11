"""A status that was lost: the records tell what serves."""

from datetime import timedelta

import pytest

from surefoot.engine.world import BackendWeight, Rival, Route
from tests.scenarios.memory import T0
from tests.scenarios.specs import candidate, workload
from tests.scenarios.test_records import at_weight, promoted, reverted
from tests.scenarios.world import World


async def test_status_lost_on_a_route_that_an_older_release_has_in_hand_moves_nothing():
    world = await at_weight(25)
    world.rivals = [Rival("fraud-b", "uid-b", T0 - timedelta(days=1), adopted=True)]
    world.applied_anew()
    await world.tick(1)
    assert world.weight() == 25
    assert world.condition("Stalled") == ("True", "RouteConflict")


@pytest.mark.parametrize("attempt", [10**9, 10**12, -1])
async def test_status_lost_and_a_restored_record_of_an_attempt_that_nobody_counts(attempt):
    world = await at_weight(25)
    (record,) = world.records.values()
    record["attempt"] = attempt
    world.applied_anew()
    world.reads(bad=500)
    await world.run(60)
    assert world.weight() == 0
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_status_lost_after_a_promotion_the_candidate_is_what_serves():
    world = await promoted()
    world.routes.clear()  # a managed route is in no Git
    world.applied_anew()
    await world.tick()
    assert world.phase == "Idle"
    assert world.status["incumbent"]["workload"] == "fraud-v42"
    assert world.status["incumbent"]["version"] == "42"
    assert world.routes["fraud"].rules == ((BackendWeight("fraud-v42", 80, 100),),)
    assert "as its ReleaseRecords say" in world.status["decisions"][0]["message"]
    assert [p["outcome"] for p in world.status["history"]] == ["Promoted", "Promoted"]


async def test_status_lost_after_a_revert_it_stays_reverted():
    world = await reverted()
    world.routes.clear()
    world.measures.clear()
    world.applied_anew()
    await world.run(120)
    assert world.phase == "Reverted"
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.routes["fraud"].rules[0][0] == BackendWeight("fraud-v41", 80, 100)
    assert world.weight() == 0
    world.act("Retry")
    await world.until("Idle")
    assert [r["attempt"] for r in world.accounts] == [1, 2]


async def test_status_lost_after_a_revert_that_was_acknowledged_the_candidate_gets_nothing():
    world = await reverted()
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.until("Idle")
    world.applied_anew()
    await world.until("Idle")
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.weights[-1] == 0


async def test_a_version_promoted_before_the_status_was_lost_can_be_gone_back_to_at_once():
    world = await promoted()
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert world.condition("Promoted") == ("True", "RolledBack")
    world.applied_anew()
    await world.tick()
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    world.weights.clear()
    world.apply(candidate=candidate("42"))
    await world.tick(1)
    assert world.weights == [100]
    assert world.condition("Promoted") == ("True", "RolledBack")


async def test_a_route_that_gives_the_recorded_version_nothing_wins():
    world = await promoted()
    world.routes["fraud"] = Route(
        "fraud", 1, True,
        ((BackendWeight("fraud-v41", 80, 100), BackendWeight("fraud-v42", 80, 0)),),
    )  # fmt: skip
    world.applied_anew()
    world.weights.clear()
    await world.tick()
    assert "(fraud-v41) is what serves: adopted" in world.status["decisions"][0]["message"]
    # It was promoted before, so it need not take the steps again.
    assert set(world.weights) == {0, 100}
    assert world.condition("Promoted") == ("True", "RolledBack")


@pytest.mark.parametrize("lost", ["workloads", "services"])
async def test_what_a_record_names_must_be_there(lost):
    world = await promoted()
    world.routes.clear()
    getattr(world, lost).pop("fraud-v42")
    world.applied_anew()
    await world.tick()
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_status_lost_mid_flight_the_traffic_goes_back_and_the_release_starts_anew():
    world = await at_weight(25)
    world.weights.clear()
    world.applied_anew("uid-fraud")
    await world.tick(1)
    assert world.weights[0] == 0
    assert end_of_first(world) == ("Superseded", "StatusLost")
    assert world.condition("Promoted")[0] == "Unknown"
    await world.until("Idle")
    assert list(dict.fromkeys(world.weights)) == [0, 10, 25, 50, 100]
    assert [r["attempt"] for r in world.accounts] == [1, 2]


def end_of_first(world: World) -> tuple[str, str]:
    end = world.accounts[0]["end"]
    return end["outcome"], end["reason"]


async def test_status_lost_in_the_bake_the_candidate_is_not_taken_for_what_serves():
    world = await at_weight(100)
    world.applied_anew("uid-fraud")
    await world.tick(1)
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.weights[-1] == 0 or world.weight() == 0


async def test_applied_anew_after_a_delete_that_nobody_saw_the_traffic_goes_back_first():
    world = await at_weight(25)
    world.applied_anew()
    world.weights.clear()
    await world.tick(1)
    assert world.weights[0] == 0
    assert end_of_first(world) == ("Superseded", "StatusLost")


async def test_an_invalid_spec_does_not_keep_the_traffic_from_going_back():
    world = await at_weight(25)
    world.applied_anew()
    world.apply(steps="none")
    await world.tick(1)
    assert world.weight() == 0
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_on_another_route_the_traffic_goes_back_on_the_old_one_first():
    world = await at_weight(25)
    both = (BackendWeight("fraud-v41", 80, 100), BackendWeight("fraud-v42", 80, 0))
    world.routes["other"] = Route("other", 1, False, (both,))
    world.applied_anew()
    world.apply(traffic={"route": {"kind": "HTTPRoute", "name": "other"}})
    await world.tick(1)
    assert world.weight("fraud") == 0


async def test_status_lost_mid_flight_with_an_incumbent_that_cannot_serve_the_weights_stay():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.applied_anew("uid-fraud")
    await world.run(60)
    assert world.weight() == 25
    assert world.status["reason"] == "BothArmsBroken"
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(10)
    assert world.weights[-1] in (0, 10)
    assert end_of_first(world) == ("Superseded", "StatusLost")


async def test_without_the_incumbent_of_an_open_record_nobody_is_taken_for_what_serves():
    world = await at_weight(25)
    del world.workloads["fraud-v41"]
    world.applied_anew()
    world.apply(incumbent=None)
    await world.tick(1)
    assert (world.phase, world.weight()) == ("Stalled", 25)
    assert world.condition("Stalled") == ("True", "WorkloadMissing")
    assert "Deployment fraud-v41" in world.status["message"]
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(30)
    assert end_of_first(world) == ("Superseded", "StatusLost")


async def test_an_open_record_that_is_deleted_by_hand_stands_in_nobodys_way():
    world = await at_weight(25)
    del world.workloads["fraud-v41"]
    world.routes.clear()
    world.applied_anew()
    world.apply(incumbent=None)
    await world.tick(1)
    world.records.clear()
    await world.tick(30)
    assert world.status["incumbent"]["workload"] == "fraud-v42"


async def test_suspended_a_lost_status_moves_nothing():
    world = await at_weight(25)
    world.applied_anew("uid-fraud")
    world.apply(suspend=True)
    await world.tick(1)
    assert world.weight() == 25
    world.apply(suspend=False)
    await world.tick(1)
    assert end_of_first(world) == ("Superseded", "StatusLost")
