"""The `Metrics` port: collections that run beside the ticks, each handed out once."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.presets import supports
from surefoot.adapters.prometheus.readings import failed
from surefoot.adapters.prometheus.schedule import FIRST_LAG, newest_sample, next_due, next_lag
from surefoot.engine.questions import Answer, Problem, ProblemKind, Question
from surefoot.ports import Key

log = logging.getLogger(__name__)

Answers = Mapping[str, Answer]


@dataclass
class _Run:
    """The latest collection of a release; `task` is None once its answers were handed out."""

    asked: Mapping[str, Question]
    began: datetime
    task: asyncio.Task[Answers] | None
    lag: timedelta = FIRST_LAG
    newest: datetime | None = None
    returned: Answers | None = None
    timer: asyncio.TimerHandle | None = None

    def answers(self, asked: Mapping[str, Question], now: datetime) -> bool:
        """Whether it answers what is asked now.

        A window that slides (its start is `now` less a constant) has moved on by exactly the time
        that has passed; any other new start is a new window, say after a weight step.
        """
        passed = now - self.began
        return self.asked.keys() == asked.keys() and all(
            replace(old, start=asked[name].start) == asked[name]
            and asked[name].start - old.start in (timedelta(0), passed)
            for name, old in self.asked.items()
        )


class PrometheusMetrics:
    """Prometheus as the reconciler sees it. All methods but start and close return at once."""

    def __init__(
        self,
        url: str,
        scrape_interval: timedelta,
        on_done: Callable[[Key], None],
        timeout: timedelta = timedelta(seconds=3),
        max_concurrent: int = 8,
        max_answer_bytes: int = 16 * 1024 * 1024,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`url` is Prometheus' root, path prefix included; `timeout` holds for each query."""
        self._client = Client(url, timeout, max_concurrent, max_answer_bytes, headers)
        self._scrape_interval = scrape_interval
        self._on_done = on_done
        self._runs: dict[Key, _Run] = {}
        self._cancelled: set[asyncio.Task[Answers]] = set()

    async def start(self) -> None:
        """Open the connections' pool, within the event loop."""
        await self._client.start()

    async def close(self) -> None:
        """End every collection and close the connections."""
        for key in list(self._runs):
            self.forget(key)
        await asyncio.gather(*self._cancelled, return_exceptions=True)
        await self._client.close()

    def collect(
        self, key: Key, questions: Sequence[Question], now: datetime, interval: timedelta
    ) -> Answers | None:
        """See `ports.Metrics`."""
        asked = {question.signal.name: question for question in questions}
        run = self._runs.get(key)
        if run is not None and not (asked and run.answers(asked, now)):
            self.forget(key)
            run = None
        answers = None
        if run is not None and run.task is not None and run.task.done():
            answers, run.task, run.returned = run.task.result(), None, None
            run.newest = newest_sample(answers, run.began)
            run.lag = next_lag(run.lag, run.began, run.newest, self._scrape_interval)
        elif run is not None and run.returned is not None:
            answers, run.returned = run.returned, None
        if asked and run is None:
            self._begin(key, asked, now, FIRST_LAG)
        elif run is not None and run.task is None:
            self._begin_when_due(key, run, asked, now, interval)
        return answers

    def _begin_when_due(
        self, key: Key, run: _Run, asked: Mapping[str, Question], now: datetime, interval: timedelta
    ) -> None:
        """Begin the next collection, or have the release woken when it is time to."""
        if run.timer is not None:
            run.timer.cancel()
        due = next_due(run.began, interval, run.newest, self._scrape_interval, run.lag)
        # A clock that was set back must not stop collections until it has caught up.
        if run.began <= now < due:
            wait = (due - now).total_seconds()
            run.timer = asyncio.get_running_loop().call_later(wait, self._on_done, key)
        else:
            self._begin(key, asked, now, run.lag)

    def give_back(self, key: Key, answers: Answers) -> None:
        """See `ports.Metrics`."""
        run = self._runs.get(key)
        if run is not None:
            run.returned = answers

    def forget(self, key: Key) -> None:
        """See `ports.Metrics`."""
        run = self._runs.pop(key, None)
        if run is not None and run.timer is not None:
            run.timer.cancel()
        if run is not None and run.task is not None and not run.task.done():
            run.task.cancel()
            self._cancelled.add(run.task)
            run.task.add_done_callback(self._cancelled.discard)

    def supports(self, preset: str, signal_type: str) -> str | None:
        """See `ports.Metrics`."""
        return supports(preset, signal_type)

    def _begin(
        self, key: Key, asked: Mapping[str, Question], now: datetime, lag: timedelta
    ) -> None:
        task = asyncio.create_task(self._collected(asked, now), name=f"collect {'/'.join(key)}")
        self._runs[key] = _Run(asked, now, task, lag)
        task.add_done_callback(lambda done: None if done.cancelled() else self._on_done(key))

    async def _collected(self, asked: Mapping[str, Question], now: datetime) -> Answers:
        """The answers, whatever happens."""
        try:
            return await collect(self._client.ask, list(asked.values()), now, self._scrape_interval)
        except Exception as error:
            log.exception("a collection failed")
            text = f"reading Prometheus failed ({type(error).__name__}): see the operator's log"
            return dict.fromkeys(asked, failed(Problem(ProblemKind.UNREACHABLE, text)))
