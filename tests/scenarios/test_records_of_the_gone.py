"""A ModelRelease that is gone: its open record takes the traffic back, and is sealed."""

from datetime import timedelta

import pytest

from surefoot.engine.world import BackendWeight, Rival, Route
from surefoot.reconcile import reconcile
from tests.scenarios.memory import KEY, T0
from tests.scenarios.specs import workload
from tests.scenarios.test_records import at_weight, end_of, reach
from tests.scenarios.world import given_world, new_world


async def test_deleted_mid_flight_takes_the_traffic_back_and_seals_the_record():
    world = await at_weight(25)
    world.deleted = True
    await world.tick()
    assert world.weight() == 0
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Reverted", "Deleted")
    assert end_of(world)["message"] == (
        "deleted at 25 %: all of the traffic goes back to the incumbent"
    )


async def test_deleted_while_the_operator_was_down_takes_the_traffic_back_too():
    world = await at_weight(25)
    world.deleted_while_down()
    report = await world.tick(3600)
    assert world.weight() == 0
    assert report.requeue is None
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Reverted", "Deleted")
    assert "deleted at 25 %" in end_of(world)["message"]
    assert (await reconcile(KEY, world.ports, world.now)).decision is None


async def test_what_happened_to_it_is_told_also_where_no_event_could_be_written_for_long():
    world = await at_weight(25)
    world.deleted_while_down()
    world.restart()
    world.forgotten, world.events_down = False, True
    await world.run(40)
    assert world.weight() == 0
    assert world.reasons().count("Deleted") == 0
    world.events_down = False
    await world.run(40)
    assert world.reasons().count("Deleted") == 1
    assert end_of(world)["reason"] == "Deleted"


async def test_deleted_while_the_operator_was_down_the_smallest_share_goes_back_too():
    world = given_world(steps=[{"weight": 1, "hold": "1h"}])
    heavy = (BackendWeight("fraud-v41", 80, 1000), BackendWeight("fraud-v42", 80, 0))
    await reach(world, 1)
    world.routes["fraud"] = Route(
        "fraud", 9, False, ((heavy[0], BackendWeight("fraud-v42", 80, 1)),)
    )
    world.deleted_while_down()
    await world.tick(1)
    assert world.weight() == 0


async def test_deleted_while_the_operator_was_down_with_leave_the_weights_stay():
    world = await at_weight(25, onDelete="Leave")
    world.deleted_while_down()
    await world.tick(1)
    assert world.weight() == 25
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Left", "Deleted")


async def test_deleted_before_any_traffic_only_the_record_is_sealed():
    world = new_world()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.tick()
    world.deleted_while_down()
    await world.tick(1)
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Reverted", "Deleted")


async def test_deleted_while_the_route_is_gone_there_is_nothing_to_take_back():
    world = await at_weight(25)
    world.routes.clear()
    world.deleted_while_down()
    await world.tick(1)
    assert end_of(world)["outcome"] == "Reverted"


async def test_deleted_while_suspended_hands_stay_off():
    world = await at_weight(25)
    world.apply(suspend=True)
    await world.tick(1)
    world.deleted = True
    await world.tick(1)
    assert world.weight() == 25
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Left", "Suspended")


async def test_deleted_without_an_incumbent_that_serves_it_is_tried_until_it_can_be_done():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.deleted = True
    report = await world.tick(1)
    assert world.weight() == 25
    assert end_of(world) == {}
    assert report.requeue == timedelta(seconds=30)
    world.unseen = True
    world.workloads["fraud-v41"] = workload("fraud-v41")
    report = await world.tick(30)
    assert world.weight() == 0
    assert end_of(world)["outcome"] == "Reverted"
    assert report.requeue is None


@pytest.mark.parametrize("unseen", [False, True])
async def test_a_delete_that_has_to_wait_is_told_once_and_its_end_once(unseen):
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.deleted, world.unseen = True, unseen
    await world.run(300, every=30)
    assert world.weight() == 25
    assert world.reasons().count("Deleted") == 1
    world.unseen = True
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.run(60, every=30)
    assert world.weight() == 0
    assert [e.warning for e in world.events if e.reason == "Deleted"] == [True, False]


async def test_a_delete_that_a_foreign_finalizer_keeps_is_not_recorded_again():
    world = await at_weight(25)
    world.deleted = True
    await world.tick(1)
    world.forgotten = False
    await world.tick(1)
    assert len(world.records) == 1


async def test_a_route_that_another_release_has_in_hand_is_not_touched_for_one_that_is_gone():
    world = await at_weight(25)
    world.rivals = [Rival("fraud-b", "uid-b", T0, adopted=True)]
    world.deleted_while_down()
    await world.tick(1)
    assert (world.weight(), end_of(world)) == (25, {})
    world.rivals = []
    await world.tick(30)
    assert world.weight() == 0
