"""ReleaseRecords: what the watch has shown of them, and the operator's own writes."""

from contextlib import suppress
from typing import Any, NamedTuple
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
from surefoot.adapters.kubernetes.cache import RECORDS, Kind, Known
from surefoot.adapters.kubernetes.decode import time_of
from surefoot.api.record import ReleaseRecordSpec, label_of
from surefoot.api.vocabulary import API_VERSION, MANAGED_BY_LABEL, MANAGER, RELEASE_LABEL
from surefoot.engine.effects import DropRecord, OpenRecord, RecordEffect, SealRecord
from surefoot.engine.world import Record
from surefoot.ports import ConflictError, Key

Json = dict[str, Any]


class _Kept(NamedTuple):
    """A record, and in which state it was seen."""

    record: Record
    known: Known


class KubernetesRecords:
    """The port Records on one API server.

    Each release leaves some behind, so of a sealed one no more is kept than that it is there: all
    that it says is read where it is needed, after a status was lost.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[Key, dict[str, _Kept]] = {}

    def see(self, body: Json, gone: bool) -> Key | None:
        """Take in a watch event or an answer; the release that it is about."""
        name = text(body, "spec", "releaseName")
        if not name:
            return None
        meta = body["metadata"]
        key = Key(meta["namespace"], name)
        if gone:
            self._forget(key, meta["name"])
            return key
        record = _record(body, in_full=False)
        if not self._is_late(key, record):
            known = Known(key.namespace, record.name, meta.get("uid"), meta.get("resourceVersion"))
            self._known.setdefault(key, {})[record.name] = _Kept(record, known)
        return key

    def _is_late(self, key: Key, record: Record) -> bool:
        """A sealed record is never opened again: an event that says so is older than our answer."""
        kept = self._known.get(key, {}).get(record.name)
        return kept is not None and kept.record.sealed and not record.sealed

    def _forget(self, key: Key, name: str) -> None:
        known = self._known.get(key, {})
        known.pop(name, None)
        if not known:
            self._known.pop(key, None)

    def known(self, key: Key) -> tuple[Record, ...]:
        """See `ports.Records`."""
        return tuple(kept.record for kept in self._known.get(key, {}).values())

    def open_of(self) -> list[Key]:
        """The releases of which a record is open."""
        places = self._known.items()
        return [key for key, place in places if not all(k.record.sealed for k in place.values())]

    def every(self, _: Kind, namespace: str = "") -> list[Known]:
        """Which records are known and in which state, in all namespaces where none is named."""
        places = [kept for key, kept in self._known.items() if namespace in ("", key.namespace)]
        return [kept.known for place in places for kept in place.values()]

    def get(self, _: Kind, namespace: str, name: str) -> Json | None:
        """As much of a record as tells `see` that it is gone."""
        for key, place in self._known.items():
            if key.namespace == namespace and name in place:
                meta = place[name].known._asdict()
                return {"metadata": meta, "spec": {"releaseName": key.name}}
        return None

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
    made = meta.get("creationTimestamp")
    return Record(meta["name"], started, sealed, spec, time_of(made) if made else None)


def _time(written: Json, meta: Json) -> Any:
    try:
        return time_of(str(written["startedAt"]))
    except (KeyError, ValueError):
        return time_of(meta["creationTimestamp"])
