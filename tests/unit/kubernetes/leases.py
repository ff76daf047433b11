"""What an API server does with Leases, as an HTTP server of its own, and a clock that tests turn."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from surefoot.adapters.kubernetes.lease import Timing

PATH = "/apis/coordination.k8s.io/v1/namespaces/platform/leases"
QUICK = Timing(duration=8, deadline=4, renew=0.01, retry=0.01)


def app_of(*many: "Leases") -> web.Application:
    """One API server with some Leases, none of which is there yet."""
    made = web.Application()
    named = {each.name: each for each in many}

    async def post(request: web.Request) -> web.Response:
        body = await request.json()
        return named[body["metadata"]["name"]].keep(body)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.json_response({})

    made.router.add_post(PATH, post)
    made.router.add_patch("/slow", slow)
    for each in many:
        made.router.add_get(f"{PATH}/{each.name}", each.get)
        made.router.add_put(f"{PATH}/{each.name}", each.put)
    return made


class Leases:
    """What an API server does with one Lease: versions, and a conflict for an old one."""

    def __init__(self, name: str = "surefoot") -> None:
        self.name = name
        self.lease: dict[str, Any] | None = None
        self.version, self.reads, self.writes, self.silent = 0, 0, 0, False
        self.conflicts = 0

    def keep(self, body: dict[str, Any]) -> web.Response:
        self.version += 1
        self.lease = {
            **body,
            "metadata": {**body["metadata"], "resourceVersion": str(self.version)},
        }
        return web.json_response(self.lease)

    async def get(self, _: web.Request) -> web.Response:
        await self._answers()
        if self.lease is None:
            return web.json_response({"message": "no Lease"}, status=404)
        return web.json_response(self.lease)

    async def put(self, request: web.Request) -> web.Response:
        await self._answers()
        body = await request.json()
        self.writes += 1
        if self.lease and body["metadata"]["resourceVersion"] != str(self.version):
            self.conflicts += 1
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


async def soon(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            if true():
                return
            await asyncio.sleep(0.005)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
