"""Cycles are collected, in moments in which nothing is under way if there are any."""

import asyncio
import gc
import itertools
from collections.abc import Callable, Iterator
from weakref import ref

import pytest

from surefoot import collector


class Knot:
    """It holds itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def by_hand_only() -> Iterator[None]:
    before = gc.get_threshold()
    gc.disable()
    yield
    gc.enable()
    gc.set_threshold(*before)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        for _ in itertools.count():
            if done():
                return
            await asyncio.sleep(0.01)


async def test_what_holds_itself_goes() -> None:
    tidying = asyncio.create_task(collector.tidy(lambda: False, every_s=0.01))
    knot = ref(Knot())
    await until(lambda: knot() is None)
    tidying.cancel()


async def test_it_waits_while_something_is_under_way() -> None:
    asked: list[bool] = []
    busy, knot = True, ref(Knot())

    def is_busy() -> bool:
        asked.append(busy)
        return busy

    tidying = asyncio.create_task(collector.tidy(is_busy, every_s=0.01, patience_s=3600))
    await until(lambda: len(asked) > 5)
    assert knot() is not None, "collected although something was under way"
    busy = False
    await until(lambda: knot() is None)
    tidying.cancel()


async def test_where_something_always_is_it_does_not_wait_for_ever() -> None:
    tidying = asyncio.create_task(collector.tidy(lambda: True, every_s=0.01, patience_s=0.1))
    knot = ref(Knot())
    await until(lambda: knot() is None)
    tidying.cancel()


async def test_what_has_grown_old_goes_later() -> None:
    knot = Knot()
    gc.collect()
    old = ref(knot)
    del knot
    tidying = asyncio.create_task(collector.tidy(lambda: False, every_s=0.001, whole_every=5))
    await until(lambda: old() is None)
    tidying.cancel()
