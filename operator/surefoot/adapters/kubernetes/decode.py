"""Kubernetes objects as the engine knows them."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from surefoot.api.plain import one_line
from surefoot.api.vocabulary import MANAGED_BY_LABEL, MANAGER
from surefoot.engine.world import BackendWeight, Route, Workload

Json = dict[str, Any]
_RUN_FIELDS = ("name", "image", "command", "args", "env", "envFrom")
# Defaults that an API server writes into volumes and env; a newer one may write more of them.
_DEFAULTS = {"defaultMode": 420, "apiVersion": "v1", "optional": False, "type": ""}


def time_of(text: str) -> datetime:
    """An RFC 3339 time stamp of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if _DEFAULTS.get(k, value) != v}
    return [_bare(v) for v in value] if isinstance(value, list) else value


def fingerprint(name: str, template: Json) -> str:
    """Digest of a workload's name and what its pods run.

    Image, command, args, env and envFrom of all containers, and the volumes: not metadata or
    defaults, so a restart, a sidecar's label or a cluster upgrade changes nothing.
    """
    spec = template.get("spec", {})
    containers = [
        {field: _bare(c[field]) for field in _RUN_FIELDS if field in c}
        for group in ("initContainers", "containers")
        for c in spec.get(group, [])
    ]
    return _digest([name, containers, _bare(spec.get("volumes", []))])


def workload_of(body: Json) -> Workload:
    """A Deployment."""
    meta, spec, status = body["metadata"], body.get("spec", {}), body.get("status", {})
    template, wanted = spec.get("template", {}), spec.get("replicas", 1)
    available = status.get("availableReplicas", 0)
    current = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    updated = status.get("updatedReplicas", 0) >= wanted
    return Workload(
        name=meta["name"],
        fingerprint=fingerprint(meta["name"], template),
        template_hash=_digest(template),
        replicas=wanted,
        available=available,
        settled=current and updated and wanted > 0 and available >= wanted,
    )


def ports_of(body: Json) -> tuple[int, ...]:
    """A Service's ports."""
    return tuple(p["port"] for p in body.get("spec", {}).get("ports", []))


def _backend(ref: Json, namespace: str) -> BackendWeight:
    plain = ref.get("kind", "Service") == "Service" and not ref.get("group")
    local = ref.get("namespace", namespace) == namespace
    name = (
        ref["name"]
        if plain and local
        else f"{ref.get('kind')}/{ref.get('namespace')}/{ref['name']}"
    )
    return BackendWeight(name, ref.get("port", 0), ref.get("weight", 1))


def _is_managed(meta: Json) -> bool:
    """Ours by label and name, not by uid: a release that was deleted and applied again, or restored
    from a backup, finds its route again."""
    labels: Mapping[str, str] = meta.get("labels", {})
    return labels.get(MANAGED_BY_LABEL) == MANAGER


def _last_manager(meta: Json) -> str:
    """Who else wrote the spec last, by managedFields."""
    others = [
        (entry.get("time", ""), entry.get("manager", "someone"))
        for entry in meta.get("managedFields", [])
        if entry.get("manager") != "surefoot"
        and not entry.get("subresource")
        and "f:spec" in entry.get("fieldsV1", {})
    ]
    return one_line(max(others)[1]) or "someone" if others else "someone"


def route_of(body: Json) -> Route:
    """An HTTPRoute with its Gateways' judgement of this generation."""
    meta, spec = body["metadata"], body.get("spec", {})
    accepted, verdict = _accepted(body, meta.get("generation", 0))
    return Route(
        name=meta["name"],
        generation=meta.get("generation", 0),
        managed=_is_managed(meta),
        rules=tuple(
            tuple(_backend(ref, meta["namespace"]) for ref in rule.get("backendRefs", []))
            for rule in spec.get("rules", [])
        ),
        parents=tuple(
            {k: p[k] for k in ("name", "namespace", "sectionName") if k in p}
            for p in spec.get("parentRefs", [])
        ),
        hostnames=tuple(spec.get("hostnames", ())),
        accepted=accepted,
        verdict=verdict,
        manager=_last_manager(meta),
        uid=meta.get("uid", ""),
    )


def _accepted(body: Json, generation: int) -> tuple[bool | None, str]:
    """True when every parent accepts this generation, None while one has not judged it yet."""
    parents = body.get("status", {}).get("parents", [])
    if not parents:
        return None, ""
    late = False
    for parent in parents:
        gateway = parent.get("parentRef", {}).get("name", "?")
        conditions = {c["type"]: c for c in parent.get("conditions", [])}
        for kind in ("Accepted", "ResolvedRefs"):
            c = conditions.get(kind)
            if c is None or c.get("observedGeneration", generation) < generation:
                late = True
            elif c["status"] != "True":
                why = (one_line(c.get(part, ""), 400) for part in ("reason", "message"))
                text = f"Gateway {gateway} says {kind}={c['status']}"
                return False, ", ".join((text, ": ".join(filter(None, why)) or "and not why"))
    return (None, "") if late else (True, "")
