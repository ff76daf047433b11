"""Finds out what vanished while no watch looked: kopf lists anew after a 410, and tells only what is there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from surefoot.adapters.kubernetes.api import Api, path_of
from surefoot.adapters.kubernetes.cache import CLASSES, CLUSTER, Cache, Kind
from surefoot.ports import PortError

log = logging.getLogger("surefoot.relist")
EVERY_S = 300.0
Json = dict[str, Any]


class Relist:
    """Compares the cache with the names that the API server lists, every few minutes."""

    def __init__(
        self,
        api: Api,
        cache: Cache,
        kinds: Iterable[Kind],
        gone: Callable[[Kind, Json], None],
        namespaces: Sequence[str] = (),
    ) -> None:
        """`gone` is told of each object that is no more; no namespaces are all of them."""
        self._api, self._cache, self._gone = api, cache, gone
        self._kinds, self._namespaces = tuple(kinds), namespaces

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            for kind in self._kinds:
                try:
                    await self.once(kind)
                except PortError as error:
                    log.warning("%s were not listed: %s", kind.plural, error)

    async def once(self, kind: Kind) -> int:
        """Drop what is no more; how many that were. Raises PortError."""
        # What a watch shows while the list is read may be missing in it.
        before = {known.uid: known for known in self._cache.every(kind)}
        where = (CLUSTER,) if kind == CLASSES else self._namespaces or (CLUSTER,)
        for namespace in where:
            path = path_of(kind.group, kind.version, kind.plural, namespace)
            async for item in self._api.list(path, names_only=True):
                before.pop(item["metadata"]["uid"], None)
        for known in before.values():
            body = self._cache.get(kind, known.namespace, known.name)
            if body is not None and body["metadata"]["uid"] == known.uid:
                self._gone(kind, body)
        return len(before)
