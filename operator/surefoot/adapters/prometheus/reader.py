"""How series are read: raw, at both ends, as sums, or as a user's query, each in few queries."""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from surefoot.adapters.prometheus import promql, wants
from surefoot.adapters.prometheus.closely import Beside, Closely, unfinished
from surefoot.adapters.prometheus.ends import Ends
from surefoot.adapters.prometheus.memory import REMEMBERED_S, Memory
from surefoot.adapters.prometheus.payload import Failed, Result, Series, Vector
from surefoot.adapters.prometheus.plans import (
    Key,
    Plan,
    ends_of,
    query_of,
    samples_of,
    sums_of,
)
from surefoot.adapters.prometheus.wants import Ask, Page, Parts
from surefoot.api.durations import format_duration
from surefoot.engine.questions import Problem, ProblemKind

_TOO_MUCH = (ProblemKind.QUERY, ProblemKind.TIMEOUT)


@dataclass(frozen=True)
class Rules:
    """How Prometheus is read: the time between scrapes, and above how many series of one release
    Prometheus sums them."""

    scrape_interval: timedelta
    max_series: int = 10_000


@dataclass(frozen=True)
class Sheets:
    """Series, how the arms are told apart in them, and what the verdict has to say of it."""

    page: Page
    arms: promql.Arms
    note: str = ""


Found = Sheets | Vector | Problem
Plans = Mapping[Key, Plan]


class Reader:
    """Everything of one collection, at one time; long reads go on `beside` it, if there is one."""

    def __init__(
        self, ask: Ask, at: float, rules: Rules, memory: Memory, beside: Beside | None = None
    ) -> None:
        self.ask, self.at, self.rules, self.memory = ask, at, rules, memory
        self.scrape_s = rules.scrape_interval.total_seconds()
        self.beside, self.closely = beside, Closely(ask, at, self.scrape_s, memory)

    async def raw(self, plans: Plans) -> dict[Key, Found]:
        """Raw samples."""
        wanted = {key: samples_of(each) for key, each in plans.items()}
        every = list(wanted.values())
        pages = await wants.samples(self.ask, every, self.at, self.scrape_s, self.memory)
        found: dict[Key, Found] = {}
        for want, page in pages.items():
            if not isinstance(page, Problem):
                self._weigh(want.arms, page)
        for key, want in wanted.items():
            page = pages[want]
            found[key] = page if isinstance(page, Problem) else Sheets(page, want.arms)
        return found

    async def values(self, long: Plans, summed: Plans, queries: Plans) -> dict[Key, Found]:
        """What one vector can tell: both ends of long windows, sums, and the users' queries."""
        ends, ends_of_key = _shared_ends(long, self.scrape_s)
        sums = {key: sums_of(each) for key, each in summed.items()}
        known = {k: v for k, p in queries.items() if (v := query_of(p, self.memory.scalars))}
        every = [*(e.values() for e in ends), *(s.values() for s in sums.values()), *known.values()]
        parts, lone = await asyncio.gather(
            wants.values(self.ask, every, self.at, self.memory),
            self._lone({key: each for key, each in queries.items() if key not in known}),
        )
        closely = await asyncio.gather(*(self._ends(e, parts[e.values()]) for e in ends))
        read = dict(zip(ends, closely, strict=True))
        found: dict[Key, Found] = {**lone, **{key: read[each] for key, each in ends_of_key.items()}}
        for key, want in sums.items():
            got = parts[want.values()]
            note = self._summed(summed[key])
            whole = (
                got if isinstance(got, Problem) else Sheets(want.page(got), want.told_apart, note)
            )
            found[key] = whole
        for key, each in known.items():
            vector = parts[each]
            found[key] = vector if isinstance(vector, Problem) else _vector(vector[""])
        return found

    async def _lone(self, plans: Plans) -> dict[Key, Found]:
        """Queries that have not been asked before, and those about intervals that are over: each on
        its own, once where they are the same."""
        asked = {
            key: (each.query or "", each.end if each.closed else self.at)
            for key, each in plans.items()
        }
        distinct = sorted(set(asked.values()))
        results = await asyncio.gather(*(self._result(*each) for each in distinct))
        by_text = dict(zip(distinct, results, strict=True))
        found: dict[Key, Found] = {}
        for key, each in plans.items():
            result = by_text[asked[key]]
            if isinstance(result, Vector):
                self.memory.scalars[each.signal.query or ""] = not result.is_vector
            found[key] = _MATRIX if isinstance(result, tuple) else result
        return found

    async def _result(self, text: str, at: float) -> Result | Problem:
        try:
            return await self.ask(text, at)
        except Failed as failure:
            return failure.problem

    async def crowded(self, plans: Plans, found: Mapping[Key, Found]) -> dict[Key, Plan]:
        """Those of which there are too many series to be read: the failed ones are counted."""
        failed = {
            key: each
            for key, each in plans.items()
            if isinstance(got := found.get(key), Problem) and got.kind in _TOO_MUCH
            if each.arms is not None
        }
        names: dict[promql.Arms, set[str]] = defaultdict(set)
        for each in failed.values():
            assert each.arms is not None
            names[each.arms] |= each.names
        counts = await asyncio.gather(*(self._count(*each) for each in names.items()))
        for arms, count in zip(names, counts, strict=True):
            if count > self.rules.max_series:
                self.memory.crowded[arms] = count, self.at + REMEMBERED_S
        return {
            k: p for k, p in failed.items() if p.arms and self.memory.series_of(p.arms, self.at)
        }

    async def _count(self, arms: promql.Arms, names: set[str]) -> int:
        found = await self._result(f"count({promql.named(names, arms.matchers)})", self.at)
        return int(found.values[0]) if isinstance(found, Vector) and found.values else 0

    def _weigh(self, arms: promql.Arms, page: Page) -> None:
        """Arms that have more series than is good are summed from the next collection on."""
        if len(page) <= self.rules.max_series:
            return
        count = sum(map(arms.has, (series.labels for series in page)))
        if count > self.rules.max_series:
            self.memory.crowded[arms] = count, self.at + REMEMBERED_S

    def _summed(self, plan: Plan) -> str:
        assert plan.arms is not None
        count = self.memory.series_of(plan.arms, self.at)
        return (
            f"estimated by increase(): its {count} series are above the limit of "
            f"{self.rules.max_series}"
        )

    async def _ends(self, ends: Ends, found: Parts | Problem) -> Found:
        """Both ends, and the samples in between that matter, which are read once."""
        if isinstance(found, Problem):
            return found
        try:
            trace = await self.closely.trace(ends, found, self.beside)
        except Failed as failure:
            return failure.problem
        restless = ends.restless(found, trace)
        if restless and trace.until < ends.end:
            return unfinished(ends, trace)
        restarts = sum(ends.restarts(found).values())
        return Sheets(ends.page(found, trace), ends.arms, _read_at_ends(ends, restarts, restless))


