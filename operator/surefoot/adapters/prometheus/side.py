"""One source's collections: what its releases share, and what is remembered of it."""

import logging
from collections.abc import AsyncIterator, Hashable, Mapping

from surefoot.adapters.prometheus.closely import Beside
from surefoot.adapters.prometheus.collection import Asked, collected
from surefoot.adapters.prometheus.gather import Answers, Gather
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.reader import Rules
from surefoot.adapters.prometheus.readings import failed
from surefoot.adapters.prometheus.wants import Ask
from surefoot.engine.questions import Problem, ProblemKind

log = logging.getLogger(__name__)


class Side:
    """Releases that ask one source are collected together; those of another source never wait."""

    def __init__(self, ask: Ask, rules: Rules) -> None:
        self._ask, self._rules, self._memory = ask, rules, Memory()
        self._beside = Beside()
        self._gather = Gather(self._collected, rules.scrape_interval)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, so that it can be dropped as it is."""
        return self._gather.idle and self._beside.idle

    async def join(self, key: Hashable, asked: Asked) -> Answers:
        """A release's answers, out of the next collection."""
        return await self._gather.join(key, asked)

    async def close(self) -> None:
        """End what is running."""
        await self._gather.close()
        await self._beside.close()

    async def _collected(
        self, asked: Mapping[Hashable, Asked]
    ) -> AsyncIterator[tuple[Hashable, Answers]]:
        """The answers to several releases, whatever happens."""
        left = dict(asked)
        try:
            every = collected(self._ask, asked, self._rules, self._memory, self._beside)
            async for key, answers in every:
                del left[key]
                yield key, answers
        except Exception as error:
            log.exception("a collection failed")
            text = f"reading Prometheus failed ({type(error).__name__}): see the operator's log"
            problem = failed(Problem(ProblemKind.UNREACHABLE, text))
            for key, each in left.items():
                yield key, {question.key: problem for question in each.questions}
