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

from surefoot.__main__ import Operator
from surefoot.adapters.kubernetes.api import Api, path_of
from surefoot.adapters.kubernetes.cache import RECORDS, RELEASES, Cache, Kind
from surefoot.adapters.kubernetes.lease import Elector
from surefoot.adapters.kubernetes.takeover import Takeover
from surefoot.handlers import Sensor
from surefoot.ports import Key
from surefoot.settings import Settings
from tests.support.examples import EXAMPLES
from tests.support.kube import load_all

Json = dict[str, Any]
(OPEN,) = load_all(EXAMPLES / "valid" / "record-open.yaml")
(SEALED,) = load_all(EXAMPLES / "valid" / "record-full.yaml")


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


class Process(Operator):
    """One of two replicas, that is shown events by hand."""

    def __init__(self, replica: Replica) -> None:
        elector = Elector(replica.api, "platform", "surefoot", "me")
        settings = Settings(prometheus_url="http://localhost:9090", namespaces=("risk",))
        super().__init__(settings, replica.api, elector)
        self.saw = Sensor(self.cache, self.store, self.records, self._wake).saw

    async def works_on(self, name: str = "fraud") -> bool:
        """Whether it would bring a release further, or take back the traffic of one that is gone."""
        return await self.store.release(Key("risk", name)) is not None


async def test_what_was_deleted_while_another_replica_led_is_none_of_the_next_leaders_business(
    replica: Replica,
) -> None:
    process = Process(replica)
    process.saw(RELEASES, body("fraud"), False)
    assert await process.works_on()
    process.saw(RELEASES, body("fraud", version=9), True)
    assert not await process.works_on()
    await process.lead()
    assert not await process.works_on()
    assert len(process.queue) == 0


async def test_what_is_deleted_under_the_leader_is_kept_until_its_traffic_is_back(
    replica: Replica,
) -> None:
    process = Process(replica)
    process.saw(RELEASES, body("fraud"), False)
    replica.server.has(RELEASES, body("fraud"))
    await process.lead()
    process.saw(RELEASES, body("fraud", version=9), True)
    assert await process.works_on()
    assert len(process.queue) == 1


async def test_a_new_leader_works_on_what_a_release_left_that_nobody_saw_go(
    replica: Replica,
) -> None:
    process = Process(replica)
    for left, release in ((OPEN, "gone"), (SEALED, "ended")):
        spec = {**left["spec"], "releaseName": release}
        process.saw(RECORDS, body(f"{release}-1", spec=spec), False)
    assert len(process.queue) == 0
    await process.lead()
    assert process.queue._due.keys() == {Key("risk", "gone")}
