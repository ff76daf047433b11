"""What judging costs: from Prometheus' bytes to decoded samples, and from those to verdicts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Hashable, Iterator
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Result, decode
from surefoot.adapters.prometheus.reader import Rules
from surefoot.adapters.prometheus.wants import Ask
from surefoot.api.vocabulary import Verdict
from surefoot.engine.judge import Stand, judge
from surefoot.engine.questions import Question
from tests.bench.figures import Figure
from tests.bench.machine import measured
from tests.unit.engine.builders import plan
from tests.unit.prometheus.builders import T0, question

PODS, BUCKETS, SAMPLES = 10, 20, 10
LIMIT_MS = 5.0
_ROUNDS = 20
_NOW = T0 + timedelta(seconds=135)
_EDGES = [*(f"{(n + 1) / (BUCKETS - 1):.4g}" for n in range(BUCKETS - 1)), "+Inf"]
_ARMS = ("v41", "v42")


def signals() -> list[Question]:
    """Eight signals that need every bucket of every pod."""
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("Latency", {"quantile": 0.5}),
        ("Latency", {"quantile": 0.99}),
        ("Drift", {"metric": "PSI"}),
        ("Drift", {"metric": "JensenShannonDistance"}),
        ("Drift", {"metric": "KolmogorovSmirnov"}),
        ("Calibration", {"metric": "ECE"}),
        ("Calibration", {"metric": "Brier"}),
        ("Performance", {"metric": "AUC", "threshold": {"min": 0.01, "window": "2m"}}),
    ]
    return [
        question(kind, f"s{n}", **{"start": T0, "window": "2m", **more})
        for n, (kind, more) in enumerate(kinds)
    ]


def _series(metric: str, labels: dict[str, str], rate: float) -> dict[str, Any]:
    first = _NOW.timestamp() - 15 * (SAMPLES - 1)
    values = [[first + 15 * n, f"{int(1000 + rate * n)}"] for n in range(SAMPLES)]
    common = {"job": "kubernetes-pods", "node": "node-1", "app": "fraud", "container": "server"}
    return {"metric": {"__name__": metric, **common, **labels}, "values": values}


def _proxy() -> Iterator[dict[str, Any]]:
    for version in _ARMS:
        for pod in range(PODS // 2):
            for n, edge in enumerate(_EDGES):
                labels = {"envoy_cluster_name": f"risk_fraud-{version}_80", "instance": f"e{pod}"}
                le = edge if edge == "+Inf" else f"{float(edge) * 1000:g}"
                yield _series(
                    "envoy_cluster_external_upstream_rq_time_bucket", {**labels, "le": le}, 9 + n
                )


def _servers() -> Iterator[dict[str, Any]]:
    for version in _ARMS:
        for pod in range(PODS // 2):
            name = f"fraud-{version}-7c9f8d5b6-aaaa{pod}"
            labels = {"namespace": "risk", "pod": name, "instance": name}
            for n, edge in enumerate(_EDGES):
                yield _series("model_score_bucket", {**labels, "le": edge}, 9 + n)
                for actual in "01":
                    made = {**labels, "le": edge, "actual": actual}
                    yield _series("model_labeled_score_bucket", made, 3 + n * (1 + int(actual)))
            for actual in "01":
                yield _series("model_labeled_score_sum", {**labels, "actual": actual}, 12)


def bodies() -> dict[str, bytes]:
    """What Prometheus sends for each of the two queries, by a piece of the query."""
    made = {"envoy": list(_proxy()), "model": list(_servers())}
    return {
        name: json.dumps(
            {"status": "success", "data": {"resultType": "matrix", "result": series}}
        ).encode()
        for name, series in made.items()
    }


def _which(query: str) -> str:
    return "envoy" if "envoy" in query else "model"


async def _verdicts(
    ask: Ask, questions: list[Question], stand: Stand, memory: Memory
) -> list[Verdict]:
    asked: dict[Hashable, Asked] = {"r": Asked(questions, _NOW, timedelta(seconds=15))}
    answers = (await collect_all(ask, asked, Rules(timedelta(seconds=15)), memory))["r"]
    return [judge(q.signal, stand, None, answers[q.key]).verdict for q in questions]


def _spent_ms(began: float) -> float:
    return 1000 * (time.process_time() - began)


def reading(runs: int) -> list[Figure]:
    """CPU time of one tick of one release, and what comes before it."""
    sent = bodies()
    size = sum(map(len, sent.values())) / 1024
    shape = f"8 signals × {BUCKETS} buckets × {PODS} pods"
    judged = Figure(
        "reading", f"decoded samples → verdicts, {shape}", "ms CPU", [], LIMIT_MS, "median"
    )
    decoded = Figure("reading", f"decoding {size:.0f} KiB of JSON", "ms CPU", [])
    carried = Figure("reading", "a query's transport over loopback, decoding included", "ms", [])
    with measured() as load:
        for _ in range(max(1, runs)):
            judged.values.append(_judging(sent))
            decoded.values.append(_decoding(sent))
        carried.values += asyncio.run(_carrying(sent, max(1, runs)))
    for figure in (judged, decoded, carried):
        figure.load = load
    return [judged, decoded, carried]


def _judging(sent: dict[str, bytes]) -> float:
    """The mean of some rounds, each of which has samples decoded for it alone."""
    memory, spent, questions = Memory(), 0.0, signals()
    stand = Stand(plan(), 0, T0, T0, _NOW)
    with asyncio.Runner() as runner:
        for _ in range(_ROUNDS):
            results: dict[str, Result] = {name: decode(200, body) for name, body in sent.items()}

            async def ask(query: str, _: float, results: dict[str, Result] = results) -> Result:
                return results[_which(query)]

            began = time.process_time()
            found = runner.run(_verdicts(ask, questions, stand, memory))
            spent += _spent_ms(began)
            assert Verdict.PASS in found
            assert not {Verdict.ERROR, Verdict.NO_DATA} & set(found), found
    return spent / _ROUNDS


def _decoding(sent: dict[str, bytes]) -> float:
    began = time.process_time()
    for body in sent.values():
        decode(200, body)
    return _spent_ms(began)


async def _carrying(sent: dict[str, bytes], runs: int) -> list[float]:
    async def answer(request: web.Request) -> web.Response:
        query = (await request.post())["query"]
        return web.Response(body=sent[_which(str(query))], content_type="application/json")

    app = web.Application()
    app.router.add_post("/api/v1/query", answer)
    server = TestServer(app)
    await server.start_server()
    client = Client(f"http://127.0.0.1:{server.port}")
    found: list[float] = []
    try:
        for _ in range(runs):
            for name in sent:
                began = time.perf_counter()
                await client.ask(name, _NOW.timestamp())
                found.append(1000 * (time.perf_counter() - began))
    finally:
        await client.close()
        await server.close()
    return found
