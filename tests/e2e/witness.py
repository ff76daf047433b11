"""Holds the stories of the real node to the invariants, by everything that its API server stored."""

import contextlib
from collections.abc import Iterator

from tests.chaos.watcher import Version, Watcher
from tests.invariants import first_broken
from tests.support.kube import Json, Kube
from tests.support.poll import until
from tests.timeline import OPERATOR

CONTROLLER = "surefoot.dev/operator"


class Witness:
    """Sees a namespace from its start on."""

    def __init__(self, kube: Kube) -> None:
        self._namespace, self._watcher = kube.namespace, Watcher(kube)

    def broken(self) -> str:
        """The first invariant that does not hold, or nothing."""
        versions = list(self._watcher.versions.get(self._namespace, []))
        writes = dict.fromkeys(written_by_us(versions), OPERATOR)
        assert self._watcher.gaps == 0, "the watch has missed something"
        return first_broken(self._watcher.timeline(self._namespace, writes, {}))

    def end(self) -> None:
        """What is still to be written or told is waited for. Raises AssertionError."""
        with contextlib.suppress(AssertionError):
            until(lambda: not self.broken())
        assert self.broken() == ""
        assert any(written_by_us(self._watcher.versions[self._namespace])), "nothing was seen"
        self._watcher.close()


def written_by_us(versions: list[Version]) -> Iterator[int]:
    """The revisions that the operator wrote: nobody else writes a status of a ModelRelease, or an
    Event in its name; a route's rules belong to who wrote them last."""
    known: dict[tuple[str, str], Json] = {}
    for version in sorted(versions, key=lambda each: each.revision):
        body, place = version.body, (version.kind, version.body["metadata"]["name"])
        before = known.get(place, {})
        known[place] = {} if version.gone else body
        if version.gone:
            continue
        part = {"ModelRelease": "status", "HTTPRoute": "spec"}.get(version.kind)
        changed = part is not None and before.get(part) != body.get(part)
        ours = {
            "ModelRelease": changed,
            "HTTPRoute": changed and _owner_of_rules(body) == OPERATOR,
            "Event": body.get("reportingController") == CONTROLLER,
        }
        if ours.get(version.kind):
            yield version.revision


def _owner_of_rules(body: Json) -> str:
    """Lists of a route are atomic: they have one owner, and of two that agree the later one wrote."""
    owners = [
        (entry.get("time", ""), entry.get("manager", ""))
        for entry in body["metadata"].get("managedFields", [])
        if "f:rules" in entry.get("fieldsV1", {}).get("f:spec", {})
    ]
    return max(owners, default=("", ""))[1]
