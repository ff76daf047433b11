"""What a replica that begins to lead reads anew: its watches may not have shown what another one wrote last."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from surefoot.adapters.kubernetes.api import Api, ExpiredError, path_of
from surefoot.adapters.kubernetes.cache import (
    ACTIONS,
    CLUSTER,
    DEPLOYMENTS,
    RELEASES,
    ROUTES,
    Cache,
    Kind,
)
from surefoot.adapters.kubernetes.watch import backoff
from surefoot.ports import Key, PermanentError, PortError

log = logging.getLogger("surefoot.takeover")
_AGAIN_S = 1.0
# What is decided by beside a release: a route that is older than its status looks as if someone had lowered it.
_BESIDE = (ROUTES, DEPLOYMENTS, ACTIONS)
_TRIES = 3


class Takeover:
    """Wakes each release once it is known as it is now: a tick on an older status would write an older
    weight. What may not be read keeps nothing else from being guarded."""

    def __init__(
        self, api: Api, cache: Cache, namespaces: Sequence[str], wake: Callable[[Key], None]
    ) -> None:
        """Of all namespaces where none is named."""
        self._api, self._cache, self._wake = api, cache, wake
        self._namespaces = namespaces or (CLUSTER,)
        self._left: list[str] = []

    async def begin(self) -> None:
        """Until all is read that may be, for as long as the API server fails."""
        for namespace in self._namespaces:
            try:
                await self._read_anew(namespace)
            except PermanentError as error:
                log.warning("its releases are left alone until they can be listed: %s", error)
                self._left.append(namespace)

    async def go_on(self) -> None:
        """Until the rest is read, too: a right may come back, and no watch tells what has not changed."""
        waits = backoff()
        while self._left:
            await asyncio.sleep(next(waits))
            for namespace in tuple(self._left):
                with suppress(PermanentError):
                    await self._read_anew(namespace)
                    self._left.remove(namespace)

    async def _read_anew(self, namespace: str) -> None:
        before = self._releases(namespace)
        await self._read(RELEASES, namespace)
        await asyncio.gather(*(self._look_at(kind, namespace) for kind in _BESIDE))
        # One that is gone may have left an open record.
        for key in sorted(before | self._releases(namespace)):
            self._wake(key)

    def _releases(self, namespace: str) -> set[Key]:
        return {Key(each.namespace, each.name) for each in self._cache.every(RELEASES, namespace)}

    async def _look_at(self, kind: Kind, namespace: str) -> None:
        """What cannot be listed is decided by as it was watched: releases are guarded in any case."""
        try:
            await self._read(kind, namespace, _TRIES)
        except PortError as error:
            log.warning("%s count as they were seen last: %s", kind.plural, error)

    async def _read(self, kind: Kind, namespace: str, tries: int | None = None) -> None:
        """Raises PermanentError, and with a number of `tries` any PortError."""
        for tried in itertools.count(1):
            try:
                await self._list(kind, namespace)
            except PortError as error:
                refused = isinstance(error, PermanentError) and not isinstance(error, ExpiredError)
                if refused or tried == tries:
                    raise
                log.warning("tried again soon: %s", error)
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _list(self, kind: Kind, namespace: str) -> None:
        """All objects as they are now; those that are known and not among them are gone."""
        before = {known.uid: known for known in self._cache.every(kind, namespace)}
        async for body in self._api.list(path_of(*kind, namespace)):
            meta = body["metadata"]
            known = before.pop(meta["uid"], None)
            if known is None or known.version != meta["resourceVersion"]:
                self._cache.put(kind, body)
        for gone in before.values():
            self._cache.drop(kind, gone.namespace, gone.name, gone.uid)
