"""By which words cached objects are found: what a ModelRelease and a ReleaseAction name."""

from typing import Any

Json = dict[str, Any]


def route(name: str) -> str:
    """The word for a route."""
    return f"route/{name}"


def arm(name: str) -> str:
    """The word for a Deployment or a Service."""
    return f"arm/{name}"


def of_release(release: Json) -> set[str]:
    """Every route, Deployment and Service that spec or status name."""
    spec, status = release.get("spec") or {}, release.get("status") or {}
    words = {route(release["metadata"]["name"])}
    for part in (spec, status):
        found = ((part.get("traffic") or {}).get("route") or {}).get("name")
        words |= {route(found)} if found else set()
    names: set[str | None] = set()
    for each in (spec.get("candidate"), spec.get("incumbent")):
        for ref in ("workloadRef", "backendRef"):
            names.add(((each or {}).get(ref) or {}).get("name"))
    for each in (status.get("incumbent"), status.get("release")):
        names.add((each or {}).get("workload"))
        names.add(((each or {}).get("backend") or {}).get("name"))
    return words | {arm(name) for name in names if name}


def of_action(action: Json) -> set[str]:
    """The release that it is about."""
    name = (action.get("spec") or {}).get("releaseName")
    return {name} if name else set()