_MATRIX = Problem(
    ProblemKind.QUERY,
    "the query gives samples over a range: it must give a scalar or one element",
)


def _vector(page: Page) -> Vector:
    return Vector(tuple(each.samples[0][1] for each in page if each.samples), page)


def _shared_ends(plans: Plans, scrape_s: float) -> tuple[list[Ends], dict[Key, Ends]]:
    """One pair of ends for all signals of the same arms and window."""
    by_window: dict[Hashable, list[Key]] = defaultdict(list)
    single = {key: ends_of(each, scrape_s) for key, each in plans.items()}
    for key, each in single.items():
        by_window[each.arms, each.start, each.end, each.window].append(key)
    found: dict[Key, Ends] = {}
    for keys in by_window.values():
        names, counters = (
            frozenset[str]().union(*many)
            for many in zip(*((single[k].names, single[k].counters) for k in keys), strict=True)
        )
        whole = replace(single[keys[0]], names=names, counters=counters)
        found |= dict.fromkeys(keys, whole)
    return list(dict.fromkeys(found.values())), found


def _read_at_ends(ends: Ends, restarts: int, unplaced: Iterable[Series]) -> str:
    text = f"read at both ends of its {_length(ends)}"
    if missed := sum(1 for _ in unplaced):
        return f"{text}; where {missed} of its series began or restarted is not known"
    return f"{text} and around what restarted in it" if restarts else text


def _length(ends: Ends) -> str:
    return format_duration(timedelta(seconds=round(ends.end - ends.start)))
