"""What the watches have seen last, slimmed; our own writes' answers enter it as well."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.decode import ports_of, workload_of

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


DECODED = "decoded"
"""Where a slimmed Deployment or Service has what ticks need of it, as a value of ours."""
_DECODERS: Mapping[Kind, Callable[[Json], Any]] = {DEPLOYMENTS: workload_of, SERVICES: ports_of}
_IDENTITY = ("namespace", "name", "uid", "resourceVersion")


def slim(body: Json, kind: Kind) -> Json:
    """What ticks need of an object: no managedFields but on routes, whose editors are named; of
    Deployments and Services, of which there are most, only what is decided by."""
    if DECODED in body:
        return body
    if kind in _DECODERS:
        meta = {each: body["metadata"].get(each) for each in _IDENTITY}
        return {"metadata": meta, DECODED: _DECODERS[kind](body)}
    kept = ("metadata", "spec", "status")
    thin = {key: body[key] for key in kept if key in body}
    meta = dict(thin.get("metadata", {}))
    if kind != ROUTES:
        meta.pop("managedFields", None)
    meta.pop("annotations", None)
    return {**thin, "metadata": meta}


Index = Callable[[Json], Iterable[str]]


class Cache:
    """Objects by kind, namespace and name, and by what they name. The newer resourceVersion wins: a late
    watch event never overwrites the answer to a write of ours."""

    def __init__(self) -> None:
        self._indexes: Mapping[Kind, Index] = {
            RELEASES: mentions.of_release,
            ACTIONS: mentions.of_action,
        }
        self._objects: dict[Kind, dict[str, dict[str, Json]]] = {}
        self._naming: dict[tuple[Kind, str, str], set[str]] = {}

    def put(self, kind: Kind, body: Json) -> bool:
        """Take an object in; False when what is known is newer."""
        meta = body["metadata"]
        namespace, name = meta.get("namespace", CLUSTER), meta["name"]
        known = self.get(kind, namespace, name)
        same = known is not None and known["metadata"].get("uid") == meta.get("uid")
        if same and known is not None and _version(known) > _version(body):
            return False
        if known is not None:
            self._unlist(kind, namespace, known)
        made = slim(body, kind)
        self._objects.setdefault(kind, {}).setdefault(namespace, {})[name] = made
        for word in self._words(kind, made):
            self._naming.setdefault((kind, namespace, word), set()).add(name)
        return True

    def _words(self, kind: Kind, body: Json) -> Iterable[str]:
        return self._indexes[kind](body) if kind in self._indexes else ()

    def _unlist(self, kind: Kind, namespace: str, body: Json) -> None:
        for word in self._words(kind, body):
            found = self._naming.get((kind, namespace, word), set())
            found.discard(body["metadata"]["name"])
            if not found:
                self._naming.pop((kind, namespace, word), None)

    def drop(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> None:
        """Forget an object; with a `uid`, only that one and not a newer one of its name."""
        known = self.get(kind, namespace, name)
        if known is None or uid not in (None, known["metadata"].get("uid")):
            return
        self._unlist(kind, namespace, known)
        del self._objects[kind][namespace][name]
        if not self._objects[kind][namespace]:
            del self._objects[kind][namespace]

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        return self._objects.get(kind, {}).get(namespace, {}).get(name)

    def all(self, kind: Kind) -> Iterator[Json]:
        """Every object of a kind."""
        for found in list(self._objects.get(kind, {}).values()):
            yield from list(found.values())

    def in_namespace(self, kind: Kind, namespace: str) -> list[Json]:
        """Every object of a kind in a namespace."""
        return list(self._objects.get(kind, {}).get(namespace, {}).values())

    def naming(self, kind: Kind, namespace: str, word: str) -> list[Json]:
        """The objects of a kind in a namespace that mention a word, as `mentions` has them."""
        names = self._naming.get((kind, namespace, word), ())
        objects = self._objects.get(kind, {}).get(namespace, {})
        return [objects[name] for name in sorted(names)]
