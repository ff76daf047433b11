"""What the watches have seen last, slimmed; our own writes' answers enter it as well."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]


class Kind(NamedTuple):
    """A resource that is watched."""

    group: str
    version: str
    plural: str


RELEASES = Kind("surefoot.dev", "v1alpha1", "modelreleases")
ACTIONS = Kind("surefoot.dev", "v1alpha1", "releaseactions")
ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes")
DEPLOYMENTS = Kind("apps", "v1", "deployments")
SERVICES = Kind("", "v1", "services")
RECORDS = Kind("surefoot.dev", "v1alpha1", "releaserecords")
CLASSES = Kind("surefoot.dev", "v1alpha1", "releaseclasses")
# The namespace of what has none.
CLUSTER = ""


def _version(body: Json) -> int:
    text = body.get("metadata", {}).get("resourceVersion", "0")
    return int(text) if text.isdigit() else 0


def slim(body: Json, kind: Kind) -> Json:
    """What ticks need of an object: no managedFields but on routes, whose editors are named."""
    kept = ("metadata", "spec", "status")
    thin = {key: body[key] for key in kept if key in body}
    meta = dict(thin.get("metadata", {}))
    if kind != ROUTES:
        meta.pop("managedFields", None)
    meta.pop("annotations", None)
    return {**thin, "metadata": meta}


class Cache:
    """Objects by kind, namespace and name. The newer resourceVersion wins: a late watch event
    never overwrites the answer to a write of ours."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[tuple[str, str], Json]] = {}

    def put(self, kind: Kind, body: Json) -> bool:
        """Take an object in; False when what is known is newer."""
        meta = body["metadata"]
        key = (meta.get("namespace", CLUSTER), meta["name"])
        known = self._objects.setdefault(kind, {}).get(key)
        same = known is not None and known["metadata"].get("uid") == meta.get("uid")
        if same and known is not None and _version(known) > _version(body):
            return False
        self._objects[kind][key] = slim(body, kind)
        return True

    def drop(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> None:
        """Forget an object; with a `uid`, only that one and not a newer one of its name."""
        known = self.get(kind, namespace, name)
        if known is not None and uid in (None, known["metadata"].get("uid")):
            del self._objects[kind][(namespace, name)]

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        return self._objects.get(kind, {}).get((namespace, name))

    def all(self, kind: Kind) -> Iterator[Json]:
        """Every object of a kind."""
        yield from list(self._objects.get(kind, {}).values())

    def in_namespace(self, kind: Kind, namespace: str) -> Iterator[Json]:
        for (found, _), body in list(self._objects.get(kind, {}).items()):
            if found == namespace:
                yield body
