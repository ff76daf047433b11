"""One collection: the questions of a release, as few queries as possible, and their answers."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from surefoot.adapters.prometheus import promql, readings
from surefoot.adapters.prometheus.increases import Sheet
from surefoot.adapters.prometheus.payload import Failed, Result, Vector
from surefoot.adapters.prometheus.presets import SeriesSource, presets, supports
from surefoot.engine.questions import Answer, Problem, ProblemKind, Question, Reading

# A scrape may be late and one may fail; what is older than this is no news.
STALE_AFTER_SCRAPES = 4

Ask = Callable[[str, float], Awaitable[Result]]


@dataclass(frozen=True)
class Plan:
    """What one question needs: a query of its own, or a share of one for `source` and `arms`."""

    start: float
    source: SeriesSource | None = None
    arms: promql.Arms | None = None
    query: str | None = None
    problem: Problem | None = None


async def collect(
    ask: Ask, questions: Sequence[Question], now: datetime, scrape_interval: timedelta
) -> dict[str, Answer]:
    """Answers by signal name. `ask` is called once per distinct query and may raise Failed."""
    plans = {q.signal.name: plan(q, now) for q in questions}
    queries = _queries(plans, now.timestamp(), scrape_interval.total_seconds())
    texts = sorted(set(queries.values()))
    results = await asyncio.gather(*(_result(ask, text, now.timestamp()) for text in texts))
    by_text = dict(zip(texts, results, strict=True))
    return {
        name: readings.failed(each.problem)
        if each.problem is not None
        else _answer(each, by_text[queries[name]], now, scrape_interval)
        for name, each in plans.items()
    }


def plan(question: Question, now: datetime) -> Plan:
    """How a question is asked. Its window begins at `question.start` at the earliest."""
    earliest = max(question.start, now - question.signal.threshold.window)
    start = min(earliest, now).timestamp()
    signal = question.signal
    if signal.query is not None:
        try:
            query = promql.fill_in(signal.query, question, now.timestamp() - start)
        except promql.UnknownPlaceholder as error:
            return Plan(start, problem=Problem(ProblemKind.QUERY, str(error)))
        return Plan(start, query=query)
    name = signal.source.preset if signal.source is not None else ""
    preset = presets().get(name)
    source = preset.source(signal.type.value) if preset is not None else None
    if preset is None or source is None:
        said = supports(name, signal.type.value) or f"there is no metric preset {name!r}"
        return Plan(start, problem=Problem(ProblemKind.QUERY, said))
    return Plan(start, source, promql.arms_of(preset, question))


def _queries(plans: Mapping[str, Plan], now: float, scrape_s: float) -> dict[str, str]:
    """The query of each signal; signals with the same arms and window share one."""
    shared: dict[tuple[promql.Arms, float], set[str]] = defaultdict(set)
    for each in plans.values():
        if each.arms is not None and each.source is not None:
            shared[each.arms, each.start].update(each.source.metrics)
    texts = {
        (arms, start): promql.selector(frozenset(metrics), arms, now - start + 2 * scrape_s)
        for (arms, start), metrics in shared.items()
    }
    return {
        name: texts[each.arms, each.start] if each.arms is not None else each.query or ""
        for name, each in plans.items()
        if each.problem is None
    }


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
    if plan.source is None or plan.arms is None:
        return readings.scalar(result, now)
    if isinstance(result, Vector):
        text = "Prometheus gave single values for raw samples: check what is in front of it"
        return readings.failed(Problem(ProblemKind.UNREACHABLE, text))
    found = readings.answer(plan.source, plan.arms, Sheet(result, plan.start, now.timestamp()))
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
