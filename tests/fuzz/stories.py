"""Real statuses to start from: releases of every kind, recorded at each of their ticks."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from surefoot.adapters.kubernetes.cache import Cache
from surefoot.ports import Key, PortError
from surefoot.reconcile import Report, reconcile
from tests.fuzz.answers import sound
from tests.fuzz.memory import Json, MemoryApi, MemoryPrometheus, Notes, ports_on
from tests.support.examples import EXAMPLES
from tests.support.kube import load_all

T0 = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Key("risk", "fraud")
ARMS = ("fraud-v41", "fraud-v42", "fraud-v43")
DISTANCES = ("KolmogorovSmirnov", "WassersteinNormed", "MeanShift")
SHORT = [{"weight": w, "hold": "20s"} for w in (5, 25, 50)]
LADDER = {"steps": SHORT, "bake": "20s", "maxDuration": None}
QUICK = {"interval": "10s", "warmup": "0s", "evidenceInterval": "10s"}
# By tick.
_ACTS = {2: "Pause", 5: "Resume", 33: "Pause", 40: "Abort"}
STAMP = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Scene:
    """A cluster at one moment, as JSON."""

    name: str
    objects: tuple[Json, ...]
    now: datetime

    def of(self, kind: str) -> list[Json]:
        return [body for body in self.objects if body["kind"] == kind]


def meta(name: str, **more: Any) -> Json:
    return {
        "name": name, "namespace": "risk", "uid": f"uid-{name}", "generation": 1,
        "creationTimestamp": STAMP, "resourceVersion": "1", **more,
    }  # fmt: skip


def deployment(name: str, available: int = 2) -> Json:
    template = {"spec": {"containers": [{"name": "model", "image": f"registry.example/{name}"}]}}
    status = {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": available}
    spec = {"replicas": 2, "template": template}
    return {"kind": "Deployment", "metadata": meta(name), "spec": spec, "status": status}


def service(name: str, port: int) -> Json:
    return {"kind": "Service", "metadata": meta(name), "spec": {"ports": [{"port": port}]}}


def route(name: str, port: int) -> Json:
    refs = [{"name": n, "port": port, "weight": w} for n, w in zip(ARMS, (100, 0, 0), strict=True)]
    spec = {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": refs}]}
    return {"kind": "HTTPRoute", "metadata": meta(name), "spec": spec}


def action(kind: str, by: str = "alice", message: str = "") -> Json:
    spec = {"releaseName": "fraud", "type": kind, "requestedBy": by, "message": message}
    return {"kind": "ReleaseAction", "metadata": meta(f"{kind.lower()}-1"), "spec": spec}


def accept(api: MemoryApi) -> None:
    """Every route is accepted by its Gateway in its newest generation."""
    for body in list(api.objects.values()):
        if body["kind"] == "HTTPRoute":
            at = body["metadata"].get("generation", 1)
            said = [
                {"type": t, "status": "True", "observedGeneration": at}
                for t in ("Accepted", "ResolvedRefs")
            ]
            parents = [{"parentRef": {"name": "public"}, "conditions": said}]
            if body.get("status") != {"parents": parents}:
                api.put({**body, "status": {"parents": parents}})


def reconciled(ports: Any, now: datetime) -> Report:
    """One tick, without an event loop: nothing in memory waits."""
    tick = reconcile(KEY, ports, now)
    try:
        tick.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a port waited")


def _example(name: str) -> Json:
    """An example's spec, so short that it can be told."""
    (body,) = load_all(EXAMPLES / "valid" / f"{name}.yaml")
    return body["spec"]


def _short(spec: Json, **more: Any) -> Json:
    found = {**spec, **LADDER, "analysis": {**spec.get("analysis", {}), **QUICK}, **more}
    return {k: v for k, v in found.items() if v is not None}


def _quick_signals(signals: list[Json], delayed: bool) -> list[Json]:
    """Windows of seconds, few samples; label delays only if they are wanted."""
    found = []
    for signal in copy.deepcopy(signals):
        if "threshold" in signal:
            signal["threshold"] |= {"window": "10s"}
        if signal.get("threshold", {}).get("minSamples"):
            signal["threshold"]["minSamples"] = 10
        if not delayed:
            signal.pop("labelDelay", None)
        elif "labelDelay" in signal:
            signal["labelDelay"] = "10s"
        found.append(signal)
    return found


