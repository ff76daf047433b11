"""The Lease: who may write, for how long, and what ends it. The API server is an HTTP server of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.lease import Elector, LostError, NotLeaderError, Timing
from surefoot.ports import TransientError

PATH = "/apis/coordination.k8s.io/v1/namespaces/platform/leases"
QUICK = Timing(duration=8, deadline=4, renew=0.01, retry=0.01)


class Leases:
    """What an API server does with one Lease: versions, and a conflict for an old one."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version, self.reads, self.writes, self.silent = 0, 0, 0, False

    def app(self) -> web.Application:
        made = web.Application()
        made.router.add_post(PATH, self._post)
        made.router.add_get(PATH + "/surefoot", self._get)
        made.router.add_put(PATH + "/surefoot", self._put)
        made.router.add_patch("/slow", self._slow)
        return made

    def keep(self, body: dict[str, Any]) -> web.Response:
        self.version += 1
        self.lease = {
            **body,
            "metadata": {**body["metadata"], "resourceVersion": str(self.version)},
        }
        return web.json_response(self.lease)

    async def _post(self, request: web.Request) -> web.Response:
        return self.keep(await request.json())

    async def _get(self, _: web.Request) -> web.Response:
        await self._answers()
        if self.lease is None:
            return web.json_response({"message": "no Lease"}, status=404)
        return web.json_response(self.lease)

    async def _put(self, request: web.Request) -> web.Response:
        await self._answers()
        body = await request.json()
        self.writes += 1
        if self.lease and body["metadata"]["resourceVersion"] != str(self.version):
            return web.json_response({"message": "changed"}, status=409)
        return self.keep(body)

    async def looked_at(self) -> None:
        """A whole look at it has begun and ended since."""
        seen = self.reads
        await soon(lambda: self.reads >= seen + 2)

    async def _answers(self) -> None:
        self.reads += 1
        if self.silent:
            raise web.HTTPServiceUnavailable

    async def _slow(self, _: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.json_response({})

    @property
    def holder(self) -> str:
        assert self.lease is not None
        return str(self.lease["spec"]["holderIdentity"])


class Clock:
    """Seconds since some moment; they pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest_asyncio.fixture
async def api(leases: Leases) -> AsyncIterator[Api]:
    async with TestServer(leases.app()) as server:
        made = Api(client.Configuration(host=str(server.make_url("/")).rstrip("/")))
        yield made
        await made.close()


def elector(api: Api, clock: Clock, name: str = "one") -> Elector:
    return Elector(api, "platform", "surefoot", name, QUICK, clock)


async def soon(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            if true():
                return
            await asyncio.sleep(0.005)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_lease_is_made_held_and_given_back(api: Api, leases: Leases) -> None:
    clock = Clock()
    one = elector(api, clock)
    with pytest.raises(NotLeaderError, match="another replica leads"):
        one.remaining()
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    assert (leases.holder, one.leads) == ("one", True)
    assert one.remaining() == QUICK.duration - 1
    clock.now += 1
    await soon(lambda: leases.writes >= 2)
    await ended(holding)
    await one.release()
    assert (leases.holder, one.leads) == ("", False)


async def test_it_is_taken_when_it_was_watched_for_its_whole_duration_without_a_change(
    api: Api, leases: Leases
) -> None:
    clock = Clock()
    spec = {"holderIdentity": "two", "leaseDurationSeconds": 8, "leaseTransitions": 3}
    leases.keep({"metadata": {"name": "surefoot"}, "spec": spec})
    one = elector(api, clock)
    taking = asyncio.create_task(one.run())
    for _ in range(3):
        seen = leases.version
        clock.now += 7.9
        await leases.looked_at()
        assert (leases.holder, one.leads) == ("two", False)
        leases.keep(leases.lease or {})
        assert leases.version > seen
        await leases.looked_at()
    clock.now += 8.1
    await asyncio.wait_for(one.elected.wait(), 60)
    assert leases.holder == "one"
    assert leases.lease is not None
    assert leases.lease["spec"]["leaseTransitions"] == 4
    await ended(taking)


async def test_one_that_cannot_renew_stops_writing_long_before_others_may(
    api: Api, leases: Leases
) -> None:
    clock = Clock()
    one = elector(api, clock)
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    leases.silent = True
    clock.now += QUICK.deadline - 0.5
    await leases.looked_at()
    assert one.leads
    assert one.remaining() < QUICK.duration - QUICK.deadline + 0.5
    clock.now += 1
    assert not one.leads
    with pytest.raises(LostError, match="could not be renewed in time"):
        await asyncio.wait_for(holding, 60)


async def test_an_editors_change_is_no_loss_and_another_holder_is(api: Api, leases: Leases) -> None:
    clock = Clock()
    one = elector(api, clock)
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    lease = leases.lease or {}
    leases.keep({**lease, "metadata": {**lease["metadata"], "labels": {"by": "hand"}}})
    renewed = leases.version
    clock.now += 1
    await soon(lambda: leases.version > renewed)
    assert one.leads
    assert (leases.lease or {})["metadata"]["labels"] == {"by": "hand"}

    lease = leases.lease or {}
    leases.keep({**lease, "spec": {**lease["spec"], "holderIdentity": "two"}})
    clock.now += 1
    with pytest.raises(LostError, match="held by two"):
        await asyncio.wait_for(holding, 60)
    assert not one.leads
    await one.release()
    assert leases.holder == "two"


async def test_no_write_begins_without_the_lease_and_none_outlives_it(api: Api) -> None:
    left: list[float] = []

    def fence() -> float:
        if not left:
            raise NotLeaderError("another replica leads")
        return left[0]

    api.fence = fence
    with pytest.raises(NotLeaderError):
        await api.patch("/slow", {}, "application/merge-patch+json")
    left.append(0.2)
    async with asyncio.timeout(9):
        with pytest.raises(TransientError, match="TimeoutError"):
            await api.patch("/slow", {}, "application/merge-patch+json")
