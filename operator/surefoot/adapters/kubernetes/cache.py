"""What the watches have seen last, slimmed; our own writes' answers enter it as well."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.decode import ports_of, route_of, workload_of

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


DECODED = "decoded"
"""Where a slimmed Deployment, Service or route has what ticks need of it, as a value of ours."""
_DECODERS: Mapping[Kind, Callable[[Json], Any]] = {
    DEPLOYMENTS: workload_of,
    SERVICES: ports_of,
    ROUTES: route_of,
}
# Large, and read a few times a minute.
_PACKED = frozenset({RELEASES})
_IDENTITY = ("namespace", "name", "uid", "resourceVersion")
# Objects that are gone and known to be: an answer that is later than all of these deletes is no answer.
MOST_GONE = 4096


def slim(body: Json, kind: Kind) -> Json:
    """What ticks need of an object: no annotations and managedFields; of kinds of which there are
    most, only what is decided by."""
    if DECODED in body:
        return body
    if kind in _DECODERS:
        meta = {each: body["metadata"].get(each) for each in _IDENTITY}
        return {"metadata": meta, DECODED: _DECODERS[kind](body)}
    kept = ("metadata", "spec", "status")
    thin = {key: body[key] for key in kept if key in body}
    meta = dict(thin.get("metadata", {}))
    for unread in ("managedFields", "annotations"):
        meta.pop(unread, None)
    return {**thin, "metadata": meta}


Index = Callable[[Json], Iterable[str]]


class Known(NamedTuple):
    """Which state of an object is known."""

    namespace: str
    name: str
    uid: str | None
    version: str | None


def text_of(body: Json) -> bytes:
    """As JSON, without blanks."""
    return json.dumps(body, separators=(",", ":")).encode()


def _digest(status: bytes) -> bytes:
    """Of a status as it is kept. An API server writes the keys of an object in one order."""
    return blake2b(status, digest_size=16).digest()


def _number(known: Known) -> int:
    return int(known.version) if known.version and known.version.isdigit() else 0


class Texts(NamedTuple):
    """An object's parts as JSON, each of which is read when it is needed; empty where there is none."""

    metadata: bytes
    spec: bytes
    status: bytes

    @classmethod
    def of(cls, body: Json) -> "Texts":
        return cls(*(text_of(body[part]) if part in body else b"" for part in cls._fields))

    def read(self) -> Json:
        """The object."""
        return {part: json.loads(text) for part, text in self._asdict().items() if text}


class _Kept(NamedTuple):
    """`body` is text where objects are large: as JSON they take a fifth of the memory. `stored` is the
    digest of the status that the API server has, where `body` has a newer one."""

    known: Known
    words: tuple[str, ...]
    body: Json | Texts
    stored: bytes = b""

    def read(self) -> Json:
        return self.body.read() if isinstance(self.body, Texts) else self.body


def _is_edit(old: _Kept, now: Known, status: bytes) -> bool:
    """Whether an object came to a newer version and its stored status is the same: what is known beyond
    that holds on. In the same version it is the answer to a write that changed nothing there."""
    same = old.known.uid == now.uid and old.known.version != now.version
    return same and _digest(status) == old.stored


