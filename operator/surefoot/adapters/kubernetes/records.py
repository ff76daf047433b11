"""ReleaseRecords: what the watch has shown of them, and the operator's own writes."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from surefoot.adapters.kubernetes.api import (
    MERGE_PATCH,
    Api,
    NotFoundError,
    RefusedError,
    path_of,
)
from surefoot.adapters.kubernetes.bodies import part, text
from surefoot.adapters.kubernetes.cache import RECORDS
from surefoot.adapters.kubernetes.decode import time_of
from surefoot.api.record import ReleaseRecordSpec, label_of
from surefoot.api.vocabulary import API_VERSION, MANAGED_BY_LABEL, MANAGER, RELEASE_LABEL
from surefoot.engine.effects import DropRecord, OpenRecord, RecordEffect, SealRecord
from surefoot.engine.world import Record
from surefoot.ports import ConflictError, Key

Json = dict[str, Any]


class KubernetesRecords:
    """The port Records on one API server.

    Each release leaves some behind, so of a sealed one no more is kept than that it is there: all
    that it says is read where it is needed, after a status was lost.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[Key, dict[str, Record]] = {}

    def see(self, body: Json, gone: bool) -> Key | None:
        """Take in a watch event or an answer; the release that it is about."""
        name = text(body, "spec", "releaseName")
        if not name:
            return None
        key, record = Key(body["metadata"]["namespace"], name), _record(body, in_full=False)
        if gone:
            self._forget(key, record.name)
        elif not self._is_late(key, record):
            self._known.setdefault(key, {})[record.name] = record
        return key

    def _is_late(self, key: Key, record: Record) -> bool:
        """A sealed record is never opened again: an event that says so is older than our answer."""
        known = self._known.get(key, {}).get(record.name)
        return known is not None and known.sealed and not record.sealed

    def _forget(self, key: Key, name: str) -> None:
        known = self._known.get(key, {})
        known.pop(name, None)
        if not known:
            self._known.pop(key, None)

    def known(self, key: Key) -> tuple[Record, ...]:
        """See `ports.Records`."""
        return tuple(self._known.get(key, {}).values())

    async def all(self, key: Key) -> tuple[Record, ...]:
        """See `ports.Records`."""
        chosen = quote(f"{RELEASE_LABEL}={label_of(key.name)}", safe="")
        try:
            found = await self._api.get(f"{_path(key.namespace)}?labelSelector={chosen}")
        except NotFoundError:  # the kind itself is not there
            return ()
        mine = [b for b in found["items"] if text(b, "spec", "releaseName") == key.name]
        return tuple(_record(body, in_full=True) for body in mine)

    async def write(self, namespace: str, effect: RecordEffect) -> None:
        """See `ports.Records`."""
        if isinstance(effect, OpenRecord):
            await self._open(namespace, effect)
        elif isinstance(effect, SealRecord):
            await self._seal(namespace, effect)
        else:
            await self._drop(namespace, effect)

    async def _open(self, namespace: str, effect: OpenRecord) -> None:
        labels = {
            RELEASE_LABEL: label_of(effect.spec.release_name),
            MANAGED_BY_LABEL: MANAGER,
        }
        body = {
            "apiVersion": API_VERSION,
            "kind": "ReleaseRecord",
            "metadata": {"name": effect.name, "namespace": namespace, "labels": labels},
            "spec": effect.spec.dump(),
        }
        try:
            answer = await self._api.post(_path(namespace), body)
        except ConflictError:
            # It was opened before a restart, and the watch has not shown it yet.
            answer = await self._api.get(_path(namespace, effect.name))
        self.see(answer, gone=False)

    async def _seal(self, namespace: str, effect: SealRecord) -> None:
        path = _path(namespace, effect.name)
        try:
            answer = await self._api.patch(path, {"spec": {"end": effect.end.dump()}}, MERGE_PATCH)
        except NotFoundError:
            self._lose(namespace, effect.name)
            return
        except RefusedError:
            answer = await self._api.get(path)
            if not part(answer, "spec").get("end"):
                raise
        self.see(answer, gone=False)

    async def _drop(self, namespace: str, effect: DropRecord) -> None:
        with suppress(NotFoundError):
            await self._api.delete(_path(namespace, effect.name))
        self._lose(namespace, effect.name)

    def _lose(self, namespace: str, name: str) -> None:
        for key in [k for k, known in self._known.items() if k.namespace == namespace]:
            if name in self._known[key]:
                self._forget(key, name)


def _path(namespace: str, name: str = "") -> str:
    return path_of(RECORDS.group, RECORDS.version, RECORDS.plural, namespace, name)


def _record(body: Json, in_full: bool) -> Record:
    """A record; one that cannot be read counts as there, and tells nothing."""
    meta, written = body["metadata"], part(body, "spec")
    sealed, spec = bool(written.get("end")), None
    if in_full or not sealed:
        try:
            spec = ReleaseRecordSpec.model_validate(written)
        except ValidationError:
            spec = None
    started = spec.started_at if spec is not None else _time(written, meta)
    created = meta.get("creationTimestamp")
    return Record(meta["name"], started, sealed, spec, time_of(created) if created else None)


def _time(written: Json, meta: Json) -> Any:
    try:
        return time_of(str(written["startedAt"]))
    except (KeyError, ValueError):
        return time_of(meta["creationTimestamp"])
