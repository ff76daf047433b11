"""What may happen on the way to Prometheus, against a server that speaks its JSON or fails to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, unused_port

from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.payload import Failed, Vector
from surefoot.engine.questions import Problem, ProblemKind

VECTOR = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.25"]}]}}'
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers every query with `respond`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.respond: Respond = self.says(VECTOR)
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.running = self.most_running = 0
        self.released = asyncio.Event()
        app = web.Application()
        app.router.add_post("/prefix/api/v1/query", self._handle)
        self.server = TestServer(app)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        self.headers.append(dict(request.headers))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self.respond(request)
        finally:
            self.running -= 1

    @staticmethod
    def says(text: str, status: int = 200, **headers: str) -> Respond:
        async def respond(_: web.Request) -> web.StreamResponse:
            return web.Response(text=text, status=status, headers=headers)

        return respond

    async def hangs(self, _: web.Request) -> web.StreamResponse:
        await self.released.wait()
        return web.Response(text=VECTOR)

    async def cuts_off(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status":"success"')
        assert request.transport is not None
        request.transport.close()
        return response

    @property
    def url(self) -> str:
        return f"http://user:secret@127.0.0.1:{self.server.port}/prefix/"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.server.start_server()
    yield made
    made.released.set()
    await made.server.close()


async def ask(url: str, timeout_s: float = 60, times: int = 1, **settings: int) -> list[object]:
    """The results of so many queries at once, problems included."""
    client = Client(url, timedelta(seconds=timeout_s), headers={"X-Tenant": "a"}, **settings)
    try:
        found = await asyncio.gather(
            *(client.ask("up", 12.3456) for _ in range(times)), return_exceptions=True
        )
    finally:
        await client.close()
    return [each.problem if isinstance(each, Failed) else each for each in found]


async def test_a_query_is_one_form_with_its_time_and_timeout(server: Server) -> None:
    assert await ask(server.url) == [Vector((0.25,))]
    assert server.forms == [{"query": "up", "time": "12.346", "timeout": "60s"}]
    assert server.headers[0]["X-Tenant"] == "a"
    assert server.headers[0]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("status", "text", "kind", "said"),
    [
        (400, '{"status":"error","errorType":"bad_data","error":"1:5: parse error"}', "Query", "1:5"),
        (500, "Internal Server Error", "Unreachable", "HTTP 500"),
        (200, "<html>Sign in</html>", "Unreachable", "no complete JSON"),
        (200, VECTOR.replace('{"status"', '{"warnings":["a store is down"],"status"'), "Partial", "a store is down"),
    ],
)  # fmt: skip
async def test_failures_that_are_answered(
    server: Server, status: int, text: str, kind: str, said: str
) -> None:
    server.respond = server.says(text, status)
    [found] = await ask(server.url)
    assert isinstance(found, Problem)
    assert found.kind.value == kind
    assert said in found.message


async def test_a_redirect_is_not_followed(server: Server) -> None:
    server.respond = server.says("", 307, Location="/prefix/api/v1/query")
    [found] = await ask(server.url)
    assert isinstance(found, Problem)
    assert found.kind is ProblemKind.UNREACHABLE
    assert "redirect (HTTP 307)" in found.message
    assert len(server.forms) == 1


async def test_no_answer_in_time_is_a_timeout_that_says_how_long(server: Server) -> None:
    server.respond = server.hangs
    [found] = await ask(server.url, timeout_s=0.2)
    assert isinstance(found, Problem)
    assert found.kind is ProblemKind.TIMEOUT
    assert "within 0.2 s" in found.message
    assert "secret" not in found.message


async def test_a_body_that_is_cut_off_is_no_answer(server: Server) -> None:
    server.respond = server.cuts_off
    [found] = await ask(server.url)
    assert isinstance(found, Problem)
    assert found.kind is ProblemKind.UNREACHABLE
    assert "the connection broke off" in found.message
    assert "secret" not in found.message


async def test_an_answer_beyond_the_bound_is_not_read_to_its_end(server: Server) -> None:
    server.respond = server.says(" " * 2_000_000)
    [found] = await ask(server.url, max_answer_bytes=100_000)
    assert isinstance(found, Problem)
    assert found.kind is ProblemKind.QUERY
    assert "larger than 100000 bytes" in found.message


async def test_nobody_there_is_unreachable() -> None:
    port = unused_port()
    [found] = await ask(f"http://user:secret@127.0.0.1:{port}")
    assert isinstance(found, Problem)
    assert found.kind is ProblemKind.UNREACHABLE
    assert f"127.0.0.1:{port} cannot be reached" in found.message
    assert "secret" not in found.message


async def test_queries_at_once_are_bounded(server: Server) -> None:
    async def respond(_: web.Request) -> web.StreamResponse:
        if server.running == 2:
            await round_trips()
            server.released.set()
        await server.released.wait()
        return web.Response(text=VECTOR)

    async def round_trips() -> None:
        """Long enough for a third query to arrive, if there were one."""
        async with ClientSession() as session:
            for _ in range(20):
                async with session.get(server.server.make_url("/")) as response:
                    await response.read()

    server.respond = respond
    assert await ask(server.url, times=10, max_concurrent=2) == [Vector((0.25,))] * 10
    assert server.most_running == 2


async def test_a_query_waits_for_its_turn_no_longer_than_for_its_answer(server: Server) -> None:
    server.respond = server.hangs
    found = await ask(server.url, timeout_s=0.2, times=9, max_concurrent=1)
    problems = [each for each in found if isinstance(each, Problem)]
    assert len(problems) == 9
    # What was not even asked is no query to be asked in other words.
    waited = [each for each in problems if "busy with other queries" in each.message]
    assert {each.kind for each in waited} == {ProblemKind.UNREACHABLE}
    assert {each.kind for each in problems if each not in waited} == {ProblemKind.TIMEOUT}
    assert len(server.forms) == 9 - len(waited) < 9


async def test_proxies_of_the_environment_are_not_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert await ask(server.url) == [Vector((0.25,))]


class Counting(ThreadPoolExecutor):
    """The loop's threads, and how often one was asked for."""

    used = 0

    def submit(self, *args: Any, **more: Any) -> Any:
        self.used += 1
        return super().submit(*args, **more)


async def test_a_large_answer_is_decoded_beside_the_event_loop_and_a_small_one_is_not(
    server: Server,
) -> None:
    entry = '{"metric":{"le":"%d"},"value":[1,"0.25"]}'
    many = ",".join(entry % n for n in range(8_000))
    server.respond = server.says(VECTOR.replace('{"metric":{},"value":[1,"0.25"]}', many))
    threads = Counting()
    asyncio.get_running_loop().set_default_executor(threads)
    found = await ask(server.url, times=2)
    assert found == [Vector((0.25,) * 8_000)] * 2
    assert threads.used == 2
    server.respond = server.says(VECTOR)
    assert await ask(server.url) == [Vector((0.25,))]
    assert threads.used == 2


async def test_what_is_wrong_in_a_large_answer_is_told_as_in_a_small_one(server: Server) -> None:
    server.respond = server.says("<html>" + "x" * 400_000)
    [problem] = await ask(server.url)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.UNREACHABLE
    assert "no complete JSON" in problem.message
