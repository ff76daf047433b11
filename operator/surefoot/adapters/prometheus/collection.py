"""One collection: the questions of some releases, as few queries as possible, and their answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from surefoot.adapters.prometheus import readings
from surefoot.adapters.prometheus.arms import Arm
from surefoot.adapters.prometheus.closely import Beside
from surefoot.adapters.prometheus.increases import Index, Sheet
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Vector
from surefoot.adapters.prometheus.plans import Key, Plan, is_long, plan
from surefoot.adapters.prometheus.promql import Arms
from surefoot.adapters.prometheus.reader import Found, Plans, Reader, Rules, Sheets
from surefoot.adapters.prometheus.wants import Ask
from surefoot.engine.questions import Answer, Problem, ProblemKind, Question, Reading

log = logging.getLogger(__name__)
# A scrape may be late and one may fail; what is older than this is no news.
STALE_AFTER_SCRAPES = 4
DEFAULT_INTERVAL = timedelta(seconds=15)


@dataclass(frozen=True)
class Asked:
    """The questions of one release at one moment, and its interval of analysis."""

    questions: Sequence[Question]
    now: datetime
    interval: timedelta = DEFAULT_INTERVAL


async def collect(
    ask: Ask,
    questions: Sequence[Question],
    now: datetime,
    scrape_interval: timedelta,
    interval: timedelta = DEFAULT_INTERVAL,
) -> dict[str, Answer]:
    """One release's answers by the questions' keys, with nothing remembered."""
    asked: dict[Hashable, Asked] = {"": Asked(questions, now, interval)}
    return (await collect_all(ask, asked, Rules(scrape_interval), Memory()))[""]


async def collect_all(
    ask: Ask,
    asked: Mapping[Hashable, Asked],
    rules: Rules,
    memory: Memory,
    beside: Beside | None = None,
) -> dict[Hashable, dict[str, Answer]]:
    """Every release's answers, at once."""
    return {release: each async for release, each in collected(ask, asked, rules, memory, beside)}


async def collected(
    ask: Ask,
    asked: Mapping[Hashable, Asked],
    rules: Rules,
    memory: Memory,
    beside: Beside | None = None,
) -> AsyncIterator[tuple[Hashable, dict[str, Answer]]]:
    """Every release's answers, as they are made: ticks go on in between. `ask` may raise Failed; a
    failure stays with those it is about. With a `beside`, what takes long is read there, and answered
    by a later collection."""
    known: dict[Hashable, Arms] = {}
    plans: Plans = {
        (release, question.key): plan(question, each.now, known)
        for release, each in asked.items()
        for question in each.questions
    }
    at = max((each.now.timestamp() for each in asked.values()), default=0.0)
    found = await _found(Reader(ask, at, rules, memory, beside), plans, asked)
    pages = {id(each.page): each.page for each in found.values() if isinstance(each, Sheets)}
    indexes = {name: Index(page) for name, page in pages.items()}
    for release, each in asked.items():
        answers: dict[str, Answer] = {}
        for question in each.questions:
            mine = plans[release, question.key]
            got = mine.problem or found[release, question.key]
            index = indexes[id(got.page)] if isinstance(got, Sheets) else None
            answers[question.key] = _answered(mine, got, index, rules.scrape_interval)
        yield release, answers
        await asyncio.sleep(0)


async def _found(reader: Reader, plans: Plans, asked: Mapping[Hashable, Asked]) -> dict[Key, Found]:
    """Each plan is read in one way; what proves to be too much is summed."""
    ways: dict[str, dict[Key, Plan]] = {"raw": {}, "long": {}, "summed": {}, "query": {}, "": {}}
    for key, each in plans.items():
        ways[_way(reader, each, asked[key[0]].interval)][key] = each
    raw, values = await asyncio.gather(
        reader.raw(ways["raw"]), reader.values(ways["long"], ways["summed"], ways["query"])
    )
    found = raw | values
    crowded = await reader.crowded(ways["raw"] | ways["long"], found)
    return found | (await reader.values({}, crowded, {}) if crowded else {})


def _way(reader: Reader, plan: Plan, interval: timedelta) -> str:
    if plan.problem is not None:
        return ""
    if plan.arms is None:
        return "query"
    if reader.memory.series_of(plan.arms, reader.at):
        return "summed"
    return "long" if is_long(plan, interval) else "raw"


def _answered(plan: Plan, found: Found, index: Index | None, scrape_interval: timedelta) -> Answer:
    """The answer, whatever the numbers are that somebody exports: nobody else loses theirs."""
    try:
        return _answer(plan, found, index, scrape_interval)
    except Exception as error:
        log.exception("no answer can be made of what was read")
        text = f"what Prometheus gave cannot be read ({type(error).__name__})"
        problem = Problem(ProblemKind.UNREACHABLE, f"{text}: see the operator's log")
        return readings.failed(problem)


def _answer(plan: Plan, found: Found, index: Index | None, scrape_interval: timedelta) -> Answer:
    if isinstance(found, Problem):
        return readings.failed(found)
    if isinstance(found, Vector):
        return readings.scalar(found, datetime.fromtimestamp(plan.end, UTC))
    assert plan.source is not None
    assert index is not None
    sheet = Sheet(index, plan.start, plan.end, 2 * scrape_interval.total_seconds())
    answer = readings.answer(plan.signal, plan.source, found.arms, sheet)
    arms = Arm("candidate", sheet, found.arms), Arm("incumbent", sheet, found.arms)
    both = (
        _covered(reading, arm, plan)
        if plan.closed
        else _not_stale(reading, plan.now, scrape_interval)
        for reading, arm in zip((answer.candidate, answer.incumbent), arms, strict=True)
    )
    return Answer(*(_noted(each, found.note) for each in both))


def _covered(reading: Reading, arm: Arm, plan: Plan) -> Reading:
    """An interval of evidence of which samples are missing is a missing interval: what was counted
    in a part of it, or since long before it, is no evidence."""
    if reading.problem is not None or arm.sheet.covers(s for n in plan.names for s in arm.of(n)):
        return reading
    text = f"no samples of the {arm.name} at both ends of the interval"
    text += ": Prometheus did not scrape it then, or does not keep it for that long"
    return Reading(problem=Problem(ProblemKind.EMPTY, text))


def _noted(reading: Reading, note: str) -> Reading:
    return replace(reading, note=note) if note and reading.measure is not None else reading


def _not_stale(reading: Reading, now: datetime, scrape_interval: timedelta) -> Reading:
    """Old samples say nothing of now: a window that reaches back to them is no evidence."""
    oldest = now - STALE_AFTER_SCRAPES * scrape_interval
    if reading.newest is None or reading.newest >= oldest:
        return reading
    age = (now - reading.newest).total_seconds()
    text = f"the newest sample is {age:.0f} s old: check that Prometheus still scrapes its target"
    return Reading(problem=Problem(ProblemKind.EMPTY, text))
