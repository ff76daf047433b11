"""What is to be asked next is known a tick before: as it was foreseen, so it is asked."""

from datetime import timedelta

import pytest

from surefoot.engine.rules_hands import MOST_BACKOFF_S
from surefoot.reconcile import ANSWERED, reconcile
from tests.scenarios.memory import KEY
from tests.scenarios.specs import errors
from tests.scenarios.stories import at_weight
from tests.scenarios.world import World

TIMES = {"interval": "10s", "evidenceInterval": "60s", "warmup": "0s"}


async def course(*, hypothesis: bool) -> World:
    """A release from its first split to the end, looked at every ten seconds."""
    signals = [errors(compare={"revertMargin": {"relative": 0.5}})]
    hope = (
        {"signal": "errors", "improveBy": {"relative": 0.2}, "required": False}
        if hypothesis
        else None
    )
    steps = [{"weight": weight, "hold": "5m"} for weight in (10, 50)]
    world = await at_weight(
        10, signals=signals, steps=steps, analysis=TIMES, bake="5m", hypothesis=hope
    )
    for _ in range(200):
        await world.tick(10)
    return world


@pytest.mark.parametrize("hypothesis", [False, True])
async def test_what_was_foreseen_is_what_is_asked(hypothesis: bool) -> None:
    world = await course(hypothesis=hypothesis)
    assert "Promoted" in world.decided()
    pairs = world.metrics.foreseen
    assert len(pairs) > 80
    assert any(each.end is not None for foreseen, _ in pairs for each in foreseen)
    for foreseen, asked in pairs:
        assert list(foreseen) == list(asked)


async def test_a_look_is_put_off_until_the_answers_are_there_and_no_longer() -> None:
    world = await at_weight(10, steps=[{"weight": 10, "hold": "5m"}], analysis=TIMES)
    report = await world.tick(10)
    due = world.metrics.due(KEY)
    assert due is not None
    assert report.requeue is not None
    assert due <= world.now + report.requeue <= due + ANSWERED


async def test_a_weight_that_is_put_right_again_and_again_waits_for_no_answer() -> None:
    world = await at_weight(10, steps=[{"weight": 10, "hold": "30m"}], analysis=TIMES)
    for _ in range(5):
        world.edit_weight(90)
        await world.tick(2.1)
    while (due := world.metrics.due(KEY)) is None or due - world.now > timedelta(seconds=1.2):
        await world.tick(0.5)
    world.edit_weight(90)
    await world.tick(0.1)
    world.edit_weight(90)
    world.advance(0.05)
    report = await reconcile(KEY, world.ports, world.now)
    assert (world.status["reason"], world.weight()) == ("WeightFight", 90)
    assert report.requeue is not None
    assert report.requeue <= timedelta(seconds=MOST_BACKOFF_S)
