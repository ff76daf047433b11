"""Which replica writes: the one that holds a Lease, as long as it can be sure that it does.

A holder that could not renew stops writing long before anyone else may take the Lease, by its own
monotonic clock; others take it when they have watched it unchanged for its whole duration, by theirs.
No two clocks are compared.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surefoot.adapters.kubernetes.api import Api, NotFoundError, path_of
from surefoot.ports import ConflictError, PortError, UnsentError

log = logging.getLogger("surefoot.lease")
Json = dict[str, Any]
# How long a Lease lasts that was given back: none may last for no time.
_GIVEN_BACK_S = 1
# A holder that died with a longer one is not waited for.
_LONGEST_S = 60.0
# It is an int32.
_MOST_TRANSITIONS = 2**31 - 1


class NotLeaderError(UnsentError):
    """Nothing may be written: the Lease is not ours, or not for long enough any more."""


class LostError(Exception):
    """The Lease was held and is not any more: the process has to end."""


@dataclass(frozen=True)
class Timing:
    """Seconds. A Lease that is not renewed for `duration` may be taken by others; its holder begins
    no write once `deadline` have passed, and every write ends before `duration`. Giving it back may
    take `release`: a process that has to end does not wait for an API server that is silent."""

    duration: float = 10.0
    deadline: float = 6.0
    renew: float = 2.0
    retry: float = 1.0
    release: float = 2.0


class Elector:
    """Takes the Lease, renews it, gives it back; `remaining` is asked before every write."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        shared: bool = False,
    ) -> None:
        """`api` is its own: a Lease must not wait behind other calls. A `shared` one is held by all
        processes of that identity together: each of them renews it, and none gives it back."""
        self._api, self._identity, self._clock = api, identity, clock
        self._timing, self._shared = timing or Timing(), shared
        self._namespace, self._name = namespace, name
        self._renewed: float | None = None
        self._lease: Json = {}
        self._seen: tuple[str, float] | None = None
        self._waits_for = ""
        self.elected = asyncio.Event()

    def remaining(self) -> float:
        """For how many seconds a write that begins now may last. Raises NotLeaderError."""
        if self._renewed is None:
            raise NotLeaderError("another replica leads")
        passed = self._clock() - self._renewed
        if passed > self._timing.deadline:
            raise NotLeaderError(f"the Lease was not renewed for {passed:.1f} s")
        return self._timing.duration - 1.0 - passed

    @property
    def leads(self) -> bool:
        """Whether a write may begin now."""
        try:
            self.remaining()
        except NotLeaderError:
            return False
        return True

    async def run(self) -> None:
        """Wait for the Lease and hold it until cancelled. Raises LostError when it was lost."""
        while True:
            if await self._tried(self._take):
                break
            await asyncio.sleep(self._timing.retry)
        log.info("%s holds the Lease %s", self._identity, self._name)
        self.elected.set()
        while True:
            await self._hold()

    async def _hold(self) -> None:
        """Until the Lease was renewed once more. Raises LostError when that came to nothing."""
        assert self._renewed is not None
        await asyncio.sleep(max(0.0, self._renewed + self._timing.renew - self._clock()))
        while not await self._tried(self._renew):
            if not self.leads:
                self._renewed = None
                raise LostError("the Lease could not be renewed in time")
            await asyncio.sleep(self._timing.retry / 2)

    async def _tried(self, step: Callable[[], Any]) -> bool:
        """Whether it came off; an API server that does not answer is no answer."""
        try:
            async with asyncio.timeout(self._timing.deadline / 2):
                return bool(await step())
        except (PortError, TimeoutError) as error:
            log.warning("the Lease: %s", error or "no answer in time")
            return False

    async def _take(self) -> bool:
        try:
            lease = await self._api.get(self._path)
        except NotFoundError:
            if not self._is_forgotten():
                return False
            began = self._clock()
            return self._holds(began, await self._api.post(self._folder, self._body(None)))
        if not self._is_free(lease):
            return False
        began = self._clock()
        try:
            answer = await self._api.put(self._path, self._body(lease))
        except ConflictError:
            return False
        return self._holds(began, answer)

    def _is_free(self, lease: Json) -> bool:
        """Given back, or watched for its whole duration without a sign of life.

        Whatever else it says was written by hand: its holder may be alive, and does not look at
        it before it renews it.
        """
        spec = lease.get("spec") or {}
        holder, said = spec.get("holderIdentity") or "", spec.get("leaseDurationSeconds") or 0
        if holder == self._identity or (holder == "" and said == _GIVEN_BACK_S):
            return True
        if holder != self._waits_for:
            log.info("waiting for the Lease %s, which is held by %s", self._name, holder)
            self._waits_for = holder
        version, now = lease["metadata"]["resourceVersion"], self._clock()
        if self._seen is None or self._seen[0] != version:
            self._seen = version, now
        return now - self._seen[1] > min(max(said, self._timing.duration), _LONGEST_S)

    def _is_forgotten(self) -> bool:
        """A Lease that is gone was never there, or whoever held it when it was deleted writes no more."""
        if self._seen is None:
            return True
        now = self._clock()
        if self._seen[0]:
            self._seen = "", now
        return now - self._seen[1] > self._timing.duration

    async def _renew(self) -> bool:
        began = self._clock()
        try:
            if self._shared:
                # Another one has renewed it since.
                await self._look_again()
            answer = await self._api.put(self._path, self._body(self._lease))
        except ConflictError:
            await self._look_again()
            return False
        except NotFoundError:
            answer = await self._api.post(self._folder, self._body(None))
        return self._holds(began, answer)

    async def _look_again(self) -> None:
        """Someone else wrote it: an editor's label is no loss, another holder is. Raises LostError."""
        lease = await self._api.get(self._path)
        holder = (lease.get("spec") or {}).get("holderIdentity")
        if holder != self._identity:
            self._renewed = None
            raise LostError(f"the Lease is held by {holder or 'nobody'}")
        self._lease = lease

    def _holds(self, began: float, lease: Json) -> bool:
        self._renewed, self._lease = began, lease
        return True

    async def release(self) -> None:
        """Give it back, so that another replica need not wait; called when nothing writes any more."""
        if not self.leads:
            return
        self._renewed = None
        try:
            async with asyncio.timeout(self._timing.release):
                await self._give_back()
        except (PortError, TimeoutError) as error:
            log.warning("the Lease was not given back: %s", error or "no answer in time")

    async def _give_back(self) -> None:
        while (self._lease.get("spec") or {}).get("holderIdentity") == self._identity:
            body = self._body(self._lease)
            body["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": _GIVEN_BACK_S}
            try:
                self._lease = await self._api.put(self._path, body)
            except ConflictError:
                # A renewal that was cancelled on its way has arrived all the same.
                self._lease = await self._api.get(self._path)

    def _body(self, known: Json | None) -> Json:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        old = (known or {}).get("spec") or {}
        mine = old.get("holderIdentity") == self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._timing.duration),
            "acquireTime": old.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": (
                (old.get("leaseTransitions") or 0) + (known is not None and not mine)
            )
            % _MOST_TRANSITIONS,
        }
        meta = known["metadata"] if known else {"name": self._name, "namespace": self._namespace}
        return {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec,
        }  # fmt: skip

    @property
    def _folder(self) -> str:
        return path_of("coordination.k8s.io", "v1", "leases", self._namespace)

    @property
    def _path(self) -> str:
        return path_of("coordination.k8s.io", "v1", "leases", self._namespace, self._name)
