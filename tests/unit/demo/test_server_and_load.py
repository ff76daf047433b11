"""Server and load generator against each other over real sockets: late labels, honest counts."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from examples.fraud.load.generator import Generator, Target
from examples.fraud.load.labels import LabelPost
from examples.fraud.load.tally import Tally
from examples.fraud.server.app import FraudServer
from examples.fraud.server.model import Model
from examples.fraud.world import payments

DEADLINE_S = 60.0


@pytest.fixture
async def served() -> AsyncIterator[BaseTestServer]:
    server = FraudServer(Model("v41"), "")
    async with TestServer(server.app()) as running:
        server.address = f"{running.host}:{running.port}"
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def poll(reached: Callable[[], bool]) -> None:
    while not reached():  # noqa: ASYNC110 - the code under test has no event to wait for
        await asyncio.sleep(0.02)


async def send(session: aiohttp.ClientSession, url: str, requests: int) -> tuple[Tally, LabelPost]:
    """Sends about `requests` requests and waits for their answers."""
    tally = Tally()
    labels = LabelPost(tally, delay_s=0)
    generator = Generator(Target(url, "fraud.example", 500), tally, labels, payments(1))
    running = asyncio.create_task(generator.run(session))
    async with asyncio.timeout(DEADLINE_S):
        await poll(lambda: tally.sent >= requests)
        running.cancel()
        await generator.drain()
    return tally, labels


async def metric(session: aiohttp.ClientSession, url: str, name: str, labels: str = "") -> float:
    """The sum of a metric's series whose labels contain `labels`."""
    async with session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    found = re.findall(rf"^{name}(?:{{[^}}]*{labels}[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


async def test_every_score_is_counted_and_its_label_follows_once(
    served: BaseTestServer, session: aiohttp.ClientSession
) -> None:
    url = str(served.make_url("")).rstrip("/")
    tally, labels = await send(session, url, 50)
    assert await metric(session, url, "model_score_count") == tally.sent
    assert await metric(session, url, "model_labeled_score_count") == 0
    posting = asyncio.create_task(labels.run(session))
    async with asyncio.timeout(DEADLINE_S):
        await poll(lambda: tally.labels["counted"] == tally.sent)
    posting.cancel()
    known = [
        await metric(session, url, "model_labeled_score_count", f'actual="{actual}"')
        for actual in "01"
    ]
    assert sum(known) == tally.sent
    assert min(known) > 0
    assert tally.summary()["failed"] == 0
    assert tally.summary()["byVersion"] == {"v41": tally.sent}


async def test_a_label_for_an_unknown_request_is_said_to_be_unknown(
    served: BaseTestServer, session: aiohttp.ClientSession
) -> None:
    body = {"labels": [{"id": "never-asked", "actual": 1}]}
    async with session.post(served.make_url("/labels"), json=body) as answer:
        assert await answer.json() == {"counted": 0, "unknown": 1}


@pytest.mark.parametrize("body", ["{", "[]", '{"features": [1]}', '{"features": "x"}', "{}"])
async def test_a_bad_request_is_told_what_is_wrong(
    served: BaseTestServer, session: aiohttp.ClientSession, body: str
) -> None:
    async with session.post(served.make_url("/score"), data=body) as answer:
        assert answer.status == 400
        assert await answer.text()
        assert answer.headers["X-Model-Version"] == "v41"


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_connection_that_is_refused_is_a_failure_and_is_not_tried_again(
    session: aiohttp.ClientSession,
) -> None:
    tally, _ = await send(session, f"http://127.0.0.1:{closed_port()}", 20)
    assert tally.summary()["failures"] == {"path/connection": tally.sent}


@pytest.mark.parametrize(
    ("headers", "origin"), [({}, "path"), ({"X-Model-Version": "v41"}, "model")]
)
async def test_a_5xx_counts_against_whoever_answered_it(
    session: aiohttp.ClientSession, headers: dict[str, str], origin: str
) -> None:
    seen = 0

    async def broken(_: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        return web.Response(status=503, headers=headers)

    app = web.Application()
    app.router.add_post("/score", broken)
    async with TestServer(app) as server:
        tally, _ = await send(session, str(server.make_url("")).rstrip("/"), 20)
    assert tally.summary()["failures"] == {f"{origin}/5xx": tally.sent}
    assert seen == tally.sent
