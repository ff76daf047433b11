"""The sensor: every watch event enters the cache and wakes the releases it is about.

Kopf watches what people tell Surefoot to do; `Watch` what there may be thousands of.
"""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.api import PAGE
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
from surefoot.adapters.kubernetes.watch import EndlessBackoff
from surefoot.ports import Key

Json = dict[str, Any]
FEW = (ACTIONS, CLASSES)
"""What people write now and then: kopf's."""
MANY = (RELEASES, ROUTES, DEPLOYMENTS, SERVICES, RECORDS)
"""What there may be thousands of, or is written by every tick: `Watch`'s."""
TOKEN_LIFE = timedelta(minutes=10)


class _NoDiff(kopf.AnnotationsDiffBaseStorage):
    """No last-seen copy is kept on objects: there are no change handlers."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:
        return {}

    def fetch(self, *, body: Any) -> None:
        return None


def kopf_settings() -> kopf.OperatorSettings:
    """Long watches, endless retries, nothing written by kopf itself."""
    settings = kopf.OperatorSettings()
    settings.queueing.idle_timeout = 0.2
    settings.queueing.worker_limit = 200
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = PAGE
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = EndlessBackoff()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDiff()
    return settings


def login(*, settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
    """By service account or kubeconfig; expires, so that a rotated token is read again."""
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
        settings=settings
    )
    if found is None:
        return None
    return dataclasses.replace(found, expiration=datetime.now(UTC) + TOKEN_LIFE)


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

    def registry(self) -> kopf.OperatorRegistry:
        """A registry with one event handler for each of those kinds and nothing else."""
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(login)
        for kind in FEW:
            self._subscribe(registry, kind)
        return registry

    def _subscribe(self, registry: kopf.OperatorRegistry, kind: Kind) -> None:
        async def handler(event: Any, **_: Any) -> None:
            self.saw(kind, dict(event["object"]), event.get("type") == "DELETED")

        kopf.on.event(*kind, registry=registry, id=f"see-{kind.plural}")(handler)

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
