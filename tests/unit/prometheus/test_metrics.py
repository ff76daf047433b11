"""The port: collections run beside the caller, are handed out once, and only for what was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp.test_utils import unused_port

from surefoot.api.metrics_source import MetricsSource
from surefoot.api.signals import Signal
from surefoot.engine.questions import Answer, ProblemKind, Question
from surefoot.ports import Key
from tests.unit.prometheus.builders import T0, ago, question
from tests.unit.prometheus.counting_server import EVERY, KEY, World, asked, value


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.server.start_server()
    made.connect(made.server.port)
    yield made
    made.open.set()
    await made.metrics.close()
    await made.server.close()


async def test_answers_are_handed_out_once_when_they_are_there(world: World) -> None:
    assert world.tick(asked()) is None
    await world.finished()
    assert value(world.tick(asked(), after_s=1)) == 1
    assert world.tick(asked(), after_s=1) is None
    assert world.queries == 1


async def test_the_next_collection_begins_an_interval_after_the_last_began(world: World) -> None:
    world.tick(asked())
    await world.finished()
    assert value(world.tick(asked(), after_s=1)) == 1
    assert world.tick(asked(), after_s=13.9) is None
    assert world.done.empty()
    assert world.tick(asked(), after_s=0.1) is None
    await world.finished()
    assert value(world.tick(asked())) == 2


async def test_the_release_is_woken_when_the_next_collection_is_due(world: World) -> None:
    soon = ago(0.05)
    world.connect(world.server.port, scrape=soon)
    world.metrics.collect(KEY, [asked()], world.now, soon)
    await world.finished()
    assert value(world.metrics.collect(KEY, [asked()], world.now, soon)) == 1
    await world.finished()
    world.now += soon
    assert world.metrics.collect(KEY, [asked()], world.now, soon) is None
    await world.finished()
    assert world.queries == 2


async def test_who_looks_more_often_than_there_are_scrapes_sees_the_same_again(
    world: World,
) -> None:
    second = ago(1)
    world.connect(world.server.port, scrape=EVERY)

    def tick(after_s: float) -> Mapping[str, Answer] | None:
        world.now += ago(after_s)
        return world.metrics.collect(KEY, [asked()], world.now, second)

    assert tick(0) is None
    await world.finished()
    assert value(tick(0.5)) == 1
    assert tick(0.5) is None
    assert [value(tick(1)) for _ in range(13)] == [1] * 13
    assert world.queries == 1
    assert tick(1) is None  # a scrape after the first one began
    await world.finished()
    assert value(tick(0)) == 2


async def test_a_release_that_looks_often_is_woken_for_what_is_known(world: World) -> None:
    soon = ago(0.05)
    world.connect(world.server.port, scrape=EVERY)
    world.metrics.collect(KEY, [asked()], world.now, soon)
    await world.finished()
    assert value(world.metrics.collect(KEY, [asked()], world.now, soon)) == 1
    await world.finished()
    world.now += soon
    assert value(world.metrics.collect(KEY, [asked()], world.now, soon)) == 1
    assert world.queries == 1


async def test_a_release_that_looks_less_often_from_now_on_sees_nothing_twice(
    world: World,
) -> None:
    world.connect(world.server.port, scrape=EVERY)
    world.metrics.collect(KEY, [asked()], world.now, ago(1))
    await world.finished()
    assert value(world.metrics.collect(KEY, [asked()], world.now, ago(1))) == 1
    world.now += ago(2)
    assert value(world.metrics.collect(KEY, [asked()], world.now, 2 * EVERY)) == 1
    world.now += ago(2)
    assert world.metrics.collect(KEY, [asked()], world.now, 2 * EVERY) is None
    assert world.done.empty()


async def test_a_release_that_is_forgotten_is_not_woken(world: World) -> None:
    soon = ago(0.05)
    world.metrics.collect(KEY, [asked()], world.now, soon)
    await world.finished()
    world.metrics.collect(KEY, [asked()], world.now, soon)
    world.metrics.forget(KEY)
    other = Key("risk", "other")
    world.metrics.collect(other, [asked()], world.now, 4 * soon)
    assert await asyncio.wait_for(world.done.get(), 60) == other
    world.metrics.collect(other, [asked()], world.now, 4 * soon)
    assert await asyncio.wait_for(world.done.get(), 60) == other


async def test_a_new_window_is_looked_at_when_it_has_a_sample(world: World) -> None:
    world.sampled = T0 - ago(5)
    world.tick(question(start=T0 - ago(60)))
    await world.finished()
    assert world.tick(question(start=T0 - ago(60))) is not None
    assert world.tick(question(start=T0), after_s=1) is None  # the next sample comes 9 s later
    assert world.tick(question(start=T0), after_s=9) is None
    assert world.queries == 1
    assert world.tick(question(start=T0), after_s=0.25) is None
    await world.finished()
    assert world.queries == 2


async def test_a_late_tick_takes_the_answers_and_starts_the_next(world: World) -> None:
    world.tick(asked())
    await world.finished()
    assert value(world.tick(asked(), after_s=60)) == 1
    await world.finished()
    assert value(world.tick(asked())) == 2


async def test_a_slow_prometheus_delays_nobody_and_is_asked_once(world: World) -> None:
    world.open.clear()
    assert world.tick(asked()) is None
    await asyncio.wait_for(world.seen.wait(), 60)
    assert world.tick(asked(), after_s=30) is None
    assert world.tick(asked(), after_s=30) is None
    world.open.set()
    await world.finished()
    assert value(world.tick(asked())) == 1
    await world.finished()
    assert world.queries == 2


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        asked(start=T0 + ago(5)),
        asked(candidate="fraud-v43"),
        asked(namespace="other"),
        asked(window="2h"),
    ],
    ids=["start", "arm", "namespace", "signal"],
)
async def test_answers_to_other_questions_are_dropped(
    world: World, other: Question, running: bool
) -> None:
    if running:
        world.open.clear()
    world.tick(asked())
    await asyncio.wait_for(world.seen.wait(), 60)
    if not running:
        await world.finished()
    world.open.set()
    assert world.tick(other, after_s=1) is None
    await world.finished()
    assert value(world.tick(other)) == 2
    assert world.done.empty()


async def test_another_set_of_signals_is_another_question(world: World) -> None:
    world.tick(asked())
    await world.finished()
    assert world.tick(asked(), question("PromQL", "more", query="vector(1)")) is None
    await world.finished()
    answers = world.tick(asked(), question("PromQL", "more", query="vector(1)"))
    assert answers is not None
    assert answers.keys() == {"s", "more"}


async def test_a_window_that_slides_with_the_clock_is_the_same_question(world: World) -> None:
    world.tick(asked(start=world.now - ago(60)))
    await world.finished()
    world.now += ago(3)
    assert value(world.tick(asked(start=world.now - ago(60)))) == 1


async def test_no_questions_forget_what_was_asked(world: World) -> None:
    world.tick(asked())
    await world.finished()
    assert world.tick() is None
    assert world.tick(asked()) is None
    await world.finished()
    assert value(world.tick(asked())) == 2


async def test_what_is_forgotten_calls_nobody_back(world: World) -> None:
    world.open.clear()
    world.tick(asked())
    await asyncio.wait_for(world.seen.wait(), 60)
    world.metrics.forget(KEY)
    world.metrics.forget(KEY)
    await world.metrics.close()
    assert world.done.empty()


async def test_a_clock_that_was_set_back_stops_nothing(world: World) -> None:
    world.tick(asked())
    await world.finished()
    assert value(world.tick(asked(), after_s=-3600)) == 1
    await world.finished()


async def test_every_release_has_its_own_collection(world: World) -> None:
    other = Key("risk", "other")
    world.tick(asked())
    assert world.metrics.collect(other, [asked()], world.now, EVERY) is None
    keys = {await asyncio.wait_for(world.done.get(), 60) for _ in range(2)}
    assert keys == {KEY, other}


async def test_an_unreachable_prometheus_is_an_answer(world: World) -> None:
    world.connect(unused_port())
    world.tick(asked())
    await world.finished()
    answers = world.tick(asked())
    assert answers is not None
    problem = answers["s"].candidate.problem
    assert problem is not None
    assert problem.kind is ProblemKind.UNREACHABLE


async def test_even_a_fault_of_our_own_is_an_answer(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = replace(asked(), signal=Signal.model_construct(name="s"))
    world.tick(broken)
    await world.finished()
    answers = world.tick(broken)
    assert answers is not None
    problem = answers["s"].candidate.problem
    assert problem is not None
    assert "AttributeError" in problem.message
    assert "a collection failed" in caplog.text


async def test_says_what_a_preset_supports(world: World) -> None:
    assert world.metrics.supports("envoy", "ErrorRate") is None
    assert world.metrics.supports("envoy", "Drift") is not None


async def test_what_a_source_showed_is_forgotten_when_nobody_asks_it_any_more(
    world: World,
) -> None:
    """A query's first time shows whether it gives a scalar: then it is asked as a vector."""
    address = str(world.server.make_url("/"))
    mine = MetricsSource.model_validate({"address": address, "kind": "Prometheus"})

    async def texts(source: MetricsSource | None, after_s: float) -> list[str]:
        world.texts, world.now = [], world.now + ago(after_s)
        world.metrics.forget(KEY)
        world.metrics.collect(KEY, [asked()], world.now, EVERY, source)
        await world.finished()
        return world.texts

    known, anew = ["vector(vector(1)\n)"], ["vector(1)"]
    assert await texts(mine, 0) == anew
    assert await texts(mine, 15) == known
    assert await texts(None, 400) == anew
    assert await texts(mine, 150) == known
    assert await texts(None, 601) == known
    assert await texts(mine, 15) == anew
