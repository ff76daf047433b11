"""A group of releases under one operator: proxies on both sides, what is seen, and what is expected."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.bench.stage import Stage
from tests.chaos.proxy import FaultProxy
from tests.chaos.replicas import Replica, replicas_of
from tests.chaos.tale import Tale
from tests.chaos.waiting import FailedError, reach
from tests.chaos.watcher import Watcher
from tests.support.authority import Authority
from tests.support.kube import ApiError, Json
from tests.support.story import OperatorProcess

LEASE = "surefoot"


@dataclass
class Group:
    """Ten releases, their operator or its replicas, one proxy before each of its servers."""

    stage: Stage
    watcher: Watcher
    prometheus: FaultProxy
    authority: Authority
    folder: Path
    chance: Random
    replicas: list[Replica]
    started: int = 0
    leaders: dict[int, str] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    logs: list[Path] = field(default_factory=list)
    tales: list[Tale] = field(default_factory=list)
    calm: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def api(self) -> FaultProxy:
        """What is between the only operator, or the first replica, and the API server."""
        return self.replicas[0].api

    @property
    def operator(self) -> OperatorProcess:
        """The only one, or the first replica."""
        return self.replicas[0].process

    async def begin(self) -> None:
        """The only operator, or all replicas; a Lease that the dead have left is no one's."""
        if len(self.replicas) == 1:
            await self.start()
            return
        home = self.stage.admin.within(self.stage.home)
        with suppress(ApiError):
            await asyncio.to_thread(home.delete, "Lease", LEASE)
        for replica in self.replicas:
            await self.join(replica)

    async def start(self, *program: str, **settings: str) -> None:
        """Another operator; the one before has ended. Every write after this is to be its own."""
        name, begun = self._name(), -1
        while begun != self.api.begun:
            # What the one before had sent still arrives, as in any network.
            await reach(lambda: not self.api.under_way, "the last calls of a dead process")
            begun = self.api.begun
            revision = await self._revision()
        self.leaders[revision] = name
        await self._spawn(self.replicas[0], name, *program, **settings)

    async def join(self, replica: Replica, *program: str) -> None:
        """Another process among those that elect the one that writes."""
        name = self._name()
        await self._spawn(replica, name, *program, SUREFOOT_LEASE_NAMESPACE=self.stage.home)

    async def end(self) -> None:
        """No operator runs any more."""
        for replica in self.replicas:
            if replica.runs:
                await asyncio.to_thread(replica.process.kill)

    async def _spawn(self, replica: Replica, name: str, *program: str, **settings: str) -> None:
        made = replica.spawn(
            name, self.prometheus.url, self.folder, program or ("surefoot",), **settings
        )
        self.logs.append(made.log)
        await asyncio.to_thread(made.ready)

    def _name(self) -> str:
        """Of a process: no other one of any group has it."""
        self.started += 1
        return f"{self.tales[0].namespace}-operator-{self.started}"

    async def leader(self) -> Replica:
        """The replica that holds the Lease, once there is one."""
        found: list[Replica] = []

        def held() -> bool:
            holder = self.lease().get("holderIdentity", "").rpartition("_")[0]
            found[:] = [each for each in self.replicas if each.runs and each.name == holder]
            return bool(found)

        await reach(held, "a replica that leads")
        return found[0]

    def lease(self) -> Json:
        """What the Lease says."""
        found: Json = self.watcher.get(self.stage.home, "Lease", LEASE).get("spec", {})
        return found

    def writes(self) -> dict[int, str]:
        """Which process made which revision."""
        return {at: name for each in self.replicas for at, name in each.api.writes.items()}

    def led(self) -> dict[int, str]:
        """From which revision on which process alone may write: by the Lease, where they elect one."""
        if len(self.replicas) == 1:
            return self.leaders
        return self.watcher.holders(self.stage.home, LEASE)

    async def _revision(self) -> int:
        """Where the store is now; a list may be answered from a cache, a write is not."""
        first = self.tales[0]
        mark = {"metadata": {"annotations": {"chaos/operators": f"{time.monotonic_ns()}"}}}
        body = await first.do(first.kube.patch, "Namespace", first.namespace, mark)
        return int(body["metadata"]["resourceVersion"])

    @property
    def is_over(self) -> bool:
        """Whether every release of the group has ended."""
        return all(tale.over for tale in self.tales)

    def strike(self, what: str = "") -> None:
        """A fault of the whole group, or of one namespace, has struck."""
        self.struck[what] += 1


@asynccontextmanager
async def group_of(
    stage: Stage, watcher: Watcher, chance: Random, replicas: int = 1
) -> AsyncIterator[Group]:
    """The proxies and a folder for a group; its operators are ended with it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        authority = Authority(folder)
        prometheus = FaultProxy(stage.prometheus.url, None, None)
        await prometheus.start()
        try:
            async with replicas_of(stage, folder, authority, replicas) as places:
                yield Group(stage, watcher, prometheus, authority, folder, chance, places)
        finally:
            await prometheus.stop()


Happens = Callable[[Tale], Awaitable[None]]
HappensToAll = Callable[[Group], Awaitable[None]]
__all__ = ["FailedError", "Group", "Happens", "HappensToAll", "Tale", "group_of", "reach"]
