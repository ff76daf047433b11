"""Steps that are changed under way."""

from tests.scenarios.specs import workload
from tests.scenarios.stories import at_weight
from tests.scenarios.world import new_world


def steps(*weights):
    return [{"weight": weight, "hold": "20s"} for weight in weights]


async def test_fewer_steps_mid_flight_never_promote_below_100():
    world = await at_weight(25)
    world.weights.clear()
    world.apply(steps=steps(50))
    await world.until("Idle")
    assert world.weights == [50, 100]


async def test_a_changed_first_step_above_the_weight_is_not_skipped():
    world = await at_weight(10)
    world.weights.clear()
    world.apply(steps=steps(20, 40))
    await world.until("Idle")
    assert world.weights == [20, 40, 100]


async def test_steps_that_all_lie_below_the_weight_lead_to_100():
    world = await at_weight(50)
    world.weights.clear()
    world.apply(steps=steps(5, 10))
    await world.until("Idle")
    assert world.weights == [100]


async def test_steps_changed_while_it_waits_at_zero_begin_with_the_first_of_them():
    world = new_world()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=1)
    await world.tick(10)
    world.apply(steps=steps(30))
    world.workloads["fraud-v42"] = workload("fraud-v42")
    await world.until("Idle")
    assert [w for w in world.weights if w] == [30, 100]


async def test_steps_changed_in_the_bake_leave_it_baking():
    world = new_world(bake="1m")
    await world.until("Baking")
    world.apply(steps=steps(5, 10, 20, 30, 40))
    await world.tick(1)
    assert (world.phase, world.weight()) == ("Baking", 100)


async def test_a_change_of_the_summary_alone_leaves_the_step_as_it_is():
    world = await at_weight(25)
    await world.tick(10)
    before = world.status["step"]
    world.apply(summary="better recall")
    await world.tick(0)
    assert world.status["step"] == before
