"""The sensor: every watch event enters the cache and wakes the releases it is about."""

from collections.abc import Callable
from typing import Any

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.bodies import text
from surefoot.adapters.kubernetes.cache import (
    ACTIONS,
    CLASSES,
    CLUSTER,
    DEPLOYMENTS,
    RECORDS,
    RELEASES,
    ROUTES,
    SERVICES,
    Cache,
    Kind,
)
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.ports import Key

Json = dict[str, Any]
KINDS = (RELEASES, ACTIONS, ROUTES, DEPLOYMENTS, SERVICES, CLASSES, RECORDS)
"""What is watched; of ReleaseClasses no namespace has any."""


class Sensor:
    """Feeds the cache and the queue; handlers never await I/O."""

    def __init__(
        self,
        cache: Cache,
        store: KubernetesStore,
        records: KubernetesRecords,
        wake: Callable[[Key], None],
    ) -> None:
        self._cache, self._store, self._records, self._wake = cache, store, records, wake
        self._watched: dict[Kind, Callable[[Json, bool], None]] = {
            RELEASES: self._release,
            ACTIONS: self._action,
            ROUTES: self._route,
            DEPLOYMENTS: self._arm,
            SERVICES: self._arm,
            CLASSES: self._class,
            RECORDS: self._record,
        }

    def saw(self, kind: Kind, body: Json, gone: bool = False) -> None:
        """An object as it is now, or as it was last when it is gone."""
        meta = body["metadata"]
        if kind == RELEASES and not gone and self._is_known(body):
            return
        if kind == RECORDS:
            pass
        elif kind != RELEASES and gone:
            where = meta.get("namespace", CLUSTER)
            self._cache.drop(kind, where, meta["name"], meta.get("uid"))
        elif not gone:
            self._cache.put(kind, body)
        self._watched[kind](body, gone)

    @staticmethod
    def _key(body: Json) -> Key:
        return Key(body["metadata"]["namespace"], body["metadata"]["name"])

    def _is_known(self, body: Json) -> bool:
        """What a tick wrote comes back as an event: that tick knows, and another one has nothing to do."""
        meta, known = body["metadata"], self._cache.known(RELEASES, *self._key(body))
        return known is not None and known[2:] == (meta.get("uid"), meta.get("resourceVersion"))

    def _release(self, body: Json, gone: bool) -> None:
        key = self._key(body)
        if gone:
            self._store.bury(key, body)
        known = self._cache.known(RELEASES, *key)
        if gone or known is None or not self._store.is_saving(key, known):
            self._wake(key)

    def _action(self, body: Json, gone: bool) -> None:
        name = text(body, "spec", "releaseName")
        if name and not gone:
            self._wake(Key(body["metadata"]["namespace"], name))

    def _route(self, body: Json, _: bool) -> None:
        self._wake_all(body, mentions.route(body["metadata"]["name"]))

    def _arm(self, body: Json, _: bool) -> None:
        self._wake_all(body, mentions.arm(body["metadata"]["name"]))

    def _class(self, body: Json, _: bool) -> None:
        for key in self._store.of_class(body["metadata"]["name"]):
            self._wake(key)

    def _record(self, body: Json, gone: bool) -> None:
        key = self._records.see(body, gone)
        if key is not None:
            self._wake(key)

    def _wake_all(self, body: Json, word: str) -> None:
        for key in self._store.concerned(body["metadata"]["namespace"], word):
            self._wake(key)
