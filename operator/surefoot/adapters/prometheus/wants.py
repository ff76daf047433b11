"""Many wants, few queries: what several signals and releases need is asked together."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from surefoot.adapters.prometheus import promql
from surefoot.adapters.prometheus.labels import Labels, labels_of
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Failed, Result, Series, Vector
from surefoot.engine.questions import Problem, ProblemKind

Ask = Callable[[str, float], Awaitable[Result]]
PART = "surefoot_part"
T = TypeVar("T")
_CATCH_UP_S = 600.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Raw samples of both arms in (start − two scrapes, end]; `end` None is now."""

    arms: promql.Arms
    metrics: frozenset[str]
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """Instant vectors by name, which belong together: they fail together, too."""

    key: Hashable
    parts: tuple[tuple[str, str], ...]


Page = tuple[Series, ...]
Parts = Mapping[str, Page]


async def samples(
    ask: Ask, wants: Sequence[Samples], at: float, scrape_s: float, memory: Memory
) -> dict[Samples, Page | Problem]:
    """What raw samples each want gets; more than its own, where the query was shared."""
    groups: dict[Hashable, list[Samples]] = defaultdict(list)
    for want in dict.fromkeys(wants):
        alone = want.arms if memory.is_apart(want.arms, at) else None
        old = None if want.end is None else want.end // _CATCH_UP_S
        groups[promql.shape(want.arms), old, alone].append(want)
    asked = [
        _samples(ask, group, at, scrape_s, memory)
        for group in _chunks(groups, memory.joined_most(at))
    ]
    return {want: found for each in await asyncio.gather(*asked) for want, found in each.items()}


def _chunks(groups: Mapping[Hashable, list[Samples]], most: int) -> list[list[Samples]]:
    return [
        group[first : first + most]
        for group in groups.values()
        for first in range(0, len(group), most)
    ]


async def _samples(
    ask: Ask, wants: Sequence[Samples], at: float, scrape_s: float, memory: Memory
) -> dict[Samples, Page | Problem]:
    """One query for all; where it fails, one for each half of them, so that none suffers for another
    for long, and a Prometheus that has too much to do is not asked fifty times as often."""
    end = None if wants[0].end is None else max(want.end or at for want in wants)
    start = min(want.start for want in wants) - 2 * scrape_s
    metrics = frozenset[str]().union(*(want.metrics for want in wants))
    arms = tuple(dict.fromkeys(want.arms for want in wants))
    query = promql.selector(metrics, arms, (end or at) - start, end)
    try:
        found = await ask(query, at)
    except Failed as failure:
        if len(arms) == 1 or failure.problem.kind is ProblemKind.UNREACHABLE:
            return dict.fromkeys(wants, failure.problem)
        memory.set_apart(arms, at)
        halves = [set(half) for half in _halves(arms)]
        again = [[w for w in wants if w.arms in half] for half in halves]
        split = [_samples(ask, group, at, scrape_s, memory) for group in again]
        parts = await asyncio.gather(*split)
        sound = [w.arms for part in parts for w, f in part.items() if isinstance(f, tuple)]
        if len(set(sound)) == len(arms):
            memory.too_much_together(len(arms), at)
        memory.rejoin([w.arms for part in parts for w, f in part.items() if not _is_to_blame(f)])
        return {want: found for part in parts for want, found in part.items()}
    if isinstance(found, Vector):
        text = "Prometheus gave single values for raw samples: check what is in front of it"
        return dict.fromkeys(wants, Problem(ProblemKind.UNREACHABLE, text))
    return dict.fromkeys(wants, found)


def _is_to_blame(found: object) -> bool:
    """Whether it failed by itself: of one that was not answered at all nothing is known, and all of
    them apart were fifty times as much for a Prometheus that has too much to do."""
    return isinstance(found, Problem) and found.kind is not ProblemKind.UNREACHABLE


def _halves(many: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    middle = len(many) // 2
    return many[:middle], many[middle:]


async def values(
    ask: Ask, wants: Sequence[Values], at: float, memory: Memory
) -> dict[Values, Parts | Problem]:
    """The instant vectors of each want, as series of one sample, by the names of its parts."""
    distinct = list(dict.fromkeys(wants))
    alone = [[want] for want in distinct if memory.is_apart(want.key, at)]
    joined = [want for want in distinct if not memory.is_apart(want.key, at)]
    most = memory.joined_most(at)
    groups = [joined[n : n + most] for n in range(0, len(joined), most)]
    asked = [_values(ask, group, at, memory) for group in (*groups, *alone)]
    return {want: found for each in await asyncio.gather(*asked) for want, found in each.items()}


async def _values(
    ask: Ask, wants: Sequence[Values], at: float, memory: Memory
) -> dict[Values, Parts | Problem]:
    tagged = {
        f"{number}.{name}": text
        for number, want in enumerate(wants)
        for name, text in want.parts
    }  # fmt: skip
    try:
        # A user's query that is asked on its own is asked as it is, and is told of as it is.
        single = next(iter(tagged.values())) if len(tagged) == 1 else None
        found = await ask(single or joined(tagged), at)
    except Failed as failure:
        if len(wants) == 1 or failure.problem.kind is ProblemKind.UNREACHABLE:
            return dict.fromkeys(wants, failure.problem)
        memory.set_apart([want.key for want in wants], at)
        split = await asyncio.gather(*(_values(ask, h, at, memory) for h in _halves(wants)))
        sound = [w.key for part in split for w, f in part.items() if not isinstance(f, Problem)]
        if len(sound) == len(wants):
            memory.too_much_together(len(wants), at)
        memory.rejoin([w.key for part in split for w, f in part.items() if not _is_to_blame(f)])
        return {want: found for part in split for want, found in part.items()}
    if not isinstance(found, Vector):
        text = (
            "Prometheus gave samples over a range for single values: check what is in front of it"
        )
        return dict.fromkeys(wants, Problem(ProblemKind.UNREACHABLE, text))
    if single is not None:
        elements = found.series or tuple(Series(Labels(), ((at, value),)) for value in found.values)
        return {want: {name: elements for name, _ in want.parts} for want in wants}
    by_part: dict[str, list[Series]] = defaultdict(list)
    for series in found.series:
        labels = {name: value for name, value in series.labels.items() if name != PART}
        mine = Series(labels_of(labels), series.samples, series.natives)
        by_part[series.labels.get(PART, "")].append(mine)
    return {
        want: {name: tuple(by_part[f"{number}.{name}"]) for name, _ in want.parts}
        for number, want in enumerate(wants)
    }


def joined(parts: Mapping[str, str]) -> str:
    """Several expressions as one vector, told apart by a label.

    The line break before the label's name ends a comment that an expression may end with.
    """
    return " or ".join(
        f'label_replace({text}\n,"{PART}",{promql.quote(name)},"","")'
        for name, text in parts.items()
    )
