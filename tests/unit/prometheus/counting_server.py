"""A server whose answers are the number of queries so far, and the port that asks it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer

from surefoot.adapters.prometheus import PrometheusMetrics
from surefoot.engine.questions import Answer, Question
from surefoot.ports import Key
from surefoot.stats.measures import Scalar
from tests.unit.prometheus.builders import T0, ago, question

KEY = Key("risk", "fraud")
EVERY, SCRAPE = ago(15), ago(1.5)


class World:
    """A server whose answers are the number of queries so far, and a port that asks it."""

    def __init__(self) -> None:
        self.queries, self.done = 0, asyncio.Queue[Key]()
        self.texts: list[str] = []
        self.open, self.seen = asyncio.Event(), asyncio.Event()
        self.open.set()
        app = web.Application()
        app.router.add_post("/api/v1/query", self._answer)
        self.server = TestServer(app)
        self.now = T0
        self.sampled: datetime | None = None
        self.metrics: PrometheusMetrics

    async def _answer(self, request: web.Request) -> web.Response:
        self.queries += 1
        self.texts.append(str((await request.post())["query"]))
        mine = self.queries
        self.seen.set()
        await self.open.wait()
        data = {"resultType": "scalar", "result": [1, str(mine)]}
        if self.sampled is not None:
            labels = {
                "__name__": "envoy_cluster_external_upstream_rq_completed",
                "envoy_cluster_name": "risk_fraud-v42_80",
                "instance": "envoy",
            }
            values = [[self.sampled.timestamp(), str(mine)]]
            data = {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}
        return web.json_response({"status": "success", "data": data})

    def connect(
        self,
        port: int | None,
        on_done: Callable[[Key], None] | None = None,
        scrape: timedelta = SCRAPE,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        called = on_done or self.done.put_nowait
        self.metrics = PrometheusMetrics(
            f"http://127.0.0.1:{port}", scrape, called, ago(60), clock=clock
        )

    def tick(self, *questions: Question, after_s: float = 0) -> Mapping[str, Answer] | None:
        self.now += ago(after_s)
        return self.metrics.collect(KEY, questions, self.now, EVERY)

    async def finished(self) -> None:
        assert await asyncio.wait_for(self.done.get(), 60) == KEY


def asked(start: datetime = T0, **fields: str) -> Question:
    return question("PromQL", query="vector(1)", start=start, **fields)


def value(answers: Mapping[str, Answer] | None) -> float:
    assert answers is not None
    measure = answers["s"].candidate.measure
    assert isinstance(measure, Scalar)
    return measure.value
