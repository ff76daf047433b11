"""One example: a recorded scene in which some of the parts are replaced, spoiled or answered oddly."""

import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from surefoot.adapters.kubernetes.cache import Cache
from tests.fuzz.making import HOSTILE, Maker
from tests.fuzz.memory import Json, MemoryApi
from tests.fuzz.schema import schema_of
from tests.fuzz.stories import Scene, action, in_flight, recorded

KINDS = ("valid", "near", "broken")
_WEIGHTS = (0, 0, 1, 5, 50, 100, 1_000_000, 2**31 - 1)


@dataclass
class Example:
    """What a tick is to begin with. `did` says how it was made, for whoever reads a failure."""

    make: Maker
    scene: str
    api: MemoryApi
    cache: Cache
    now: datetime
    did: list[str]


def example(chance: Random) -> Example:
    """The next one; `chance` decides all of it."""
    make = Maker(chance)
    scene: Scene = make.one(in_flight() if make.flips(0.6) else recorded())
    did: list[str] = []
    objects = [_changed(make, body, did) for body in scene.objects]
    objects = [
        body
        for body in objects
        if body["kind"] in ("ModelRelease", "HTTPRoute") or not make.flips(0.03)
    ]
    if make.flips(0.25):
        objects.append(_action(make))
    if make.flips(0.1):
        objects.append(_rival(make, objects[0]))
    cache = Cache()
    jump = make.one((0, 1, 10, 10, 30, 600, 10**6, -20, -(10**6)))
    return Example(
        make, scene.name, MemoryApi(objects, cache), cache, scene.now + timedelta(seconds=jump), did
    )


def _changed(make: Maker, body: Json, did: list[str]) -> Json:
    match body["kind"]:
        case "ModelRelease":
            return _release(make, body, did)
        case "ReleaseClass" if make.flips(0.3):
            return {**body, "spec": spec_of(make, "ReleaseClass", body["spec"], did)}
        case "HTTPRoute" if make.flips(0.3):
            return _route(make, body)
        case "Deployment" if make.flips(0.2):
            return _deployment(make, body)
        case "Service" if make.flips(0.1):
            return {
                **body,
                "spec": make.one(({}, {"ports": []}, {"ports": [{"port": 81}, {"port": 80}]})),
            }
        case "ConfigMap" if make.flips(0.3):
            return {**body, "data": make.one((None, {}, {"scores.json": make.one(HOSTILE)}))}
    return body


def spec_of(make: Maker, kind: str, known: Json, did: list[str]) -> Json:
    """A spec of its schema, one nearly like a known one, or a broken one."""
    how = make.one(KINDS)
    did.append(f"{kind} spec {how}")
    schema = schema_of(kind)
    if how == "valid":
        fresh = make.value(schema)
        # CEL rules leave little of what is made at random: some of it goes into one that is sound.
        names = list(fresh) if not fresh or make.flips(0.3) else [make.one(list(fresh))]
        return {**known, **{name: fresh[name] for name in names}}
    return make.spoiled(known, 1 if how == "near" else 2 + make.chance.randrange(8))


def _release(make: Maker, body: Json, did: list[str]) -> Json:
    if make.flips(0.3):
        known = body["spec"]
        body = {**body, "spec": spec_of(make, "ModelRelease", known, did)}
        made = body["metadata"]["generation"] + 1
        body["metadata"] = {**body["metadata"], "generation": made}
    status = body.get("status")
    how = make.chance.random()
    if status and how < 0.4:
        did.append("status spoiled")
        body = {**body, "status": make.spoiled(status, 1 + make.chance.randrange(5))}
    elif how < 0.45:
        did.append("status made")
        body = {**body, "status": make.value(schema_of("ModelRelease", "status"))}
    if make.flips(0.05):
        body = {
            **body,
            "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"},
        }
    return body if isinstance(body.get("spec"), dict) else {**body, "spec": {}}


def _route(make: Maker, body: Json) -> Json:
    """Another tool's edit, within the schema of HTTPRoute."""
    spec = copy.deepcopy(body["spec"])
    for rule in spec.get("rules", []):
        for ref in rule.get("backendRefs", []):
            if make.flips(0.4):
                ref["weight"] = make.one(_WEIGHTS)
            if make.flips(0.1):
                ref.pop(make.one(("weight", "port")), None)
            if make.flips(0.05):
                ref |= {
                    "kind": make.one(("Service", "Other")),
                    "namespace": make.one(("risk", "other")),
                }
        if make.flips(0.1):
            rule["backendRefs"] = make.one(([], rule.get("backendRefs", []) * 2))
    if make.flips(0.1):
        spec["rules"] = make.one(([], spec.get("rules", []) * 2, [{}]))
    if make.flips(0.1):
        spec.pop("rules", None)
    editor = {
        "manager": make.one(HOSTILE)[:128],
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {"f:spec": {}},
    }
    meta = {**body["metadata"], "managedFields": [editor]}
    said = {
        "type": "Accepted",
        "status": make.one(("True", "False", "Unknown")),
        "message": make.one(HOSTILE),
    }
    status = {"parents": [{"parentRef": {"name": "public"}, "conditions": [said]}]}
    return {
        **body,
        "spec": spec,
        "metadata": meta,
        "status": make.one((body.get("status", {}), status, {})),
    }


def _deployment(make: Maker, body: Json) -> Json:
    spec, status = dict(body["spec"]), dict(body["status"])
    if make.flips(0.3):
        status["availableReplicas"] = make.one((0, 1, 2**31 - 1))
    if make.flips(0.3):
        status = {}
    if make.flips(0.3):
        spec["replicas"] = make.one((0, 1, 2**31 - 1))
    if make.flips(0.3):
        containers = [{"name": "model", "image": make.one(HOSTILE), "env": [{"name": "A"}]}]
        spec["template"] = {"spec": {"containers": containers, "volumes": [{"name": "v"}]}}
    return {**body, "spec": spec, "status": status}


def _action(make: Maker) -> Json:
    body = action(
        make.one(("Abort", "Pause", "Resume", "Retry")), make.one(HOSTILE), make.one(HOSTILE)[:1024]
    )
    body["metadata"]["creationTimestamp"] = make.one(
        ("2026-01-01T00:00:00Z", "2026-01-01T00:09:00Z")
    )
    return {**body, "spec": make.spoiled(body["spec"], make.one((0, 0, 1)))}


def _rival(make: Maker, body: Json) -> Json:
    """Another release on the same route, as broken as the first."""
    meta = {**body["metadata"], "name": "rival", "uid": make.one(("uid-a", "uid-z"))}
    return {
        **body,
        "metadata": meta,
        **{p: make.spoiled(body.get(p, {}), 2) for p in ("spec", "status")},
    }
