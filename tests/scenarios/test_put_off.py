"""No room to write numbers that have moved: they are kept in memory, and lost with the process."""

from surefoot.stats.measures import Counts
from tests.scenarios.specs import errors
from tests.scenarios.stories import at_weight
from tests.scenarios.world import World


async def holding(busy: bool) -> World:
    """A long hold with a comparison; all of its numbers move at each look."""
    compared = errors(compare={"revertMargin": {"relative": 0.5}})
    steps = [{"weight": 10, "hold": "1h"}]
    times = {"interval": "10s", "evidenceInterval": "60s", "warmup": "0s"}
    world = await at_weight(10, signals=[compared], steps=steps, analysis=times)
    world.busy = busy
    return world


async def look(world: World, times: int) -> None:
    for number in range(times):
        world.measures["errors", "candidate"] = Counts(1 + number % 3, 1000 + number)
        await world.tick(10)


async def test_numbers_that_move_are_not_written_while_there_is_no_room():
    world = await holding(busy=True)
    await look(world, 3)
    written = world.writes.count("status")
    await look(world, 30)
    assert world.writes.count("status") == written
    assert world.ahead is not None
    assert world.ahead["signals"][0]["value"] != world.status["signals"][0].get("value")
    assert world.ahead["step"]["coveredSeconds"] > world.status["step"]["coveredSeconds"] + 200


async def test_with_the_next_decision_all_of_them_are_written():
    world = await holding(busy=True)
    await look(world, 30)
    known = world.ahead
    world.act("Pause")
    await world.tick(1)
    assert world.ahead is None
    assert known is not None
    assert world.status["evidence"]["signals"] == known["evidence"]["signals"]
    assert world.status["step"]["coveredSeconds"] >= known["step"]["coveredSeconds"]


async def test_evidence_that_was_lost_with_a_process_is_measured_again():
    calm, busy = await holding(busy=False), await holding(busy=True)
    for world in (calm, busy):
        world.reads(bad=3)
        await world.run(600)
    busy.restart()
    for world in (calm, busy):
        await world.run(60)
    found = busy.ahead or busy.status
    assert found["evidence"]["signals"][0]["intervals"] > 8
    assert found["evidence"] == calm.status["evidence"]


async def test_crossings_in_a_row_are_no_number_that_may_be_put_off():
    limit = errors(threshold={"consecutive": 3})
    world = await at_weight(10, signals=[limit], steps=[{"weight": 10, "hold": "1h"}])
    world.busy = True
    await world.run(30)
    world.reads(bad=500)
    for _ in range(2):
        before = world.writes.count("status")
        await world.tick(10)
        await world.tick(0)
        world.restart()
        assert world.writes.count("status") > before
    await world.run(30)
    assert world.weight() == 0
