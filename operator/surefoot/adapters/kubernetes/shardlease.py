"""Which replica of a shard writes, and that all who write agree on the number of shards.

A shard has a Lease of its own. Two shards of different numbers may both own a release, so there is one
Lease more, which all shards of a number hold together, under the number's name: as long as one of them
renews it, no shard of another number writes. It has the name of the only Lease of an operator without
shards, which keeps that one apart as well.
"""

import asyncio
import time
from collections.abc import Callable

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.lease import Elector, Timing
from surefoot.sharding import Shard


class ShardElector:
    """Takes both Leases, its own one first, and holds them; what `Elector` does with one."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        shard: Shard,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        own = f"{name}-{shard.index}-of-{shard.count}"
        self._own = Elector(api, namespace, own, identity, timing, clock)
        together = f"{shard.count} shards"
        self._number = Elector(api, namespace, name, together, timing, clock, shared=True)
        self.elected = asyncio.Event()

    def remaining(self) -> float:
        """For how many seconds a write that begins now may last. Raises NotLeaderError."""
        return min(self._own.remaining(), self._number.remaining())

    async def run(self) -> None:
        """Wait for both and hold them until cancelled. Raises LostError when one was lost."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._own.run())
                # A replica that waits for its shard must not keep the number alive.
                await self._own.elected.wait()
                group.create_task(self._number.run())
                await self._number.elected.wait()
                self.elected.set()
        except ExceptionGroup as lost:
            raise lost.exceptions[0] from None

    async def release(self) -> None:
        """Give back what is its own; the number runs out when no shard of it is left."""
        await self._own.release()
