"""Every status is saved at the second try, and no Event can be written meanwhile: all are told later."""

from datetime import timedelta

from surefoot.ports import TransientError
from tests.scenarios.stories import at_weight
from tests.scenarios.world import World


def twice(world: World) -> None:
    """Ten seconds pass; what is written is refused at the first try, and another one a second later."""
    world.now += timedelta(seconds=10)
    world.refused_at = 1
    for _ in range(8):
        world.now += timedelta(seconds=1)
        try:
            world.reconcile()
            world.refused_at = 1
        except TransientError:
            world.refused_at = None


def told(world: World, reason: str) -> int:
    return sum(each.reason == reason for each in world.events)


async def test_a_step_is_told_of_though_the_release_went_back_meanwhile() -> None:
    world = await at_weight(10)
    before = told(world, "StepReached")
    world.events_down = True
    while world.weight() == 10:
        twice(world)
    twice(world)
    assert world.weight() > 10
    world.reads(bad=500)
    while world.phase != "Reverted":
        twice(world)
    world.events_down, world.refused_at = False, None
    await world.run(60)
    assert told(world, "StepReached") == before + 1
    assert told(world, "ThresholdCrossed") == 1
