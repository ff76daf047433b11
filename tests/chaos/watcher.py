"""Sees every version of every object on an API server, and makes the invariants' timelines of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.kube import ApiError, Json, Kube
from tests.support.poll import until
from tests.timeline import (
    OPERATOR,
    Asked,
    Gone,
    Led,
    Ref,
    Routed,
    Saved,
    Seen,
    Told,
    Touched,
)

KINDS = ("ModelRelease", "HTTPRoute", "Event", "ReleaseAction", "Deployment", "Service", "Lease")
NOBODY = "nobody"
_OURS = ("labels", "annotations", "finalizers", "ownerReferences")


class Version(NamedTuple):
    """One version of one object, in the order in which the API server stored it."""

    revision: int
    kind: str
    gone: bool
    body: Json


class Watcher:
    """Watches all namespaces from its start on; `latest` is what stands now."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube.within("")
        self.latest: dict[tuple[str, str, str], Json] = {}
        self.versions: dict[str, list[Version]] = {}
        self.gaps = 0
        self._closed = False
        for kind in KINDS:
            since = until(lambda k=kind: self._revision(k), what=f"{kind} can be listed")
            threading.Thread(target=self._run, args=(kind, since), daemon=True).start()

    def close(self) -> None:
        """Nothing that comes from now on is looked at."""
        self._closed = True

    def _revision(self, kind: str) -> str:
        """Where to begin; nothing while the storage of a kind that is new still starts."""
        try:
            return self._kube.revision(kind)
        except (ApiError, OSError):
            return ""

    def _run(self, kind: str, since: str) -> None:
        while not self._closed:
            try:
                for event in self._kube.watch(kind, since):
                    if event["type"] == "ERROR":
                        self.gaps += 1
                        since = self._revision(kind) or since
                        break
                    since = event["object"]["metadata"]["resourceVersion"]
                    self._see(kind, event)
            except (OSError, ValueError, ApiError):
                # The server is away, or cut the stream: on from the last version that was seen.
                threading.Event().wait(0.2)

    def _see(self, kind: str, event: Json) -> None:
        body, gone = event["object"], event["type"] == "DELETED"
        meta = body["metadata"]
        where = (meta.get("namespace", ""), kind, meta["name"])
        if gone:
            self.latest.pop(where, None)
        else:
            self.latest[where] = body
        found = Version(int(meta["resourceVersion"]), kind, gone, body)
        self.versions.setdefault(where[0], []).append(found)

    def get(self, namespace: str, kind: str, name: str = "fraud") -> Json:
        """An object as it stands, empty where there is none."""
        return self.latest.get((namespace, kind, name), {})

    def holders(self, namespace: str, lease: str) -> dict[int, str]:
        """From which revision on which process held a Lease; nobody does once it is given back."""
        found = {}
        for version in list(self.versions.get(namespace, [])):
            if (version.kind, version.body["metadata"]["name"]) == ("Lease", lease):
                holder = "" if version.gone else version.body["spec"].get("holderIdentity", "")
                found[version.revision] = holder.rpartition("_")[0] or NOBODY
        return found

    def forget(self, namespace: str) -> None:
        """A namespace in which all is over."""
        self.versions.pop(namespace, None)
        for where in [each for each in list(self.latest) if each[0] == namespace]:
            self.latest.pop(where, None)

    def timeline(
        self, namespace: str, writes: Mapping[int, str], leaders: Mapping[int, str]
    ) -> list[Seen]:
        """Everything of a namespace in order. `writes` tells which revisions the operator wrote, and
        which replica it was, `leaders` from which revision on a replica was the only one."""
        found: list[tuple[int, Seen]] = [(at, Led(name)) for at, name in leaders.items()]
        for version in list(self.versions.get(namespace, [])):
            replica = writes.get(version.revision, "")
            seen = _seen(version, OPERATOR if replica else _manager(version.body), replica)
            if seen is not None:
                found.append((version.revision, seen))
        return [seen for _, seen in sorted(found, key=lambda each: each[0])]


def _manager(body: Json) -> str:
    """Some other field manager; which one is of no account."""
    managers = [e.get("manager", "") for e in body["metadata"].get("managedFields", [])]
    return next((m for m in managers if m and m != OPERATOR), "someone")


def _seen(version: Version, by: str, replica: str) -> Seen | None:
    body, meta = version.body, version.body["metadata"]
    match version.kind:
        case "ModelRelease" if version.gone:
            return Gone(by, replica=replica)
        case "ModelRelease":
            kept = {part: meta[part] for part in _OURS if part in meta}
            return Saved(by, body["spec"], body.get("status", {}), kept, replica=replica)
        case "HTTPRoute":
            return _routed(version, by, replica)
        case "Event" if not version.gone:
            return Told(by, body["reason"], body.get("note", ""), replica=replica)
        case "ReleaseAction" if "status" not in body:
            return Asked(by, meta["uid"], body["spec"]["type"])
        case "Deployment" | "Service" if replica:
            return Touched(by, f"{version.kind} {meta['name']}", replica=replica)
    return None


def _routed(version: Version, by: str, replica: str) -> Routed:
    meta, spec = version.body["metadata"], version.body["spec"]
    name, labels = meta["name"], meta.get("labels", {})
    if version.gone:
        return Routed(by, name, (), replica=replica)
    rules = spec.get("rules", [])
    weights = tuple(
        tuple(Ref(r["name"], r["port"], r.get("weight", 1)) for r in rule.get("backendRefs", []))
        for rule in rules
    )
    others = [{k: v for k, v in rule.items() if k != "backendRefs"} for rule in rules]
    rest = ({**spec, "rules": others}, {part: meta[part] for part in _OURS if part in meta})
    managed = labels.get("app.kubernetes.io/managed-by") == OPERATOR
    return Routed(by, name, weights, managed, rest, replica=replica)
