"""A keyed, delaying work queue: one tick per key at a time, urgent ones at once, late ones counted."""

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
BACKOFF_FIRST_S = 0.1
BACKOFF_MOST_S = 30.0


class WorkQueue(Generic[K]):
    """Runs `work(key)`, which returns the seconds until its next run (None: not until it is added).

    `add` while a key is worked on marks it dirty: it runs again right after. An exception of
    `work` is handed to `failed` and tried again with exponential backoff and jitter. The clock is
    the loop's, so a jump of the wall clock delays nothing.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        failed: Callable[[K, Exception], None],
        workers: int = 64,
        late: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._work, self._failed, self._late = work, failed, late
        self._workers = workers
        self._heap: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._active: set[K] = set()
        self._dirty: set[K] = set()
        self._failures: dict[K, int] = {}
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._ready: asyncio.Queue[tuple[K, float]] = asyncio.Queue()

    def __len__(self) -> int:
        return len(self._due) + len(self._active)

    @property
    def active(self) -> int:
        """How many keys are worked on, or are due."""
        return len(self._active)

    def add(self, key: K, delay_s: float = 0.0) -> None:
        """Run a key after `delay_s`; an earlier appointment stays, a later one is moved up."""
        if key in self._active:
            if delay_s <= 0:
                self._dirty.add(key)
            return
        due = asyncio.get_running_loop().time() + max(delay_s, 0.0)
        if key in self._due and self._due[key] <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._worker())
            group.create_task(self._dispatch())

    async def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            now = loop.time()
            while self._heap and self._heap[0][0] <= now:
                due, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    del self._due[key]
                    self._active.add(key)
                    self._ready.put_nowait((key, due))
            wait = self._heap[0][0] - now if self._heap else None
            try:
                # `wait_for` would lose a cancellation that comes along with a change.
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _worker(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            key, due = await self._ready.get()
            self._late(loop.time() - due)
            try:
                delay = await self._work(key)
                self._failures.pop(key, None)
            except Exception as error:
                delay = self._backoff(key)
                self._failed(key, error)
            self._active.discard(key)
            if key in self._dirty:
                self._dirty.discard(key)
                self.add(key)
            elif delay is not None:
                self.add(key, delay)

    def _backoff(self, key: K) -> float:
        tries = self._failures[key] = self._failures.get(key, 0) + 1
        most = min(BACKOFF_FIRST_S * 2.0 ** min(tries - 1, 20), BACKOFF_MOST_S)
        return most * random.uniform(0.5, 1.0)
