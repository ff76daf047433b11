"""Releases that are due together are collected together, and nobody waits for the queries of others."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from datetime import timedelta

import pytest

from surefoot.adapters.prometheus.collection import Asked
from surefoot.adapters.prometheus.connections import Limits
from surefoot.adapters.prometheus.gather import Answers, Collect, Gather
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.native import Native
from surefoot.adapters.prometheus.payload import Failed, Result, Series, Vector
from surefoot.adapters.prometheus.side import Share, Side
from surefoot.engine.questions import ProblemKind
from surefoot.stats.measures import Counts, Scalar
from tests.unit.prometheus.builders import T0, question, series
from tests.unit.prometheus.shared_server import (
    COMPLETED,
    NOW,
    RULES,
    Server,
)


def recorded() -> tuple[list[set[Hashable]], Collect]:
    """Who was collected together, and what collects them and finds nothing."""
    seen: list[set[Hashable]] = []

    async def collect(
        asked: Mapping[Hashable, Asked],
    ) -> AsyncIterator[tuple[Hashable, Answers]]:
        seen.append(set(asked))
        for key in asked:
            yield key, {}

    return seen, collect


async def test_releases_that_are_due_together_are_collected_together() -> None:
    seen, collect = recorded()
    gather = Gather(collect, timedelta(seconds=0.3))
    nothing = Asked([], NOW)
    assert await asyncio.gather(*(gather.join(key, nothing) for key in "abc")) == [{}, {}, {}]
    await gather.join("d", nothing)
    assert seen == [{"a", "b", "c"}, {"d"}]
    await gather.close()


async def test_thousands_that_ask_in_one_moment_are_not_all_collected_at_once() -> None:
    under_way: list[int] = []
    seen: list[int] = []

    async def collect(
        asked: Mapping[Hashable, Asked],
    ) -> AsyncIterator[tuple[Hashable, Answers]]:
        under_way.append(len(asked))
        seen.append(sum(under_way))
        for key in asked:
            await asyncio.sleep(0)
            yield key, {}
        under_way.remove(len(asked))

    gather = Gather(collect, timedelta(seconds=0.3))
    answers = await asyncio.gather(*(gather.join(key, Asked([], NOW)) for key in range(1050)))
    assert answers == [{}] * 1050
    assert len(seen) == 11
    assert max(seen) <= 300
    await gather.close()


async def test_a_release_has_its_answers_before_those_of_the_others_are_made() -> None:
    async def collect(
        asked: Mapping[Hashable, Asked],
    ) -> AsyncIterator[tuple[Hashable, Answers]]:
        yield "first", {}
        await asyncio.Event().wait()

    gather = Gather(collect, timedelta(seconds=0.3))
    second = asyncio.create_task(gather.join("second", Asked([], NOW)))
    assert await asyncio.wait_for(gather.join("first", Asked([], NOW)), 60) == {}
    assert not second.done()
    second.cancel()
    await gather.close()


async def test_what_was_cancelled_while_it_waited_is_not_collected() -> None:
    seen, collect = recorded()
    gather = Gather(collect, timedelta(seconds=0.3))
    gone = asyncio.create_task(gather.join("gone", Asked([], NOW)))
    await asyncio.sleep(0)
    gone.cancel()
    await gather.join("here", Asked([], NOW))
    assert seen == [{"here"}]
    with pytest.raises(asyncio.CancelledError):
        await gone
    await gather.close()


async def test_nobodys_slow_queries_keep_a_presets_answer_waiting() -> None:
    slow, gate = list[str](), asyncio.Event()

    async def ask(query: str, at: float) -> Result:
        if "slow" in query:
            slow.append(query)
            await gate.wait()
            return Vector((1.0,))
        return ()

    side = Side(ask, RULES, Limits(max_concurrent=8))
    theirs = [question("PromQL", f"s{n}", query=f"slow_{n}") for n in range(20)]
    waiting = asyncio.create_task(side.join("theirs", Asked(theirs, NOW)))
    found = await asyncio.wait_for(side.join("mine", Asked([question()], NOW)), 60)
    assert found["s"].candidate.problem is not None
    assert found["s"].candidate.problem.kind is ProblemKind.EMPTY
    assert not waiting.done()
    assert not side.idle
    assert len(slow) <= 4
    gate.set()
    answers = await asyncio.wait_for(waiting, 60)
    assert all(isinstance(each.candidate.measure, Scalar) for each in answers.values())
    assert len(slow) == 20
    await side.close()


async def test_who_waits_too_long_behind_queries_of_others_is_told_so() -> None:
    async def ask(query: str, at: float) -> Result:
        await asyncio.sleep(1000)
        return ()

    share = Share(ask, 1, 0.05)
    first = asyncio.create_task(share.ask("slow", 0))
    await asyncio.sleep(0)
    with pytest.raises(Failed, match="Prometheus busy for 0"):
        await share.ask("mine", 0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_what_one_release_exports_takes_no_answer_from_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pod = {"job": "j", "instance": "t", "namespace": "risk", "pod": "fraud-v42-7c9f8d5b6-x2k9p"}
    times = (T0.timestamp(), NOW.timestamp() - 5)
    # Bounds that no server writes.
    natives = tuple((time, Native(1.0, 1.0, ((0.5, 0.5, 1.0),))) for time in times)
    odd = Series(Labels({"__name__": "model_score", **pod}), (), natives)
    labels = {"envoy_cluster_name": "risk_churn-v42_80"}
    sound = series(COMPLETED, (times[0], 0.0), (times[1], 7.0), **labels)
    churn = question(candidate="churn-v42", incumbent="churn-v41")
    found = await Server(odd, sound).collect({"mine": [churn], "theirs": [question("Drift")]})
    assert found["mine"]["s"].candidate.measure == Counts(0, 7)
    problem = found["theirs"]["s"].candidate.problem
    assert problem is not None
    assert "what Prometheus gave cannot be read (ZeroDivisionError): see" in problem.message
    assert "no answer can be made" in caplog.text
