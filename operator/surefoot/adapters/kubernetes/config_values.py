"""Entries of ConfigMaps, asked for by name: a watch on all of them would be many for a few."""

import time
from collections.abc import Callable

from surefoot.adapters.kubernetes.api import Api, NotFoundError, path_of

KEPT_S = 30.0
_MOST_KEPT = 512


class ConfigValues:
    """Reads one ConfigMap by name, and keeps it for half a minute."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._clock = api, clock
        self._kept: dict[tuple[str, str], tuple[float, dict[str, str]]] = {}

    async def value(self, namespace: str, name: str, key: str) -> str | None:
        """The entry, or None where the ConfigMap or the entry is not there. Raises PortError."""
        known = self._kept.get((namespace, name))
        if known is None or self._clock() - known[0] > KEPT_S:
            known = (self._clock(), await self._read(namespace, name))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[(namespace, name)] = known
        return known[1].get(key)

    async def _read(self, namespace: str, name: str) -> dict[str, str]:
        try:
            body = await self._api.get(path_of("", "v1", "configmaps", namespace, name))
        except NotFoundError:
            return {}
        return body.get("data") or {}
