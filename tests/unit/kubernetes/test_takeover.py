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
from surefoot.adapters.kubernetes.cache import (
    ACTIONS,
    DECODED,
    DEPLOYMENTS,
    RECORDS,
    RELEASES,
    ROUTES,
    Cache,
    Kind,
)
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
    # What is gone may have left something to be put right.
    assert replica.woken == [Key("risk", name) for name in ("changed", "gone", "new", "same")]


def route(weight: int, version: int) -> Json:
    backends = [{"name": "v1", "weight": 100 - weight}, {"name": "v2", "weight": weight}]
    return body("fraud", version=version, spec={"rules": [{"backendRefs": backends}]})


def weights(replica: Replica) -> list[int]:
    found = replica.cache.get(ROUTES, "risk", "fraud")
    assert found is not None
    return [backend.weight for backend in found[DECODED].rules[0]]


async def test_a_route_is_never_older_than_the_status_that_it_is_compared_with(
    replica: Replica,
) -> None:
    replica.cache.put(RELEASES, body("fraud"))
    replica.cache.put(ROUTES, route(10, version=7))
    replica.server.has(RELEASES, body("fraud", version=9))
    replica.server.has(ROUTES, route(25, version=8))
    await replica.leads("risk").begin()
    assert weights(replica) == [75, 25]


async def test_arms_and_acts_are_known_as_they_are_now(replica: Replica) -> None:
    for name in ("v1", "v2"):
        replica.cache.put(DEPLOYMENTS, body(name, status={"availableReplicas": 2}))
    replica.cache.put(ACTIONS, body("resume", spec={"releaseName": "fraud"}))
    replica.server.has(DEPLOYMENTS, body("v1", version=8, status={"availableReplicas": 1}))
    done = {"spec": {"releaseName": "fraud"}, "status": {"phase": "Done"}}
    replica.server.has(ACTIONS, body("resume", version=8, **done))
    await replica.leads("risk").begin()
    known = {each.name: each.version for each in replica.cache.every(DEPLOYMENTS)}
    assert known == {"v1": "8"}
    act = replica.cache.get(ACTIONS, "risk", "resume")
    assert act is not None
    assert act["status"] == {"phase": "Done"}


@pytest.mark.slow
@pytest.mark.parametrize("codes", [[404], [403], [500] * 100])
async def test_a_route_that_cannot_be_listed_counts_as_it_was_seen_last(
    replica: Replica, codes: list[int]
) -> None:
    replica.cache.put(ROUTES, route(10, version=7))
    replica.server.has(RELEASES, body("fraud"))
    replica.server.refuses(ROUTES, *codes)
    async with asyncio.timeout(60):
        await replica.leads("risk").begin()
    assert weights(replica) == [90, 10]
    assert replica.woken == [Key("risk", "fraud")]


async def test_a_route_is_listed_again_where_the_server_failed_once(replica: Replica) -> None:
    replica.server.refuses(ROUTES, 503)
    replica.server.has(ROUTES, route(25, version=8))
    await replica.leads("risk").begin()
    assert weights(replica) == [75, 25]


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


@pytest.mark.slow
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


async def test_of_a_release_that_was_gone_before_it_led_no_late_event_tells_a_leader_anything(
    replica: Replica,
) -> None:
    process = Process(replica)
    process.saw(RELEASES, body("fraud"), False)
    await process.lead()
    process.saw(RELEASES, body("fraud", version=9), True)
    assert not await process.works_on()


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
