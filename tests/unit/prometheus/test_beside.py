"""Long windows that are read closely beside the collections keep nobody from a verdict."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Failed, Result, Series, Vector
from surefoot.adapters.prometheus.reader import Rules
from surefoot.adapters.prometheus.side import Side
from surefoot.engine.questions import Answer, ProblemKind, Question
from surefoot.stats.measures import Counts
from tests.unit.prometheus.builders import T0, ago, question, series

RULES = Rules(timedelta(seconds=3))
METRIC = "envoy_cluster_external_upstream_rq_completed"
HOURS = 6
BORN = T0 - ago(3600 * HOURS / 2)
PIECES = HOURS + 1


class Prometheus:
    """Counters that rise by one in ten minutes; the candidate's began half way. A piece of a long
    window is given when `open` is set, and refused when its number is in `refused`."""

    def __init__(self) -> None:
        self.open, self.asked = asyncio.Event(), asyncio.Semaphore(0)
        self.pieces, self.refused, self.cancelled = list[str](), set[int](), 0
        self.broken: set[int] = set()

    async def __call__(self, query: str, at: float) -> Result:
        if query.startswith("count("):
            return Vector((2.0,))
        if not query.startswith("{"):
            return self._ends(query)
        if "@" not in query:
            return self._samples(at - 300, at)
        self.pieces.append(query)
        self.asked.release()
        mine = len(self.pieces)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if mine in self.broken:
            raise ValueError("no such thing")
        if mine in self.refused:
            raise Failed(ProblemKind.TIMEOUT, "too slow")
        end = float(query.rsplit("@", 1)[1])
        return self._samples(end - 3700, end)

    def _samples(self, start: float, end: float) -> tuple[Series, ...]:
        found = []
        for version, since in (("v42", BORN.timestamp()), ("v41", 0.0)):
            tens = range(int(start) // 10 * 10, int(end) + 1, 10)
            samples = [(float(t), float(t // 600)) for t in tens if t > max(since, start)]
            name = f"risk_fraud-{version}_80"
            found.append(series(METRIC, *samples, envoy_cluster_name=name))
        return tuple(each for each in found if each.samples)

    def _ends(self, query: str) -> Vector:
        """The last samples at both ends; nothing ever restarted."""
        found: list[Series] = []
        for text in query.split(" or label_replace("):
            part = text.split('"surefoot_part","', 1)[1].split('"', 1)[0]
            kind = part.split(".", 1)[1]
            then = float(text.split(" @ ", 1)[1].split(")", 1)[0])
            there = self._samples(then - 300, then)
            newest = [replace(s, samples=s.samples[-1:]) for s in there]
            if kind.startswith("newest"):
                newest = [replace(s, samples=((then, s.samples[0][0]),)) for s in newest]
            if not kind.startswith("resets") and "_completed" in text:
                made = ({**s.labels, "surefoot_part": part} for s in newest)
                found += [Series(Labels(m), s.samples) for m, s in zip(made, newest, strict=True)]
        return Vector(tuple(each.samples[0][1] for each in found), tuple(found))


class World:
    """One source's collections, of a release with a long window and one with a short one."""

    def __init__(self) -> None:
        self.prometheus = Prometheus()
        self.side = Side(self.prometheus, RULES)

    async def long(self, after_s: float = 0) -> Answer:
        return await self._answer("long", self.asked(f"{HOURS}h", 3600 * HOURS, after_s), after_s)

    async def short(self, after_s: float = 0) -> Answer:
        return await self._answer("short", self.asked("2m", 120, after_s), after_s)

    def asked(self, window: str, length_s: float, after_s: float) -> Question:
        return question("ErrorRate", window=window, start=T0 + ago(after_s - length_s))

    async def _answer(self, key: str, asked: Question, after_s: float) -> Answer:
        joined = self.side.join(key, Asked([asked], T0 + ago(after_s)))
        return (await asyncio.wait_for(joined, 60))["s"]

    async def all_asked(self, pieces: int) -> None:
        for _ in range(pieces):
            await asyncio.wait_for(self.prometheus.asked.acquire(), 60)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.side.close()


def problem(answer: Answer) -> str:
    assert answer.candidate.measure is None
    assert answer.candidate.problem is not None
    return answer.candidate.problem.message


async def test_a_long_read_keeps_nobody_waiting_and_is_used_when_it_is_done(world: World) -> None:
    first, short = await asyncio.gather(world.long(), world.short())
    assert isinstance(short.candidate.measure, Counts)
    assert problem(first).endswith("around that are still being read: 0% so far")
    assert isinstance((await world.short(15)).candidate.measure, Counts)
    assert "still being read" in problem(await world.long(15))
    assert len(world.prometheus.pieces) == 1
    world.prometheus.open.set()
    await world.all_asked(PIECES)
    found = await world.long(30)
    assert found.candidate.measure is not None
    assert "read at both ends of its 6h" in found.candidate.note
    assert len(set(world.prometheus.pieces)) == len(world.prometheus.pieces) == PIECES


