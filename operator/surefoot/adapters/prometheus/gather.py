"""Releases that are due at about the same time are collected together, so that they share queries."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from datetime import timedelta

from surefoot.adapters.prometheus.collection import Asked
from surefoot.engine.questions import Answer

Answers = Mapping[str, Answer]
Collect = Callable[[Mapping[Hashable, Asked]], AsyncIterator[tuple[Hashable, Answers]]]
# Collections begin at most this often between two scrapes, however many releases there are.
PER_SCRAPE = 15
# Releases that are collected at once: what Prometheus says of one may take 100 KB in memory. After a
# start, or when nothing was heard for long, all ask in the same moment.
_TOGETHER, _AT_ONCE = 100, 3
# What one round of ticks asks comes within this time.
_MOMENT_S = 0.01


class Gather:
    """Collections of several releases: the first one waits for a moment only, the next ones until
    a fifteenth of the time between scrapes has passed since the last began."""

    def __init__(self, collect: Collect, scrape_interval: timedelta) -> None:
        self._collect = collect
        self._spacing_s = scrape_interval.total_seconds() / PER_SCRAPE
        self._waiting: dict[Hashable, tuple[Asked, asyncio.Future[Answers]]] = {}
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def join(self, key: Hashable, asked: Asked) -> Answers:
        """The release's answers, out of the next collection."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[Answers] = loop.create_future()
        self._waiting[key] = asked, mine
        if self._timer is None:
            due = max(loop.time() + _MOMENT_S, self._last + self._spacing_s)
            self._timer = loop.call_at(due, self._begin)
        return await mine

    @property
    def idle(self) -> bool:
        """Whether nobody waits for a collection."""
        return not self._waiting and not self._running

    async def close(self) -> None:
        """End what is running."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _begin(self) -> None:
        self._timer, self._last = None, asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, {}
        task = asyncio.create_task(self._run(waiting), name=f"collect for {len(waiting)}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, waiting: Mapping[Hashable, tuple[Asked, asyncio.Future[Answers]]]) -> None:
        keys = list(waiting)
        for first in range(0, len(keys), _TOGETHER):
            async with self._turn:
                some = [
                    key for key in keys[first : first + _TOGETHER] if not waiting[key][1].done()
                ]
                if some:
                    await self._answer(waiting, some)

    async def _answer(
        self,
        waiting: Mapping[Hashable, tuple[Asked, asyncio.Future[Answers]]],
        some: Sequence[Hashable],
    ) -> None:
        async for key, answers in self._collect({key: waiting[key][0] for key in some}):
            if not waiting[key][1].done():
                waiting[key][1].set_result(answers)
