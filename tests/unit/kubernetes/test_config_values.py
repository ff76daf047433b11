"""How many ConfigMaps are kept, and how much of them."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.config_values import KEPT_S, ConfigValues

MOST = 100_000


class World:
    """An API server whose ConfigMaps have an entry of as many letters as their name says."""

    def __init__(self) -> None:
        self.now, self.read = 0.0, list[str]()
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/{space}/configmaps/{name}", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.read.append(name)
        return web.json_response({"data": {"key": "x" * int(name.partition("-")[2])}})

    async def reads(self, *names: str) -> list[str]:
        """Which of them had to be asked for."""
        self.read = []
        for name in names:
            found = await self.values.value("risk", name, "key")
            assert found == "x" * int(name.partition("-")[2])
        return self.read

    async def start(self) -> None:
        await self.server.start_server()
        address = str(self.server.make_url("/")).rstrip("/")
        self.api = Api(client.Configuration(host=address))
        self.values = ConfigValues(self.api, lambda: self.now, MOST)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    await made.api.close()
    await made.server.close()


async def test_the_oldest_go_when_all_together_are_too_large(world: World) -> None:
    many = ("a-45000", "b-45000", "c-45000")
    assert await world.reads(*many) == [*many]
    assert await world.reads("b-45000", "c-45000") == []
    assert await world.reads("a-45000") == ["a-45000"]
    assert await world.reads("c-45000") == []


async def test_what_is_read_anew_counts_once(world: World) -> None:
    for _ in range(5):
        world.now += KEPT_S + 1
        assert await world.reads("a-45000", "b-45000") == ["a-45000", "b-45000"]
    assert await world.reads("a-45000", "b-45000") == []


async def test_one_that_is_larger_than_all_may_be_is_read_and_not_kept(world: World) -> None:
    assert await world.reads("a-200000", "b-10", "b-10") == ["a-200000", "b-10"]
    assert await world.reads("a-200000") == ["a-200000"]


async def test_more_than_a_number_of_them_are_not_kept_however_small(world: World) -> None:
    names = [f"n{n}-1" for n in range(513)]
    assert await world.reads(*names) == names
    assert await world.reads(*names[1:]) == []
    assert await world.reads(names[0]) == names[:1]
