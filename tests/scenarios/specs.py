"""Specs, signals and Deployments to begin with."""

from typing import Any

from surefoot.engine.world import Workload


def workload(
    name: str, *, image: str = "", replicas: int = 2, available: int | None = None
) -> Workload:
    """A Deployment; all of its pods are available unless told otherwise."""
    ready = replicas if available is None else available
    print_ = f"fp-{image or name}"
    return Workload(
        name, print_, f"th-{image or name}", replicas, ready, replicas > 0 and ready >= replicas
    )


def spec(**changes: Any) -> dict[str, Any]:
    """Three steps of 30 s, a bake of 30 s, one ErrorRate signal; `changes` replace top-level fields."""
    base: dict[str, Any] = {
        "candidate": {"version": "42", "workloadRef": {"name": "fraud-v42"}},
        "incumbent": {"workloadRef": {"name": "fraud-v41"}},
        "traffic": {
            "managedRoute": {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example"]}
        },
        "steps": [{"weight": w, "hold": "30s"} for w in (10, 25, 50)],
        "bake": "30s",
        "startDeadline": "5m",
        "analysis": {"interval": "10s", "warmup": "0s"},
        "signals": [errors()],
    }
    return {k: v for k, v in {**base, **changes}.items() if v is not None}


def errors(name: str = "errors", **changes: Any) -> dict[str, Any]:
    """An ErrorRate signal with a limit of 5 %."""
    threshold = {"max": 0.05, "window": "30s", "minSamples": 20, **changes.pop("threshold", {})}
    return {
        "name": name,
        "type": "ErrorRate",
        "source": {"preset": "envoy"},
        "threshold": threshold,
        **changes,
    }


def candidate(version: str, **changes: Any) -> dict[str, Any]:
    """`spec.candidate` for a version."""
    return {"version": version, "workloadRef": {"name": f"fraud-v{version}"}, **changes}


def given_route(name: str = "fraud") -> dict[str, Any]:
    return {"route": {"kind": "HTTPRoute", "name": name}}
