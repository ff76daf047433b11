"""Releases, actions, workloads and Services: read from the cache, confirmed where it is silent."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.api import JSON_PATCH, MERGE_PATCH, Api, NotFoundError, path_of
from surefoot.adapters.kubernetes.bodies import part
from surefoot.adapters.kubernetes.cache import (
    ACTIONS,
    CLASSES,
    CLUSTER,
    DECODED,
    DEPLOYMENTS,
    RELEASES,
    SERVICES,
    Cache,
    Kind,
    Known,
    Texts,
    slim,
    text_of,
)
from surefoot.adapters.kubernetes.claims import Claims
from surefoot.adapters.kubernetes.config_values import ConfigValues
from surefoot.adapters.kubernetes.decode import time_of
from surefoot.adapters.kubernetes.decoded import Decoded
from surefoot.adapters.kubernetes.merge import merge_patch
from surefoot.adapters.kubernetes.room import LONGEST, Room
from surefoot.api.actions import ReleaseActionSpec, ReleaseActionStatus
from surefoot.api.plain import one_line
from surefoot.api.record import ReleaseRecordSpec
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.effects import FinishAction
from surefoot.engine.world import Action, Rival, Workload
from surefoot.ports import ConflictError, Key, PermanentError, ReleaseObject

Json = dict[str, Any]
# Statuses as models: more than wait for Prometheus at once. Reading one again takes 0.2 ms, keeping it 35 KB.
MOST_READ = 256
_NOTHING = (b"", b"null", b"{}")


class _Read(NamedTuple):
    """A release as it is decoded, in the state that was known."""

    known: Known
    release: ReleaseObject


class KubernetesStore:
    """The ports Store and Workloads on one API server."""

    def __init__(
        self, api: Api, cache: Cache, wake: Callable[[Key], None] = lambda _: None
    ) -> None:
        """`wake` is called where a release was changed while its status was written."""
        self._api, self._cache, self._wake = api, cache, wake
        self._saving: dict[Key, Known | None] = {}
        self._configs, self._claims = ConfigValues(api), Claims(cache)
        self._specs, self._classes = Decoded(ModelReleaseSpec), Decoded(ReleaseClassSpec)
        self._read: OrderedDict[Key, _Read] = OrderedDict()
        self._gone: dict[Key, Json] = {}
        self._put_off: dict[Key, datetime] = {}
        self._room = Room()

    def bury(self, key: Key, body: Json) -> None:
        """Remember a release that was seen to be deleted, until its last tick has brought the traffic
        back. Where another one of that name is there already, that one adopts what the route says."""
        known, uid = self._cache.get(RELEASES, *key), body["metadata"]["uid"]
        news = self._cache.drop(RELEASES, *key, uid)
        if news and (known is None or known["metadata"]["uid"] == uid):
            self._gone[key] = known or body

    def forget(self, key: Key) -> None:
        self._gone.pop(key, None)
        self._put_off.pop(key, None)

    async def release(self, key: Key) -> ReleaseObject | None:
        """The release as last seen; a deleted one stays until it is forgotten.

        Read once for as long as it is the same: a tick is often followed by another one. Nobody may
        change it."""
        known = self._cache.known(RELEASES, *key)
        if known is None:
            body = self._gone.get(key)
            return None if body is None else self._decode(key, Texts.of(body), gone=True)
        read = self._read.pop(key, None)
        if read is None or read.known != known:
            texts = self._cache.texts(RELEASES, *key)
            assert texts is not None
            read = _Read(known, self._decode(key, texts, gone=False))
        self._read[key] = read
        while len(self._read) > MOST_READ:
            self._read.popitem(last=False)
        return read.release

    def _decode(self, key: Key, texts: Texts, gone: bool) -> ReleaseObject:
        meta = json.loads(texts.metadata)
        spec = self._specs.spec_of(key, texts.spec or b"{}")
        return ReleaseObject(
            key=key,
            uid=meta["uid"],
            generation=meta.get("generation", 0),
            created=time_of(meta["creationTimestamp"]),
            resource_version=meta["resourceVersion"],
            deleted=gone or "deletionTimestamp" in meta,
            gone=gone,
            spec=None if isinstance(spec, str) else spec,
            problem=spec if isinstance(spec, str) else "",
            status=_status(texts.status),
            raw_status=texts.status,
        )

    async def is_orphan(self, record: ReleaseRecordSpec, namespace: str) -> bool:
        """See `ports.Store`."""
        mine = {record.incumbent.backend.name, record.candidate.backend.name}
        if self._claims.is_taken(namespace, record.route.name, mine):
            return False
        try:
            await self._api.get(self._path(RELEASES, namespace, record.release_name))
        except NotFoundError:
            return True
        return False

    async def release_class(self, name: str) -> ReleaseClassSpec | str | None:
        """See `ports.Store`."""
        try:
            body = await self._look(CLASSES, CLUSTER, name)
        except PermanentError as error:
            # A right that is missing must not keep the accepted plan from being guarded by.
            return f"it cannot be read ({error})"
        return None if body is None else self._classes.spec_of(name, text_of(body.get("spec", {})))

    async def save_status(self, release: ReleaseObject, status: ModelReleaseStatus) -> None:
        """A patch fenced by resourceVersion. Raises ConflictError when what was read is old."""
        self._saving[release.key] = None
        written = None
        try:
            answer = await self._send(release, status)
            written = answer["metadata"]["uid"], answer["metadata"]["resourceVersion"]
        except ConflictError:
            await self._refresh(release.key)
            raise
        except NotFoundError as error:
            self._miss(release)
            raise ConflictError(str(error)) from error
        finally:
            shown = self._saving.pop(release.key)
            # Without an answer nobody can say whose change it was.
            if shown is not None and shown[2:] != written:
                self._wake(release.key)
        self._put_off.pop(release.key, None)
        self._cache.put(RELEASES, answer)

    async def _send(self, release: ReleaseObject, status: ModelReleaseStatus) -> Json:
        path = self._path(RELEASES, release.key.namespace, release.key.name) + "/status"
        if release.key in self._put_off:
            whole = _whole(release.resource_version, status.dump())
            return await self._api.patch(path, whole, JSON_PATCH)
        was = json.loads(release.raw_status or b"null")
        changed = merge_patch(part({"status": was}, "status"), status.dump())
        meta = {"resourceVersion": release.resource_version}
        return await self._api.patch(path, {"metadata": meta, "status": changed}, MERGE_PATCH)

    def is_saving(self, key: Key, shown: Known) -> bool:
        """Whether a tick is writing the status, so that what a watch shows may be what it wrote: the
        release is woken when the answer says otherwise."""
        if key not in self._saving:
            return False
        self._saving[key] = shown
        return True

    def put_off(self, release: ReleaseObject, status: ModelReleaseStatus, now: datetime) -> bool:
        """See `ports.Store`."""
        since = min(self._put_off.get(release.key, now), now)
        if now - since >= LONGEST or self._room.take(now):
            return False
        self._put_off[release.key] = since
        written = status.dump_json()
        known = self._cache.amend(RELEASES, *release.key, release.resource_version, written)
        read = self._read.get(release.key)
        if known and read is not None:
            held = replace(release, status=status, raw_status=written)
            self._read[release.key] = read._replace(release=held)
        return known

    def _miss(self, release: ReleaseObject) -> None:
        """No such release, as it was answered: gone, until a watch shows it again. The name may have gone
        to another one meanwhile."""
        known = self._cache.get(RELEASES, *release.key)
        if known is not None and known["metadata"]["uid"] == release.uid:
            self._gone[release.key] = known
            self._cache.drop(RELEASES, *release.key)

    async def _refresh(self, key: Key) -> None:
        body = await self._api.get(self._path(RELEASES, *key))
        self._cache.put(RELEASES, body)

    @staticmethod
    def _path(kind: Kind, namespace: str, name: str) -> str:
        return path_of(kind.group, kind.version, kind.plural, namespace, name)

    def actions(self, key: Key) -> tuple[Action, ...]:
        """Open ReleaseActions on a release, oldest first; unreadable ones are left alone."""
        found = []
        named = self._cache.naming(ACTIONS, key.namespace, key.name)
        for body in self._bodies(ACTIONS, key.namespace, named):
            if part(body, "status").get("phase"):
                continue
            try:
                spec = ReleaseActionSpec.model_validate(body.get("spec", {}))
            except ValidationError:
                continue
            if spec.release_name == key.name:
                found.append(_action(body["metadata"], spec))
        return tuple(sorted(found, key=lambda a: (a.created, a.uid)))

    async def finish_action(self, namespace: str, effect: FinishAction, now: datetime) -> None:
        """Write an action's outcome; one that was deleted meanwhile needs none. Raises ConflictError
        where it is not as it is known, and may be another one of its name."""
        known = self._cache.get(ACTIONS, namespace, effect.name)
        if known is None or known["metadata"]["uid"] != effect.uid:
            return
        # By its version, as an API server looks at no uid in the patch of a status.
        same = {"resourceVersion": known["metadata"]["resourceVersion"]}
        status = ReleaseActionStatus(phase=effect.phase, message=one_line(effect.message), time=now)
        path = self._path(ACTIONS, namespace, effect.name) + "/status"
        try:
            body = {"metadata": same, "status": status.dump()}
            answer = await self._api.patch(path, body, MERGE_PATCH)
        except NotFoundError:
            self._cache.drop(ACTIONS, namespace, effect.name)
            return
        self._cache.put(ACTIONS, answer)

    def rivals(self, release: ReleaseObject) -> tuple[Rival, ...]:
        """Other releases on the same route whose backends overlap with this one's."""
        return self._claims.rivals(release.key)

    async def workload(self, namespace: str, name: str) -> Workload | None:
        body = await self._look(DEPLOYMENTS, namespace, name)
        return None if body is None else slim(body, DEPLOYMENTS)[DECODED]

    async def service_ports(self, namespace: str, name: str) -> tuple[int, ...] | None:
        body = await self._look(SERVICES, namespace, name)
        return None if body is None else slim(body, SERVICES)[DECODED]

    async def config_value(self, namespace: str, name: str, key: str) -> str | None:
        return await self._configs.value(namespace, name, key)

    async def _look(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The cached object; one that no watch has shown is asked for, as a list may be under way.

        It is not kept: what is deleted before the watch begins would be believed in for ever.
        """
        body = self._cache.get(kind, namespace, name)
        if body is not None:
            return body
        try:
            return await self._api.get(self._path(kind, namespace, name))
        except NotFoundError:
            return None

    def _bodies(self, kind: Kind, namespace: str, names: Iterable[str]) -> Iterator[Json]:
        for name in names:
            body = self._cache.get(kind, namespace, name)
            if body is not None:
                yield body

    def concerned(self, namespace: str, word: str) -> list[Key]:
        """Releases of a namespace that mention what has changed."""
        return [Key(namespace, name) for name in self._cache.naming(RELEASES, namespace, word)]

    def of_class(self, name: str) -> list[Key]:
        """Releases of all namespaces that name a ReleaseClass."""
        word = mentions.model_class(name)
        return [
            key
            for namespace in self._cache.namespaces(RELEASES)
            for key in self.concerned(namespace, word)
        ]


def _whole(version: str, status: Json) -> list[Json]:
    """What is stored is older than what is known: nothing of it is to stay."""
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "add", "path": "/status", "value": status},  # there may be none yet
    ]


def _status(written: bytes) -> ModelReleaseStatus | None:
    """One that cannot be read, or was damaged by hand, counts as none: the route then tells who
    serves, and a split one goes to the incumbent first."""
    if written in _NOTHING:
        return None
    try:
        status = ModelReleaseStatus.model_validate_json(written)
    except ValidationError:
        return None
    return status if status.holds_together else None


def _action(meta: Json, spec: ReleaseActionSpec) -> Action:
    return Action(
        name=meta["name"],
        uid=meta["uid"],
        type=spec.type,
        by=one_line(spec.requested_by, 256),
        message=one_line(spec.message or ""),
        created=time_of(meta["creationTimestamp"]),
    )
