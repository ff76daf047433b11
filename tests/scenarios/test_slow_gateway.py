"""Between a write and its verification: a Gateway that takes its time, a tool that puts weights back."""

import pytest

from tests.scenarios.stories import at_weight
from tests.scenarios.world import World, new_world


async def just_written(percent: int) -> World:
    """A release whose weight was written a moment ago, by a Gateway that has not judged it."""
    world = await at_weight(10)
    wrote = world.wrote

    def judged_later(kind: str) -> None:
        wrote(kind)
        if kind == "route" and world.weight() == percent:
            world.accepts = None

    world.wrote = judged_later
    for _ in range(20):
        if world.weight() == percent:
            return world
        await world.tick(10)
    raise AssertionError(world.status)


@pytest.mark.parametrize("lowered", [0, 5, 15])
async def test_a_weight_that_is_lowered_before_it_was_verified_is_left_alone(lowered):
    world = await just_written(25)
    world.edit_weight(lowered)
    await world.tick(1)
    assert world.weight() == lowered
    assert world.status["reason"] == "WeightLowered"
    world.accepts = True
    world.act("Resume")
    await world.tick(10)
    assert world.weight() == 25


async def test_what_a_slow_gateway_has_not_judged_is_known_to_the_next_operator():
    world = await just_written(25)
    await world.tick(2)
    assert world.status["traffic"]["written"] == 25
    assert not world.status["step"].get("verifiedAt")
    world.restart()
    world.edit_weight(10)
    await world.tick(1)
    assert world.weight() == 10
    assert world.status["reason"] == "WeightLowered"


async def test_waiting_for_a_gateway_writes_the_status_once():
    world = await just_written(25)
    await world.tick(2)
    written = world.writes.count("status")
    for _ in range(5):
        await world.tick(1)
    assert world.writes.count("status") == written


async def test_a_gateway_that_is_quick_costs_no_write():
    world = await just_written(25)
    written = world.writes.count("status")
    world.accepts = True
    await world.tick(0)
    assert world.status["step"]["verifiedAt"]
    assert world.writes.count("status") == written + 1


@pytest.mark.parametrize(("written", "lowered"), [(10, 0), (25, 10), (25, 0)])
async def test_a_weight_that_a_tool_puts_back_before_it_was_seen_is_left_alone(written, lowered):
    world, put_back = new_world(), []
    wrote = world.wrote

    def and_back(kind: str) -> None:
        wrote(kind)
        if kind == "route" and world.weight() == written and not put_back:
            put_back.append(written)
            world.edit_weight(lowered)

    world.wrote = and_back
    await world.until("Paused")
    assert put_back
    assert world.weight() == lowered
    assert world.status["reason"] == "WeightLowered"
    world.act("Resume")
    await world.tick(10)
    assert world.weight() == written
