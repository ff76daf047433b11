"""By which words cached objects are found: what a ModelRelease and a ReleaseAction name."""

from typing import Any

from surefoot.adapters.kubernetes.bodies import named_in, text

Json = dict[str, Any]


def route(name: str) -> str:
    """The word for a route."""
    return f"route/{name}"


def arm(name: str) -> str:
    """The word for a Deployment or a Service."""
    return f"arm/{name}"


def model_class(name: str) -> str:
    """The word for a ReleaseClass."""
    return f"class/{name}"


def of_release(release: Json) -> set[str]:
    """Every route, Deployment and Service that spec or status name, and its class."""
    routes = {text(release, each, "traffic", "route", "name") for each in ("spec", "status")}
    routes = (routes | {str(release["metadata"]["name"])}) - {""}
    classes = {text(release, "spec", "releaseClassName")} - {""}
    return {*map(route, routes), *map(arm, named_in(release)), *map(model_class, classes)}


def of_action(action: Json) -> set[str]:
    """The release that it is about."""
    return {text(action, "spec", "releaseName")} - {""}
