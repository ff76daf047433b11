"""Where stories begin: a release at a weight, and one that was promoted."""

from tests.scenarios.world import new_world


async def promoted(**changes):
    """A world in which v42 was promoted."""
    world = new_world(**changes)
    await world.until("Idle")
    return world


async def at_weight(percent, **changes):
    """A release that stands at a weight."""
    world = new_world(**changes)
    for _ in range(60):
        if world.status and world.weight() == percent:
            return world
        await world.tick(10)
    raise AssertionError(world.status)
