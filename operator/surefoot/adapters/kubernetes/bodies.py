"""Names in the raw JSON of releases, which any version or person may have written: nothing is taken for granted."""

from typing import Any

Json = dict[str, Any]


def part(node: object, *path: str) -> Json:
    """The object at `path`, or an empty one."""
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def text(node: object, *path: str) -> str:
    """The string at `path`, or an empty one."""
    found = part(node, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def route_name(release: Json) -> str:
    """The route that its spec means."""
    return text(release, "spec", "traffic", "route", "name") or str(release["metadata"]["name"])


def backends_of(release: Json) -> set[str]:
    """Every Service that it moves weights of, as spec and status name them."""
    named = set()
    for arm in ("candidate", "incumbent"):
        refs = [text(release, "spec", arm, ref, "name") for ref in ("backendRef", "workloadRef")]
        named.add(refs[0] or refs[1])
    for arm in ("incumbent", "release"):
        named.add(text(release, "status", arm, "backend", "name"))
    return named - {""}


def named_in(release: Json) -> set[str]:
    """Every Deployment and Service that it names."""
    names = {
        text(release, "spec", arm, ref, "name")
        for arm in ("candidate", "incumbent")
        for ref in ("workloadRef", "backendRef")
    }
    for arm in ("incumbent", "release"):
        names.add(text(release, "status", arm, "workload"))
        names.add(text(release, "status", arm, "backend", "name"))
    return names - {""}
