"""Long windows, read closely: the samples around births and restarts, piece by piece."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from surefoot.adapters.prometheus import promql
from surefoot.adapters.prometheus.ends import Ends, instances, thinned
from surefoot.adapters.prometheus.memory import Bounded, Memory, Trace
from surefoot.adapters.prometheus.payload import Failed, Series, Vector
from surefoot.adapters.prometheus.wants import Ask, Parts
from surefoot.api.durations import format_duration
from surefoot.engine.questions import Problem, ProblemKind

log = logging.getLogger(__name__)
# What is read closely in one query, and by who has no time of its own for it, as a command.
_MOST_SAMPLES = 100_000
_MOST_PIECES = 24
_PIECE_S = 3600.0
# An hour and the baseline before it: what a collection waits for itself.
_PIECES_AT_ONCE = 2
# Long reads of one source at a time, piece by piece: the rest of what it may be asked at once is for collections.
_MOST_AT_ONCE = 2
_NO_SAMPLES = "Prometheus gave single values for raw samples: check what is in front of it"


Turn = AbstractAsyncContextManager[Any]
Reading = Callable[[Turn], Coroutine[Any, Any, object]]
"""Reads a window, with a turn for each piece."""


class Beside:
    """Long reads of one source that go on beside its collections, each window at most once."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._failed: Bounded[Hashable, Problem] = Bounded()
        self._turn = asyncio.Semaphore(_MOST_AT_ONCE)

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return not self._tasks

    def has(self, key: Hashable) -> bool:
        """Whether a window is being read, or waits for its turn."""
        return key in self._tasks

    def begin(self, key: Hashable, work: "Reading") -> None:
        """Read a window, unless it is being read. `work` takes a turn for each of its pieces, so that
        a window of many keeps none of few waiting. Raises Failed, once, where that came to nothing
        before; it begins again with the call after."""
        problem = self._failed.pop(key, None)
        if problem is not None:
            raise Failed(problem.kind, problem.message)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._run(key, work), name="a long window")

    async def close(self) -> None:
        """End what is being read."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Hashable, work: "Reading") -> None:
        try:
            await work(self._turn)
        except Failed as failure:
            self._failed[key] = failure.problem
        except Exception as error:
            log.exception("reading a long window failed")
            text = f"reading Prometheus failed ({type(error).__name__}): see the operator's log"
            self._failed[key] = Problem(ProblemKind.UNREACHABLE, text)
        finally:
            del self._tasks[key]


class Closely:
    """What is read closely for one collection: at once where it is little, else beside it, so that
    those who share the collection do not wait. Without a `beside` all is read at once."""

    def __init__(self, ask: Ask, at: float, scrape_s: float, memory: Memory) -> None:
        self._ask, self._at, self._scrape_s, self._memory = ask, at, scrape_s, memory

    async def trace(self, ends: Ends, found: Parts, beside: Beside | None) -> Trace:
        """The samples that both ends lack, up to where they are read; what is read beside is kept
        for a later collection. Raises Failed."""
        key = ends.arms, ends.names, ends.window
        trace = self._memory.traces.get(key, Trace()).since(ends.start - ends.reach_s)
        restless = ends.restless(found, trace)
        if restless and trace.until < ends.end:
            work = self._work(key, ends, found, restless, trace)
            if beside is None or (work.number <= _PIECES_AT_ONCE and not beside.has(key)):
                trace = await work.done(nullcontext(), _MOST_PIECES)
            else:
                beside.begin(key, work.done)
        if isinstance(ends.window, tuple) and trace.until >= ends.end:
            # A closed interval is not asked about again.
            self._memory.traces.pop(key, None)
        return trace

    def _work(
        self, key: Hashable, ends: Ends, found: Parts, restless: Sequence[Series], trace: Trace
    ) -> "_Work":
        """Never more samples at once than is good."""
        targets = instances(restless)
        close = [s for s in found["end"] if not targets or s.labels.get("instance") in targets]
        piece_s = min(_PIECE_S, max(1, _MOST_SAMPLES // len(close)) * self._scrape_s)
        start = max(ends.start - ends.reach_s, trace.until)
        number = ceil((ends.end - start) / piece_s)
        return _Work(
            self._ask, self._at, self._memory, key, ends, targets, start, piece_s, number, trace
        )


@dataclass(frozen=True)
class _Work:
    """What of a window is to be read, in pieces from a time to the next."""

    ask: Ask
    at: float
    memory: Memory
    key: Hashable
    ends: Ends
    targets: Collection[str]
    start: float
    piece_s: float
    number: int
    trace: Trace

    async def done(self, turn: Turn, most: int | None = None) -> Trace:
        """The trace, read on; each piece is kept as soon as it is there. Raises Failed."""
        ends, trace = self.ends, self.trace
        for piece in range(min(self.number, most or self.number)):
            start = self.start + piece * self.piece_s
            end = start + self.piece_s if piece + 1 < self.number else ends.end
            length = end - start + ends.reach_s
            query = promql.selector(ends.names, (ends.arms,), length, end, self.targets)
            async with turn:
                page = await self.ask(query, self.at)
            if isinstance(page, Vector):
                raise Failed(ProblemKind.UNREACHABLE, _NO_SAMPLES)
            trace = thinned(page, trace, end)
            self.memory.keep(self.key, trace)
        return trace


def unfinished(ends: Ends, trace: Trace) -> Problem:
    """What is said until all pieces are there."""
    share = (trace.until - ends.start) / (ends.end - ends.start)
    length = format_duration(timedelta(seconds=round(ends.end - ends.start)))
    return Problem(
        ProblemKind.TIMEOUT,
        f"counters began or restarted within the {length}, and the samples around that are "
        f"still being read: {max(0.0, share):.0%} so far",
    )