async def test_what_was_read_beside_is_what_is_read_at_once(world: World) -> None:
    world.prometheus.open.set()
    assert "still being read" in problem(await world.long())
    await world.all_asked(PIECES)
    beside = await world.long()
    asked = {"r": Asked([world.asked(f"{HOURS}h", 3600 * HOURS, 0)], T0)}
    at_once = await collect_all(world.prometheus, dict(asked), RULES, Memory())
    assert beside == at_once["r"]["s"]
    assert beside.candidate.problem is None


async def test_a_window_that_begins_anew_has_nothing_of_what_was_read_before_its_start(
    world: World,
) -> None:
    """The long read began before a weight step, and ends after it."""
    stepped = world.asked(f"{HOURS}h", 3600 * (HOURS - 1), 0)
    assert "still being read" in problem(await world.long())
    world.prometheus.open.set()
    await world.all_asked(PIECES)
    found = (await world.side.join("long", Asked([stepped], T0)))["s"]
    at_once = await collect_all(world.prometheus, {"r": Asked([stepped], T0)}, RULES, Memory())
    assert found == at_once["r"]["s"]
    assert found.incumbent.measure == Counts(0, 6 * (HOURS - 1))


async def test_a_piece_that_fails_is_told_once_and_read_again_from_there(world: World) -> None:
    world.prometheus.refused = {3}
    world.prometheus.open.set()
    await world.long()
    await world.all_asked(3)
    assert problem(await world.long()) == "too slow"
    assert "still being read: 3" in problem(await world.long())
    await world.all_asked(PIECES - 2)
    assert (await world.long()).candidate.measure is not None
    assert len(world.prometheus.pieces) == PIECES + 1
    assert world.prometheus.pieces[2] == world.prometheus.pieces[3]


async def test_even_a_fault_of_our_own_is_told_and_the_read_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.prometheus.broken = {2}
    world.prometheus.open.set()
    await world.long()
    await world.all_asked(2)
    assert "reading Prometheus failed (ValueError)" in problem(await world.long())
    assert "reading a long window failed" in caplog.text
    assert "still being read" in problem(await world.long())
    await world.all_asked(PIECES - 1)
    assert (await world.long()).candidate.measure is not None


async def test_no_more_than_two_windows_are_read_at_once(world: World) -> None:
    """The rest of what one source may be asked at once is for the collections."""
    releases = ("fraud", "churn", "spam")
    asked = [
        question(
            candidate=f"{name}-v42", incumbent="fraud-v41",
            window=f"{HOURS}h", start=T0 - ago(3600 * HOURS),
        )
        for name in releases
    ]  # fmt: skip

    async def collect() -> list[Answer]:
        joined = (world.side.join(q.candidate, Asked([q], T0)) for q in asked)
        return [found["s"] for found in await asyncio.gather(*joined)]

    assert all("still being read" in problem(each) for each in await collect())
    await world.all_asked(2)
    await collect()
    assert len(world.prometheus.pieces) == 2
    world.prometheus.open.set()
    await world.all_asked(3 * PIECES - 2)
    assert len(world.prometheus.pieces) == 3 * PIECES


async def test_a_window_of_few_pieces_does_not_wait_for_those_of_many(world: World) -> None:
    async def collect(name: str, hours: int) -> None:
        window = {"window": f"{hours}h", "start": T0 - ago(3600 * hours)}
        asked = question(candidate=f"{name}-v42", incumbent="fraud-v41", **window)
        await world.side.join(name, Asked([asked], T0))

    await collect("fraud", HOURS)
    await collect("churn", HOURS)
    await collect("spam", 3)
    await world.all_asked(2)
    world.prometheus.open.set()
    await world.all_asked(2 * PIECES + 4 - 2)
    read = ["spam" in piece for piece in world.prometheus.pieces]
    assert len(read) == 2 * PIECES + 4
    # In turn with both of the others.
    assert sum(read[: 3 * 4 + 1]) == 4


async def test_a_closed_interval_is_kept_until_it_was_asked_about_again(world: World) -> None:
    world.prometheus.open.set()
    asked = replace(world.asked(f"{HOURS}h", 3600 * HOURS, 0), end=T0)

    async def answer() -> Answer:
        return (await world.side.join("r", Asked([asked], T0)))[asked.key]

    assert "still being read" in problem(await answer())
    await world.all_asked(PIECES)
    assert (await answer()).candidate.measure is not None
    assert "still being read" in problem(await answer())


async def test_closing_ends_what_is_being_read() -> None:
    world = World()
    await world.long()
    await world.all_asked(1)
    await world.side.close()
    assert world.prometheus.cancelled == 1
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if task.get_name() == "a long window"]
