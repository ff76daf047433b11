"""Entries of ConfigMaps, asked for by name: a watch on all of them would be many for a few."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sys import getsizeof

from surefoot.adapters.kubernetes.api import Api, NotFoundError, path_of

KEPT_S = 30.0
_MOST_KEPT = 512
# A ConfigMap may have 1 MiB; several of them must not take the memory that answers are read in.
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    at: float
    data: Mapping[str, str]
    bytes: int


class ConfigValues:
    """Reads one ConfigMap by name, and keeps it for half a minute: a number of them and of bytes in
    memory at most, the newest."""

    def __init__(
        self,
        api: Api,
        clock: Callable[[], float] = time.monotonic,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._api, self._clock, self._most_bytes = api, clock, most_bytes
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._bytes = 0

    async def value(self, namespace: str, name: str, key: str) -> str | None:
        """The entry, or None where the ConfigMap or the entry is not there. Raises PortError."""
        known = self._kept.get((namespace, name))
        if known is None or self._clock() - known.at > KEPT_S:
            at, data = self._clock(), await self._read(namespace, name)
            known = _Kept(at, data, sum(getsizeof(k) + getsizeof(v) for k, v in data.items()))
            self._keep((namespace, name), known)
        return known.data.get(key)

    def _keep(self, name: tuple[str, str], found: _Kept) -> None:
        self._drop(name)
        self._kept[name] = found
        self._bytes += found.bytes
        while len(self._kept) > _MOST_KEPT or self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: tuple[str, str]) -> None:
        known = self._kept.pop(name, None)
        self._bytes -= known.bytes if known is not None else 0

    async def _read(self, namespace: str, name: str) -> dict[str, str]:
        try:
            body = await self._api.get(path_of("", "v1", "configmaps", namespace, name))
        except NotFoundError:
            return {}
        return body.get("data") or {}
