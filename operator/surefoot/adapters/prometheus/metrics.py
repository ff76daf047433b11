"""The `Metrics` port: collections that run beside the ticks, each handed out once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path

from surefoot.adapters.prometheus.collection import Asked
from surefoot.adapters.prometheus.connections import UNUSED_S, Connection, Connections, Limits
from surefoot.adapters.prometheus.presets import supports
from surefoot.adapters.prometheus.reader import Rules
from surefoot.adapters.prometheus.schedule import (
    FIRST_LAG,
    first_due,
    newest_sample,
    next_due,
    next_lag,
    place,
)
from surefoot.adapters.prometheus.side import Side
from surefoot.api.base import Same
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.signals import Signal
from surefoot.engine.questions import Answer, Question
from surefoot.ports import Key

Answers = Mapping[str, Answer]
_PUNCTUAL = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Mark:
    """What one question is known again by. The question itself would keep a whole spec in memory."""

    digest: bytes
    start: datetime

    @classmethod
    def of(cls, question: Question) -> "_Mark":
        rest = (
            question.namespace, question.candidate, question.incumbent, question.end,
            question.matchers, question.swapped,
        )  # fmt: skip
        text = _said(Same(question.signal)) + repr(rest)
        return cls(blake2b(text.encode(), digest_size=16).digest(), question.start)


@lru_cache(maxsize=4096)
def _said(signal: Same[Signal]) -> str:
    """Signals of one template are one object."""
    return signal.it.model_dump_json()


@dataclass(slots=True)
class _Run:
    """What is asked for a release, since when, and how far that is: `task` is None before it began
    and after its answers were handed out; the next one begins at `due`. Until then the `latest` are
    handed out once more `again`, where the release looks more often than there are scrapes. What is to be
    asked then may be known `ahead`."""

    asked: Mapping[str, _Mark]
    asked_at: datetime
    due: datetime
    newest: datetime | None = None
    lag: timedelta = FIRST_LAG
    source: MetricsSource | None = None
    task: asyncio.Task[Answers] | None = None
    returned: Answers | None = None
    latest: Answers | None = None
    again: datetime | None = None
    timer: asyncio.TimerHandle | None = None
    interval: timedelta = timedelta()
    ahead: tuple[Question, ...] = ()

    def answers(self, asked: Mapping[str, _Mark], now: datetime) -> bool:
        """Whether it answers what is asked now.

        A window that slides (its start is `now` less a constant) has moved on by exactly the time
        that has passed; any other new start is a new window, say after a weight step.
        """
        passed = now - self.asked_at
        return self.asked.keys() == asked.keys() and all(
            old.digest == asked[name].digest
            and asked[name].start - old.start in (timedelta(0), passed)
            for name, old in self.asked.items()
        )


def _marks(questions: Sequence[Question]) -> dict[str, _Mark]:
    """Of the windows; an interval that has closed is no new question."""
    return {each.key: _Mark.of(each) for each in questions if each.end is None}


class PrometheusMetrics:
    """Prometheus as the reconciler sees it. All methods but start and close return at once."""

    def __init__(
        self,
        own: str | Connection,
        scrape_interval: timedelta,
        on_done: Callable[[Key], None],
        timeout: timedelta = timedelta(seconds=3),
        max_concurrent: int = 8,
        max_answer_bytes: int = 8 * 1024 * 1024,
        headers: Mapping[str, str] | None = None,
        credentials: Path | None = None,
        max_series: int = 10_000,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`own` is the operator's own source, by default a Prometheus at that root, path prefix
        included; `credentials` has a folder per name; `timeout` holds for each query. Of a release
        with more than `max_series` series Prometheus is asked for sums."""
        self._limits = limits = Limits(timeout, max_concurrent, max_answer_bytes)
        source = Connection(own) if isinstance(own, str) else own
        self._connections = Connections(source, scrape_interval, limits, credentials, headers)
        self._rules = Rules(scrape_interval, max_series)
        self._sides: dict[str, Side] = {}
        self._asked_at: dict[str, datetime] = {}
        self._scrape_interval = scrape_interval
        self._on_done, self._clock = on_done, clock or partial(datetime.now, UTC)
        self._runs: dict[Key, _Run] = {}
        self._cancelled: set[asyncio.Task[Answers]] = set()

    async def close(self) -> None:
        """End every collection and close the connections."""
        for key in list(self._runs):
            self.forget(key)
        await asyncio.gather(*self._cancelled, return_exceptions=True)
        for side in self._sides.values():
            await side.close()
        await self._connections.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is asked."""
        return all(side.idle for side in self._sides.values())

    def collect(
        self,
        key: Key,
        questions: Sequence[Question],
        now: datetime,
        interval: timedelta,
        source: MetricsSource | None = None,
    ) -> Answers | None:
        """See `ports.Metrics`."""
        every = self._ripe(questions, now)
        asked, run = _marks(every), self._runs.get(key)
        if run is None or run.source != source or not (asked and run.answers(asked, now)):
            self.forget(key)
            if not asked:
                return None
            run = self._runs[key] = self._renewed(run, asked, now, interval)
        run.source, run.interval = source, interval
        answers = None
        if run.task is not None and run.task.done():
            answers, run.task, run.returned = run.task.result(), None, None
            self._plan_next(key, run, answers, interval)
        elif run.returned is not None:
            answers, run.returned = run.returned, None
        elif run.task is None and run.again is not None and run.again <= now < run.due:
            answers = run.latest
        if answers is not None:
            often = interval < self._scrape_interval
            run.latest, run.again = (answers, now + interval) if often else (None, None)
        if run.task is None and self._is_due(key, run, now):
            self._begin(key, run, Asked(every, now, interval))
        return answers

    def due(self, key: Key) -> datetime | None:
        """See `ports.Metrics`."""
        run = self._runs.get(key)
        return None if run is None or run.task is not None or run.again is not None else run.due

    def foresee(self, key: Key, questions: Sequence[Question], due: datetime) -> None:
        """See `ports.Metrics`."""
        if self.due(key) == due:
            self._runs[key].ahead = tuple(self._ripe(questions, due))

    def _renewed(
        self, run: _Run | None, asked: Mapping[str, _Mark], now: datetime, interval: timedelta
    ) -> _Run:
        """Other questions than before; the rhythm of the scrapes is still the same."""
        if run is None:
            return _Run(asked, now, due=now)
        interval = max(interval, self._scrape_interval)
        due = first_due(now, interval, run.newest, self._scrape_interval, run.lag)
        return _Run(asked, now, due, run.newest, run.lag)

    def _plan_next(self, key: Key, run: _Run, answers: Answers, interval: timedelta) -> None:
        """Prometheus has nothing new between two scrapes."""
        interval = max(interval, self._scrape_interval)
        newest = newest_sample(answers, run.asked_at)
        run.lag = next_lag(run.lag, run.asked_at, newest, self._scrape_interval)
        run.newest = newest or run.newest
        due = next_due(run.asked_at, interval, run.newest, self._scrape_interval, run.lag)
        run.due = due + place(key, len(self._runs), self._scrape_interval)

    def _ripe(self, questions: Sequence[Question], now: datetime) -> list[Question]:
        """Windows, and closed intervals of which all samples must have come: one scrape after the end."""
        last = now - self._scrape_interval
        return [each for each in questions if each.end is None or each.end <= last]

    def _is_due(self, key: Key, run: _Run, now: datetime) -> bool:
        """Whether to ask now; else the release is woken when it is time to."""
        if run.timer is not None:
            run.timer.cancel()
        # A clock that was set back must not stop collections until it has caught up.
        if not run.asked_at <= now < run.due:
            return True
        next_ = run.due if run.again is None else min(run.due, run.again)
        wait = max(0.0, (next_ - now).total_seconds())
        run.timer = asyncio.get_running_loop().call_later(wait, self._on_time, key)
        return False

    def _on_time(self, key: Key) -> None:
        """Ask what is known to be asked now. By another clock than it was meant for, a tick looks first."""
        run = self._runs.get(key)
        if run is None or run.again or not run.ahead or abs(self._clock() - run.due) > _PUNCTUAL:
            self._on_done(key)
        elif run.task is None:
            self._begin(key, run, Asked(run.ahead, run.due, run.interval))

    def _begin(self, key: Key, run: _Run, every: Asked) -> None:
        """Begin a collection. Intervals that have closed are asked along with the windows, and are no
        new question."""
        run.asked, run.asked_at, run.ahead = _marks(every.questions), every.now, ()
        work = self._side(run.source, every.now).join(key, every)
        run.task = asyncio.create_task(work, name=f"collect {'/'.join(key)}")
        run.task.add_done_callback(lambda done: None if done.cancelled() else self._on_done(key))

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

    def _side(self, source: MetricsSource | None, now: datetime) -> Side:
        """What is shared by all releases that ask the same source. Those that nobody asks any more,
        as that of a class which was edited or deleted, are forgotten with what they remember."""
        wanted = source or MetricsSource()
        name = wanted.model_dump_json(exclude={"matchers"}, exclude_none=True)
        self._asked_at[name] = now
        for other, asked_at in list(self._asked_at.items()):
            unused = (now - asked_at).total_seconds() > UNUSED_S
            if unused and self._sides[other].idle:
                del self._sides[other], self._asked_at[other]
        if name not in self._sides:
            ask = partial(self._connections.ask, source)
            self._sides[name] = Side(ask, self._rules, self._limits)
        return self._sides[name]
