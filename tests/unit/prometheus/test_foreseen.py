"""What is to be asked next is asked when it is due, without a tick that says so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest_asyncio

from tests.unit.prometheus.builders import ago, question
from tests.unit.prometheus.counting_server import KEY, World, asked, value

SOON = ago(0.05)


class Foreseeing(World):
    """A release that is looked at every 50 ms; by the `clock`, every question comes in time."""

    late = timedelta(0)

    def clock(self) -> datetime:
        due = self.metrics.due(KEY)
        assert due is not None
        return due + self.late

    async def answered_once(self) -> datetime:
        """When it is to be asked for next."""
        self.connect(self.server.port, scrape=SOON, clock=self.clock)
        assert self.metrics.collect(KEY, [asked()], self.now, SOON) is None
        assert self.metrics.due(KEY) is None, "it is asked for already"
        await self.finished()
        assert value(self.metrics.collect(KEY, [asked()], self.now, SOON)) == 1
        due = self.metrics.due(KEY)
        assert due is not None
        return due


@pytest_asyncio.fixture
async def world() -> AsyncIterator[Foreseeing]:
    made = Foreseeing()
    await made.server.start_server()
    yield made
    await made.metrics.close()
    await made.server.close()


async def test_the_next_tick_has_the_answers(world: Foreseeing) -> None:
    due = await world.answered_once()
    world.metrics.foresee(KEY, [asked()], due)
    await world.finished()
    assert world.queries == 2
    assert value(world.metrics.collect(KEY, [asked()], due, SOON)) == 2


async def test_a_window_that_slides_is_asked_as_of_its_time(world: Foreseeing) -> None:
    due = await world.answered_once()
    world.metrics.foresee(KEY, [asked(start=due - ago(60))], due)
    await world.finished()
    later = due + ago(3)
    assert value(world.metrics.collect(KEY, [asked(start=later - ago(60))], later, SOON)) == 2


async def test_what_became_of_the_release_meanwhile_is_asked_anew(world: Foreseeing) -> None:
    due = await world.answered_once()
    world.metrics.foresee(KEY, [asked()], due)
    await world.finished()
    other = asked(candidate="fraud-v43")
    assert world.metrics.collect(KEY, [other], due, SOON) is None
    await world.finished()
    assert value(world.metrics.collect(KEY, [other], due + SOON, SOON)) == 3


async def test_by_a_clock_that_was_set_a_tick_looks_first(world: Foreseeing) -> None:
    for world.late in (timedelta(hours=1), timedelta(hours=-1)):
        due = await world.answered_once()
        world.metrics.foresee(KEY, [asked()], due)
        await world.finished()
        assert world.queries == 1
        await world.metrics.close()
        world.queries = 0


async def test_what_was_foreseen_for_another_time_is_not_asked(world: Foreseeing) -> None:
    due = await world.answered_once()
    world.metrics.foresee(KEY, [asked()], due + SOON)
    await world.finished()
    assert world.queries == 1
    assert world.metrics.collect(KEY, [asked()], due, SOON) is None
    await world.finished()
    assert world.queries == 2


async def test_an_interval_that_is_not_whole_by_then_is_not_asked_about(world: Foreseeing) -> None:
    due = await world.answered_once()
    whole = replace(question(start=due - ago(120)), end=due - ago(60))
    unfinished = replace(question(start=due - ago(60)), end=due)
    world.metrics.foresee(KEY, [asked(), whole, unfinished], due)
    await world.finished()
    answers = world.metrics.collect(KEY, [asked()], due, SOON)
    assert answers is not None
    assert set(answers) == {"s", whole.key}


async def test_of_a_release_that_asks_nothing_nothing_is_due(world: Foreseeing) -> None:
    world.connect(world.server.port)
    assert world.metrics.due(KEY) is None
    world.metrics.foresee(KEY, [asked()], world.now)
    await asyncio.sleep(0)
    assert world.queries == 0
