"""Prometheus: away, slow, wrong, partial, old, or new and empty."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcluster import build
from tests.chaos.kinds import kind_for_all
from tests.chaos.proxy import Answer, Call, DropError, Fault
from tests.chaos.stage import Group, reach
from tests.support.story import Prometheus

AREA = "Prometheus"
Json = dict[str, Any]


class Changed(Fault):
    """Every answer to a query is put through `change`."""

    def __init__(self, group: Group, change: Callable[[Json], Json]) -> None:
        super().__init__()
        self.group, self.change = group, change

    async def after(self, call: Call, answer: Answer) -> Answer:
        if answer.status != 200 or "/api/v1/query" not in call.path:
            return answer
        self.group.strike()
        return Answer(200, json.dumps(self.change(json.loads(answer.body))).encode())


class Replaced(Fault):
    """Something else instead of an answer; None is a reset connection."""

    def __init__(
        self, group: Group, *answers: Answer | None, wait: tuple[float, float] = (0, 0)
    ) -> None:
        super().__init__()
        self.group, self.answers, self.wait = group, answers, wait

    async def before(self, call: Call) -> Answer | None:
        self.group.strike()
        await asyncio.sleep(self.group.chance.uniform(*self.wait))
        found = self.group.chance.choice(self.answers)
        if found is None:
            raise DropError
        return found


class Cut(Fault):
    """Half of the body."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    async def after(self, call: Call, answer: Answer) -> Answer:
        self.group.strike()
        return Answer(answer.status, answer.body[: len(answer.body) // 2])


def _samples(body: Json, change: Callable[[list[Any]], list[Any]]) -> Json:
    """Every [time, value] of an answer, changed."""
    for series in body["data"].get("result", []):
        if "value" in series:
            series["value"] = change(series["value"])
        if "values" in series:
            series["values"] = [change(sample) for sample in series["values"]]
    return body


def _nan(body: Json) -> Json:
    return _samples(body, lambda sample: [sample[0], "NaN"])


def shifted(body: Json, by_s: float) -> Json:
    """Every sample, later by so many seconds."""
    return _samples(body, lambda sample: [sample[0] + by_s, sample[1]])


def _old(body: Json) -> Json:
    return shifted(body, -600)


def _empty(body: Json) -> Json:
    return {**body, "data": {**body["data"], "result": []}}


def _half(body: Json) -> Json:
    return {**body, "data": {**body["data"], "result": body["data"].get("result", [])[::2]}}


def _warned(body: Json) -> Json:
    return {**body, "warnings": ["chaos: one store did not answer"]}


async def for_a_while(group: Group, fault: Fault) -> None:
    await asyncio.sleep(group.chance.uniform(0, 6))
    before = group.struck[""]
    async with group.prometheus.having(fault):
        await asyncio.sleep(group.chance.uniform(5, 12))
        await reach(lambda: group.struck[""] > before or group.is_over, "a strike")


def _bad(code: int) -> Answer:
    body = {"status": "error", "errorType": "execution", "error": "chaos"}
    return Answer(code, json.dumps(body).encode())


def _faulty(name: str, what: str, made: Callable[[Group], Fault]) -> None:
    async def happens(group: Group) -> None:
        await for_a_while(group, made(group))

    kind_for_all(name, AREA, what)(happens)


_faulty("prometheus-down", "every connection reset", lambda g: Replaced(g, None))
_faulty("prometheus-slow", "answers after 4 to 60 s", lambda g: Replaced(g, None, wait=(4, 60)))
_faulty(
    "prometheus-errors",
    "400, 422, 500 or 503",
    lambda g: Replaced(g, *map(_bad, (400, 422, 500, 503))),
)
_faulty(
    "prometheus-garbage",
    "HTML instead of JSON",
    lambda g: Replaced(g, Answer(200, b"<html>", "text/html")),
)
_faulty("prometheus-nan", "every value NaN", lambda g: Changed(g, _nan))
_faulty("prometheus-empty", "no series", lambda g: Changed(g, _empty))
_faulty("prometheus-half", "every second series missing", lambda g: Changed(g, _half))
_faulty("prometheus-partial", "a warning that the answer is partial", lambda g: Changed(g, _warned))
_faulty("prometheus-old", "samples of ten minutes ago", lambda g: Changed(g, _old))
_faulty("prometheus-cut", "the body cut off in the middle", lambda g: Cut(g))


@kind_for_all("prometheus-restarted", AREA, "another process with an empty store")
async def restarted(group: Group) -> None:
    await asyncio.sleep(group.chance.uniform(2, 8))
    stage = group.stage
    await asyncio.to_thread(stage.prometheus.stop)
    folder = Path(stage.folder)
    shutil.rmtree(folder / "data", ignore_errors=True)
    target = stage.exporter.address
    made = await asyncio.to_thread(Prometheus, build.binary("prometheus"), folder, target)
    stage.prometheus, group.prometheus.target = made, made.url
    group.strike()
