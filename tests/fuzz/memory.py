"""An API server and a Prometheus in memory: state is kept, patches are applied, nothing waits."""

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from surefoot.adapters.kubernetes.api import JSON_PATCH, NotFoundError
from surefoot.adapters.kubernetes.cache import (
    ACTIONS,
    CLASSES,
    DEPLOYMENTS,
    RECORDS,
    RELEASES,
    ROUTES,
    SERVICES,
    Cache,
    Kind,
)
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.adapters.kubernetes.routes import HttpRoutes
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.adapters.prometheus.presets import supports
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.effects import Announcement
from surefoot.engine.questions import Answer, Question
from surefoot.ports import ConflictError, Key, Ports, ReleaseObject

Json = dict[str, Any]
WATCHED = (RELEASES, ACTIONS, ROUTES, DEPLOYMENTS, SERVICES, CLASSES)
CONFIGS = Kind("", "v1", "configmaps")
BY_KIND = {
    "ModelRelease": RELEASES,
    "ReleaseAction": ACTIONS,
    "ReleaseClass": CLASSES,
    "HTTPRoute": ROUTES,
    "Deployment": DEPLOYMENTS,
    "Service": SERVICES,
    "ConfigMap": CONFIGS,
    "ReleaseRecord": RECORDS,
}
Place = tuple[str, str]
RELEASE: Place = ("modelreleases", "fraud")


def merged(old: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    found = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def patched(body: Json, patch: Sequence[Json]) -> Json:
    """RFC 6902, as far as routes are patched. Raises ConflictError where a test fails."""
    body = copy.deepcopy(body)
    for change in patch:
        *path, last = change["path"].strip("/").split("/")
        node: Any = body
        for part in path:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if change["op"] != "test":
            node[last] = change["value"]
        elif node.get(last) != change["value"]:
            raise ConflictError(f"{change['path']} is {node.get(last)!r}")
    return body


class MemoryApi:
    """Objects by plural and name, all of one namespace. What is stored is never changed in place."""

    def __init__(self, objects: Sequence[Json], cache: Cache) -> None:
        self.objects: dict[Place, Json] = {}
        self.events: list[Json] = []
        # Each write of a route, with the release as it was persisted at that moment.
        self.routed: list[tuple[Json, Json]] = []
        self._cache, self._version = cache, 100
        for body in objects:
            self.put(body)

    def put(self, body: Json) -> Json:
        """Store an object as a newer version; a watch tells of it at once."""
        self._version += 1
        kind = BY_KIND[body["kind"]]
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        self.objects[kind.plural, body["metadata"]["name"]] = body
        if kind in WATCHED:
            self._cache.put(kind, body)
        return body

    @staticmethod
    def _place(path: str) -> tuple[Place, bool]:
        parts = path.removesuffix("/status").split("/")
        return (parts[-2], parts[-1]), path.endswith("/status")

    async def get(self, path: str) -> Json:
        place, _ = self._place(path.partition("?")[0])
        if place[1] == RECORDS.plural:
            return {"items": [o for (kind, _), o in self.objects.items() if kind == place[1]]}
        if place not in self.objects:
            raise NotFoundError(f"GET {path}: 404")
        return self.objects[place]

    async def patch(self, path: str, patch: Any, content: str) -> Json:
        _, status = self._place(path)
        body = await self.get(path)
        if content == JSON_PATCH and status:
            fence, whole = patch
            if fence["value"] != body["metadata"]["resourceVersion"]:
                raise ConflictError(f"PATCH {path}: 409")
            return self.put({**body, "status": whole["value"]})
        if content == JSON_PATCH:
            body = patched(body, patch)
            body["metadata"]["generation"] += 1
            self.routed.append((self.objects.get(RELEASE, {}), body))
            return self.put(body)
        if body["kind"] == "ReleaseRecord":
            assert "end" not in body["spec"], f"{path}: a record is sealed once"
            return self.put({**body, "spec": merged(body["spec"], patch["spec"])})
        wanted = patch.get("metadata", {}).get("resourceVersion")
        if wanted not in (None, body["metadata"]["resourceVersion"]):
            raise ConflictError(f"PATCH {path}: 409")
        assert status, f"{path}: only statuses are merged"
        return self.put({**body, "status": merged(body.get("status"), patch["status"])})

    async def delete(self, path: str) -> Json:
        place, _ = self._place(path)
        assert place[0] == RECORDS.plural, f"{path}: only records are deleted"
        return self.objects.pop(place)

    async def post(self, path: str, body: Json) -> Json:
        if path.endswith("/events"):
            self.events.append(body)
            return body
        place = BY_KIND[body["kind"]].plural, body["metadata"]["name"]
        if place in self.objects:
            raise ConflictError(f"POST {path}: 409")
        return self.put(
            {**body, "metadata": {**body["metadata"], "generation": 1, "uid": "uid-made"}}
        )


class MemoryPrometheus:
    """The Metrics port: what is asked is answered at once by `answer`."""

    def __init__(self, answer: Callable[[Question, datetime], Answer | None]) -> None:
        self.answer = answer

    def collect(
        self,
        key: Key,
        questions: Sequence[Question],
        now: datetime,
        interval: timedelta,
        source: MetricsSource | None = None,
    ) -> Mapping[str, Answer] | None:
        found = {q.key: self.answer(q, now) for q in questions}
        return {key: answer for key, answer in found.items() if answer is not None} or None

    def due(self, key: Key) -> datetime | None:
        return None

    def foresee(self, key: Key, questions: Sequence[Question], due: datetime) -> None:
        raise AssertionError("nothing is due")

    def give_back(self, key: Key, answers: Mapping[str, Answer]) -> None:
        pass

    def forget(self, key: Key) -> None:
        pass

    def supports(self, preset: str, signal_type: str) -> str | None:
        return supports(preset, signal_type)


class Notes:
    """The Notifier port: what was announced, in order; all that was decided before was told."""

    def __init__(self) -> None:
        self.said: list[Announcement] = []

    def owed(self, release: ReleaseObject) -> tuple[Announcement, ...]:
        return ()

    def doubt(
        self, release: ReleaseObject, status: ModelReleaseStatus, said: tuple[Announcement, ...]
    ) -> None:
        pass

    def settle(self, release: ReleaseObject) -> None:
        pass

    async def announce(self, release: ReleaseObject, said: tuple[Announcement, ...]) -> None:
        self.said.extend(said)


def ports_on(api: MemoryApi, cache: Cache, metrics: MemoryPrometheus, notes: Notes) -> Ports:
    """The operator's own adapters on the server in memory."""
    store = KubernetesStore(api, cache)
    records = KubernetesRecords(api)
    for body in api.objects.values():
        if body["kind"] == "ReleaseRecord":
            records.see(body, gone=False)
    return Ports(store, store, HttpRoutes(api, cache), metrics, notes, records)
