"""One source's collections: what its releases share, and what is remembered of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Mapping
from functools import partial

from surefoot.adapters.prometheus.closely import Beside
from surefoot.adapters.prometheus.collection import Asked, collected
from surefoot.adapters.prometheus.connections import Limits
from surefoot.adapters.prometheus.gather import Answers, Gather
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Failed, Result
from surefoot.adapters.prometheus.reader import Rules
from surefoot.adapters.prometheus.readings import failed
from surefoot.adapters.prometheus.wants import Ask
from surefoot.engine.questions import Problem, ProblemKind

log = logging.getLogger(__name__)
_LIMITS = Limits()


class Share:
    """At most so many of a source's queries at once; who waits too long for it is told so."""

    def __init__(self, ask: Ask, most: int, wait_s: float) -> None:
        self._ask, self._wait_s, self._slots = ask, wait_s, asyncio.Semaphore(most)

    async def ask(self, query: str, at: float) -> Result:
        """The source's answer. Raises Failed."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            text = f"queries of PromQL signals kept their part of Prometheus busy for {self._wait_s:g} s"
            text += ": make them faster, as with recording rules"
            raise Failed(ProblemKind.UNREACHABLE, text) from None
        try:
            return await self._ask(query, at)
        finally:
            self._slots.release()


class Side:
    """Releases that ask one source are collected together; those of another source never wait.

    Those with queries of their own are collected apart, on half of the source's queries at once: how
    long such a query takes is up to who wrote it, and a preset's answer must not wait for it.
    """

    def __init__(self, ask: Ask, rules: Rules, limits: Limits = _LIMITS) -> None:
        self._rules, self._memory, self._beside = rules, Memory(), Beside()
        half = Share(ask, max(1, limits.max_concurrent // 2), limits.timeout.total_seconds())
        every = rules.scrape_interval
        self._gather = Gather(partial(self._collected, ask), every)
        self._own = Gather(partial(self._collected, half.ask), every)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, so that it can be dropped as it is."""
        return self._gather.idle and self._own.idle and self._beside.idle

    async def join(self, key: Hashable, asked: Asked) -> Answers:
        """A release's answers, out of the next collection."""
        own = any(question.signal.query is not None for question in asked.questions)
        return await (self._own if own else self._gather).join(key, asked)

    async def close(self) -> None:
        """End what is running."""
        await self._gather.close()
        await self._own.close()
        await self._beside.close()

    async def _collected(
        self, ask: Ask, asked: Mapping[Hashable, Asked]
    ) -> AsyncIterator[tuple[Hashable, Answers]]:
        """The answers to several releases, whatever happens."""
        left = dict(asked)
        try:
            every = collected(ask, asked, self._rules, self._memory, self._beside)
            async for key, answers in every:
                del left[key]
                yield key, answers
        except Exception as error:
            log.exception("a collection failed")
            text = f"reading Prometheus failed ({type(error).__name__}): see the operator's log"
            problem = failed(Problem(ProblemKind.UNREACHABLE, text))
            for key, each in left.items():
                yield key, {question.key: problem for question in each.questions}
