"""A replica that begins to lead, on a server that says more than its watches have shown: what it knows then, and
which releases it works on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api, path_of
from surefoot.adapters.kubernetes.cache import RELEASES, Cache, Kind
from surefoot.adapters.kubernetes.takeover import Takeover
from surefoot.ports import Key

Json = dict[str, Any]


def body(name: str, namespace: str = "risk", version: int = 7, **parts: Any) -> Json:
    meta = {
        "name": name, "namespace": namespace, "uid": f"{namespace}-{name}",
        "resourceVersion": str(version), "creationTimestamp": "2026-01-05T09:00:00Z",
    }  # fmt: skip
    return {"metadata": meta, **parts}


class ApiServer:
    """Objects by the path of their list, and the status codes that lists of a path begin with."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Json]] = {}
        self.refused: dict[str, list[int]] = {}
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self.server = TestServer(app)

    def has(self, kind: Kind, *bodies: Json, namespace: str = "risk") -> None:
        self.objects[path_of(*kind, namespace)] = list(bodies)

    def refuses(self, kind: Kind, *codes: int, namespace: str = "risk") -> None:
        self.refused[path_of(*kind, namespace)] = list(codes)

    async def _answer(self, request: web.Request) -> web.Response:
        left = self.refused.get(request.path)
        if left:
            return web.json_response({"message": "no"}, status=left.pop(0))
        found = self.objects.get(request.path, [])
        return web.json_response({"metadata": {"resourceVersion": "10"}, "items": found})


class Replica:
    """What has been watched so far, and who was woken."""

    def __init__(self, api: Api, server: ApiServer) -> None:
        self.api, self.server, self.cache, self.woken = api, server, Cache(), list[Key]()

    def leads(self, *namespaces: str) -> Takeover:
        return Takeover(self.api, self.cache, namespaces, self.woken.append)


@pytest_asyncio.fixture
async def replica() -> AsyncIterator[Replica]:
    server = ApiServer()
    await server.server.start_server()
    configuration = client.Configuration(host=str(server.server.make_url("")).rstrip("/"))
    configuration.retries = None
    api = Api(configuration)
    yield Replica(api, server)
    await api.close()
    await server.server.close()


async def test_releases_are_known_as_they_are_now_and_all_of_them_are_worked_on(
    replica: Replica,
) -> None:
    for name in ("changed", "same", "gone"):
        replica.cache.put(RELEASES, body(name))
    replica.server.has(RELEASES, body("changed", version=9), body("same"), body("new"))
    await replica.leads("risk").begin()
    known = {each.name: each.version for each in replica.cache.every(RELEASES)}
    assert known == {"changed": "9", "same": "7", "new": "7"}
    assert sorted(replica.woken) == [Key("risk", name) for name in ("changed", "new", "same")]


@pytest.mark.parametrize("code", [403, 404])
async def test_a_namespace_that_may_not_be_read_keeps_no_other_one_waiting(
    replica: Replica, code: int
) -> None:
    replica.cache.put(RELEASES, body("old", "away"))
    replica.server.refuses(RELEASES, code, code, namespace="away")
    replica.server.has(RELEASES, body("old", "away"), namespace="away")
    replica.server.has(RELEASES, body("fraud"))
    takeover = replica.leads("away", "risk")
    async with asyncio.timeout(60):
        await takeover.begin()
        assert replica.woken == [Key("risk", "fraud")]
        # The right comes back, and nothing has changed meanwhile.
        await takeover.go_on()
    assert replica.woken == [Key("risk", "fraud"), Key("away", "old")]


@pytest.mark.parametrize("code", [500, 429, 410])
async def test_a_server_that_fails_is_asked_again_before_anything_is_worked_on(
    replica: Replica, code: int
) -> None:
    replica.server.refuses(RELEASES, code)
    replica.server.has(RELEASES, body("fraud"))
    async with asyncio.timeout(60):
        await replica.leads("risk").begin()
    assert replica.woken == [Key("risk", "fraud")]