def specs() -> Iterator[tuple[str, Json]]:
    """The specs whose releases are recorded."""
    full = _example("full")
    signals = full["signals"]
    plain = {"releaseClassName": None, "parameters": None}
    yield "every signal", _short(full, **plain, signals=_quick_signals(signals, delayed=False))
    yield "label delays", _short(full, **plain, signals=_quick_signals(signals, delayed=True))
    yield "given route", _short(_example("given-route"))
    yield "of a class", _short(full, steps=None, bake=None, signals=[], hypothesis=None)
    yield "promql", _short(_example("promql"))
    hoped = _example("afterwards")
    yield "afterwards", _short(hoped, signals=_quick_signals(hoped["signals"], delayed=True))
    yield "no signals", _short(_example("minimal"), signals=[])
    scores = {"type": "Drift", "source": {"preset": "model-server"}, "baseline": "Incumbent"}
    limit = {"min": -1, "max": 1, "window": "20s"}
    moved = [{**scores, "name": m.lower(), "metric": m, "threshold": limit} for m in DISTANCES]
    yield "along the axis", _short(_example("minimal"), signals=moved)
    compared = [{**s, "compare": s.get("compare", {})} for s in signals if s["type"] in
                ("ErrorRate", "Latency", "Drift", "Calibration", "Performance", "Fairness")
                and s.get("baseline") != "Reference"]  # fmt: skip
    yield (
        "compared",
        _short(full, **plain, hypothesis=None, signals=_quick_signals(compared, False)),
    )


def a_class() -> Json:
    """A ReleaseClass with steps and signals of its own."""
    (body,) = load_all(EXAMPLES / "valid" / "class-full.yaml")
    spec = {**_short(body["spec"]), "signals": _quick_signals(body["spec"]["signals"], False)}
    spec["locked"] = ["signals"]
    cluster_wide = {k: v for k, v in meta("tier1-tabular").items() if k != "namespace"}
    return {"kind": "ReleaseClass", "metadata": cluster_wide, "spec": spec}


def config() -> Json:
    data = {
        "scores.json": '{"edges": [0.05, 0.1, 0.25, 0.5, 1.0], "counts": [40, 30, 20, 6, 3, 1], "total": 12}'
    }
    return {"kind": "ConfigMap", "metadata": meta("fraud-training-scores"), "data": data}


def _begun(spec: Json) -> list[Json]:
    release = {"kind": "ModelRelease", "metadata": meta("fraud"), "spec": spec}
    given = spec["traffic"].get("route")
    port = 8080 if given else 80
    routes = [route(given["name"], port)] if given else []
    arms = [body for name in ARMS for body in (deployment(name), service(name, port))]
    return [release, *routes, *arms, a_class(), config()]


def _told(name: str, spec: Json) -> Iterator[Scene]:
    """A release that first is promoted, then another one that is aborted or found to be worse."""
    cache, worse = Cache(), False
    api = MemoryApi(_begun(spec), cache)
    if "incumbent" not in spec:
        body = api.objects["modelreleases", "fraud"]
        api.put({**body, "spec": {**spec, "incumbent": {"workloadRef": {"name": ARMS[0]}}}})
    ports = ports_on(api, cache, MemoryPrometheus(lambda q, now: sound(q, now, worse)), Notes())
    now = T0
    for tick in range(60):
        now += timedelta(seconds=10)
        for _ in range(4):
            try:
                reconciled(ports, now)
            except PortError:
                continue
            accept(api)
        yield Scene(f"{name} {tick}", tuple(api.objects.values()), now)
        if tick in _ACTS:
            kind = _ACTS[tick]
            made = meta(f"{kind.lower()}-{tick}", creationTimestamp=_rfc(now))
            api.put({**action(kind, message="why not"), "metadata": made})
        if tick == 30:
            _point_on(api)
        worse = tick > 36


def _rfc(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _point_on(api: MemoryApi) -> None:
    """Git asks for the next version."""
    body = api.objects["modelreleases", "fraud"]
    named = {"version": "43", "workloadRef": {"name": ARMS[2]}}
    spec = {k: v for k, v in body["spec"].items() if k != "incumbent"} | {"candidate": named}
    changed = {**body["metadata"], "generation": body["metadata"]["generation"] + 1}
    api.put({**body, "spec": spec, "metadata": changed})


@cache
def recorded() -> tuple[Scene, ...]:
    """Every moment of every story."""
    return tuple(scene for name, spec in specs() for scene in _told(name, spec))


@cache
def in_flight() -> tuple[Scene, ...]:
    """Those moments at which a release was under way."""
    return tuple(scene for scene in recorded() if _flies(scene.of("ModelRelease")[0]))


def _flies(body: Json) -> bool:
    release = body.get("status", {}).get("release")
    return release is not None and "outcome" not in release