class Cache:
    """Objects by kind, namespace and name, and by what they name. The newer resourceVersion wins: a late
    watch event never overwrites the answer to a write of ours, nor does a late answer bring back what is
    gone: a uid never returns."""

    def __init__(self) -> None:
        self._indexes: Mapping[Kind, Index] = {
            RELEASES: mentions.of_release,
            ACTIONS: mentions.of_action,
        }
        self._objects: dict[Kind, dict[str, dict[str, _Kept]]] = {}
        self._naming: dict[tuple[Kind, str, str], set[str]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def put(self, kind: Kind, body: Json) -> bool:
        """Take an object in; False when what is known is newer, or when it is known to be gone."""
        meta = body["metadata"]
        now = Known(
            meta.get("namespace") or CLUSTER,
            meta["name"],
            meta.get("uid"),
            meta.get("resourceVersion"),
        )
        if now.uid in self._gone:
            return False
        old = self._kept(kind, now.namespace, now.name)
        if old is not None:
            if old.known.uid == now.uid and _number(old.known) > _number(now):
                return False
            if old.known.uid != now.uid and _number(old.known) < _number(now):
                # Deleted and made anew while no watch looked.
                self._never_again(old.known.uid)
            self._unlist(kind, old)
        made, stored = slim(body, kind), b""
        packed = Texts.of(made) if kind in _PACKED else made
        if old is not None and old.stored and isinstance(packed, Texts):
            assert isinstance(old.body, Texts)
            if _is_edit(old, now, packed.status):
                packed, stored = packed._replace(status=old.body.status), old.stored
                made = packed.read()
        words = tuple(self._indexes[kind](made)) if kind in self._indexes else ()
        self._objects.setdefault(kind, {}).setdefault(now.namespace, {})[now.name] = _Kept(
            now, words, packed, stored
        )
        for word in words:
            self._naming.setdefault((kind, now.namespace, word), set()).add(now.name)
        return True

    def amend(self, kind: Kind, namespace: str, name: str, version: str, status: bytes) -> bool:
        """Know a newer status, as JSON, of an object in this version than the API server, for as long as
        nobody writes its status; False when another version is known by now."""
        kept = self._kept(kind, namespace, name)
        if kept is None or kept.known.version != version or not isinstance(kept.body, Texts):
            return False
        stored = kept.stored or _digest(kept.body.status)
        packed = kept.body._replace(status=status)
        self._objects[kind][namespace][name] = kept._replace(body=packed, stored=stored)
        return True

    def _kept(self, kind: Kind, namespace: str, name: str) -> _Kept | None:
        return self._objects.get(kind, {}).get(namespace, {}).get(name)

    def _unlist(self, kind: Kind, old: _Kept) -> None:
        for word in old.words:
            found = self._naming.get((kind, old.known.namespace, word), set())
            found.discard(old.known.name)
            if not found:
                self._naming.pop((kind, old.known.namespace, word), None)

    def drop(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> bool:
        """Forget an object. With a `uid` it was seen to be deleted: only that one goes, not a newer one of
        its name, and it never comes back; False when that was known before."""
        news = uid not in self._gone
        self._never_again(uid)
        old = self._kept(kind, namespace, name)
        if old is None or uid not in (None, old.known.uid):
            return news
        self._unlist(kind, old)
        del self._objects[kind][namespace][name]
        if not self._objects[kind][namespace]:
            del self._objects[kind][namespace]
        return news

    def _never_again(self, uid: str | None) -> None:
        if uid is not None:
            self._gone[uid] = None
            while len(self._gone) > MOST_GONE:
                self._gone.popitem(last=False)

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        kept = self._kept(kind, namespace, name)
        return None if kept is None else kept.read()

    def texts(self, kind: Kind, namespace: str, name: str) -> Texts | None:
        """An object of a kind that is kept as text, part by part."""
        kept = self._kept(kind, namespace, name)
        return kept.body if kept is not None and isinstance(kept.body, Texts) else None

    def known(self, kind: Kind, namespace: str, name: str) -> Known | None:
        """Which state of an object there is, without reading it."""
        kept = self._kept(kind, namespace, name)
        return None if kept is None else kept.known

    def every(self, kind: Kind, namespace: str = "") -> list[Known]:
        """What is known of a kind, in all namespaces where none is named."""
        places = self._objects.get(kind, {})
        found = [places.get(namespace, {})] if namespace else places.values()
        return [kept.known for objects in found for kept in objects.values()]

    def namespaces(self, kind: Kind) -> list[str]:
        """Where there are objects of a kind."""
        return list(self._objects.get(kind, {}))

    def naming(self, kind: Kind, namespace: str, word: str) -> list[str]:
        """The objects of a kind in a namespace that mention a word, as `mentions` has them, by name."""
        return sorted(self._naming.get((kind, namespace, word), ()))
