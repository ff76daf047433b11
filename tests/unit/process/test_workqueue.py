"""The work queue: one tick per key at a time, nothing lost, nothing twice."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager, suppress

import pytest

from surefoot.workqueue import BACKOFF_FIRST_S, BACKOFF_MOST_S, WorkQueue

LONG_S = 3600.0


class Works:
    """Work that waits for a gate, and says when it begins and how often."""

    def __init__(self, *, gated=False, workers=4):
        self.begun = defaultdict(int)
        self.running = defaultdict(int)
        self.most = defaultdict(int)
        self.delays = defaultdict(list)
        self.errors = []
        self.late = []
        self.turn = asyncio.Condition()
        self.gates = defaultdict(asyncio.Semaphore)
        self.gated = gated
        self.queue = WorkQueue(
            self.work, lambda key, error: self.errors.append(error), workers, self.late.append
        )
        for key in "ab":
            self.gates[key] = asyncio.Semaphore(0)

    async def work(self, key):
        self.running[key] += 1
        self.most[key] = max(self.most[key], self.running[key])
        self.begun[key] += 1
        async with self.turn:
            self.turn.notify_all()
        try:
            if self.gated:
                await self.gates[key].acquire()
        finally:
            self.running[key] -= 1
        planned = self.delays[key].pop(0) if self.delays[key] else None
        if isinstance(planned, Exception):
            raise planned
        return planned

    async def until_begun(self, key, times):
        async with asyncio.timeout(30), self.turn:
            await self.turn.wait_for(lambda: self.begun[key] >= times)

    async def until_rested(self):
        """Enough turns of the loop for everything that is due; nothing here waits for time."""
        for _ in range(200):
            await asyncio.sleep(0)
        assert not any(self.running.values())

    @asynccontextmanager
    async def going(self):
        task = asyncio.create_task(self.queue.run())
        try:
            yield self.queue
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_key_added_many_times_before_its_turn_runs_once():
    works = Works()
    for _ in range(5):
        works.queue.add("a")
    async with works.going():
        await works.until_begun("a", 1)
        await works.until_rested()
    assert works.begun["a"] == 1


async def test_a_key_never_runs_beside_itself():
    works = Works(gated=True)
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 1)
        queue.add("a")
        queue.add("b")
        await works.until_begun("b", 1)
        assert works.running == {"a": 1, "b": 1}
        works.gates["a"].release()
        await works.until_begun("a", 2)
    assert works.most["a"] == 1


async def test_a_key_added_many_times_while_it_runs_runs_exactly_once_more():
    works = Works(gated=True)
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 1)
        for _ in range(3):
            queue.add("a")
        works.gates["a"].release()
        await works.until_begun("a", 2)
        works.gates["a"].release()
        await works.until_rested()
    assert works.begun["a"] == 2


async def test_a_later_appointment_while_it_runs_is_left_to_the_work_itself():
    works = Works(gated=True)
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 1)
        queue.add("a", LONG_S)
        works.gates["a"].release()
        await works.until_rested()
        assert len(queue) == 0


async def test_what_the_work_returns_is_its_next_appointment():
    works = Works()
    works.delays["a"] = [0.0, LONG_S]
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 2)
        await works.until_rested()
        assert (works.begun["a"], len(queue)) == (2, 1)


async def test_an_earlier_appointment_wins():
    works = Works()
    async with works.going() as queue:
        queue.add("a", LONG_S)
        queue.add("a")
        await works.until_begun("a", 1)
        await works.until_rested()
        assert (works.begun["a"], len(queue)) == (1, 0)


async def test_an_appointment_that_was_moved_up_is_not_kept_again():
    works = Works()
    async with works.going() as queue:
        queue.add("a", 0.01)
        queue.add("a")
        queue.add("b", 0.02)
        await works.until_begun("b", 1)
    assert works.begun["a"] == 1


async def test_a_later_appointment_moves_nothing():
    works = Works()
    works.queue.add("a")
    works.queue.add("a", LONG_S)
    async with works.going() as queue:
        await works.until_begun("a", 1)
        await works.until_rested()
        assert len(queue) == 0


async def test_a_delayed_key_does_not_run_before_its_time():
    works = Works()
    async with works.going() as queue:
        queue.add("a", LONG_S)
        queue.add("b")
        await works.until_begun("b", 1)
        await works.until_rested()
        assert works.begun["a"] == 0


async def test_a_short_delay_is_waited_for_and_then_kept():
    works = Works()
    async with works.going() as queue:
        queue.add("a", 0.01)
        await works.until_begun("a", 1)
    assert works.late[0] >= 0.0


async def test_a_failed_tick_is_told_and_tried_again():
    works = Works()
    works.delays["a"] = [ValueError("no")]
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 2)
    assert [str(error) for error in works.errors] == ["no"]


async def test_a_failure_of_one_key_leaves_the_others_running():
    works = Works(workers=1)
    works.delays["a"] = [ValueError("no")]
    async with works.going() as queue:
        queue.add("a")
        queue.add("b")
        await works.until_begun("b", 1)


async def test_a_failed_tick_that_was_woken_meanwhile_runs_at_once():
    works = Works(gated=True)
    works.queue._failures["a"] = 1000
    works.delays["a"] = [ValueError("no")]
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 1)
        queue.add("a")
        works.gates["a"].release()
        await works.until_begun("a", 2)


async def test_no_more_keys_run_at_a_time_than_there_are_workers():
    works = Works(gated=True, workers=1)
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 1)
        queue.add("b")
        for _ in range(200):
            await asyncio.sleep(0)
        assert works.begun["b"] == 0
        works.gates["a"].release()
        await works.until_begun("b", 1)


@pytest.mark.parametrize("tries", [1, 2, 5, 50, 5000])
async def test_backoff_doubles_up_to_a_cap_with_jitter(tries):
    queue = WorkQueue(None, None)
    for _ in range(tries):
        wait = queue._backoff("a")
    most = min(BACKOFF_FIRST_S * 2 ** min(tries - 1, 20), BACKOFF_MOST_S)
    assert most / 2 <= wait <= most


async def test_a_success_ends_the_backoff():
    works = Works()
    works.queue._failures["a"] = 7
    async with works.going() as queue:
        queue.add("a")
        await works.until_begun("a", 1)
        await works.until_rested()
    assert "a" not in works.queue._failures


@pytest.mark.parametrize("rounds", range(8))
async def test_it_ends_also_when_a_key_comes_at_that_very_moment(rounds):
    async def work(key):
        return 3600.0

    queue = WorkQueue(work, lambda key, error: None)
    running = asyncio.create_task(queue.run())
    queue.add("first", 3600.0)
    for _ in range(50):
        await asyncio.sleep(0)
    queue.add("now")
    for _ in range(rounds):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=60)
    assert done
