"""One collection: the questions of a release, as few queries as possible, and their answers."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from surefoot.adapters.prometheus import promql, readings
from surefoot.adapters.prometheus.increases import Sheet
from surefoot.adapters.prometheus.payload import Failed, Result, Vector
from surefoot.adapters.prometheus.presets import source_of
from surefoot.adapters.prometheus.sources import SeriesSource
from surefoot.api.signals import Signal
from surefoot.engine.questions import Answer, Problem, ProblemKind, Question, Reading

# A scrape may be late and one may fail; what is older than this is no news.
STALE_AFTER_SCRAPES = 4
SHARED_REACH_S = 600.0

Ask = Callable[[str, float], Awaitable[Result]]


@dataclass(frozen=True)
class Plan:
    """What one question needs: a query of its own, or a share of one for `source` and `arms`.

    Only what lies in (start, end] is counted; `closed` is an interval of evidence, never stale.
    """

    start: float
    end: float
    source: SeriesSource | None = None
    arms: promql.Arms | None = None
    query: str | None = None
    problem: Problem | None = None
    signal: Signal | None = None
    closed: bool = False


async def collect(
    ask: Ask, questions: Sequence[Question], now: datetime, scrape_interval: timedelta
) -> dict[str, Answer]:
    """Answers by the questions' keys. `ask` is called once per distinct query and may raise
    Failed."""
    plans = {q.key: plan(q, now) for q in questions}
    queries = _queries(plans, now.timestamp(), scrape_interval.total_seconds())
    texts = sorted(set(queries.values()))
    results = await asyncio.gather(*(_result(ask, text, now.timestamp()) for text in texts))
    by_text = dict(zip(texts, results, strict=True))
    return {
        key: readings.failed(each.problem)
        if each.problem is not None
        else _answer(each, by_text[queries[key]], now, scrape_interval)
        for key, each in plans.items()
    }


def plan(question: Question, now: datetime) -> Plan:
    """How a question is asked. Its window begins at `question.start` at the earliest."""
    earliest = max(question.start, now - question.signal.window)
    closed = question.end is not None
    start = (question.start if closed else min(earliest, now)).timestamp()
    end = (question.end or now).timestamp()
    signal = question.signal
    if signal.query is not None:
        try:
            query = promql.fill_in(signal.query, question, now.timestamp() - start)
        except promql.UnknownPlaceholder as error:
            return Plan(start, end, problem=Problem(ProblemKind.QUERY, str(error)))
        return Plan(start, end, query=query)
    found = source_of(signal)
    if isinstance(found, str):
        return Plan(start, end, problem=Problem(ProblemKind.QUERY, found))
    preset, source = found
    arms = promql.arms_of(preset, question)
    return Plan(start, end, source, arms, signal=signal, closed=closed)


def _queries(plans: Mapping[str, Plan], now: float, scrape_s: float) -> dict[str, str]:
    """The query of each question: one for all that tell the arms apart in the same way.

    It reaches back to the earliest start, and two scrapes more for the sample before it. Only
    what reaches far back has a query of its own: its samples of other metrics would be many.
    """
    shared: dict[tuple[promql.Arms, float], list[Plan]] = defaultdict(list)
    groups = {name: _group(each, now) for name, each in plans.items()}
    for name, each in plans.items():
        if (group := groups[name]) is not None:
            shared[group].append(each)
    texts = {group: _selector(group[0], many, now, scrape_s) for group, many in shared.items()}
    return {
        name: each.query or "" if (group := groups[name]) is None else texts[group]
        for name, each in plans.items()
        if each.problem is None
    }


def _group(plan: Plan, now: float) -> tuple[promql.Arms, float] | None:
    if plan.arms is None:
        return None
    return plan.arms, plan.start if now - plan.start > SHARED_REACH_S else 0.0


def _selector(arms: promql.Arms, many: Sequence[Plan], now: float, scrape_s: float) -> str:
    metrics = {
        name
        for each in many
        if each.source is not None and each.signal is not None
        for name in each.source.metrics(each.signal)
    }
    earliest = min(each.start for each in many)
    return promql.selector(frozenset(metrics), arms, now - earliest + 2 * scrape_s)


async def _result(ask: Ask, query: str, at: float) -> Result | Problem:
    try:
        return await ask(query, at)
    except Failed as failure:
        return failure.problem


def _answer(
    plan: Plan, result: Result | Problem, now: datetime, scrape_interval: timedelta
) -> Answer:
    if isinstance(result, Problem):
        return readings.failed(result)
    if plan.source is None or plan.arms is None or plan.signal is None:
        return readings.scalar(result, now)
    if isinstance(result, Vector):
        text = "Prometheus gave single values for raw samples: check what is in front of it"
        return readings.failed(Problem(ProblemKind.UNREACHABLE, text))
    found = readings.answer(
        plan.signal, plan.source, plan.arms, Sheet(result, plan.start, plan.end)
    )
    if plan.closed:
        return found
    oldest = now - STALE_AFTER_SCRAPES * scrape_interval
    return Answer(
        _not_stale(found.candidate, now, oldest), _not_stale(found.incumbent, now, oldest)
    )


def _not_stale(reading: Reading, now: datetime, oldest: datetime) -> Reading:
    """Old samples say nothing of now: a window that reaches back to them is no evidence."""
    if reading.newest is None or reading.newest >= oldest:
        return reading
    age = (now - reading.newest).total_seconds()
    text = f"the newest sample is {age:.0f} s old: check that Prometheus still scrapes its target"
    return Reading(problem=Problem(ProblemKind.EMPTY, text))
