"""Thousands of releases: their Deployments, Services, routes and traffic, without a pod."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client, config

from localcluster.state import Cluster
from surefoot.adapters.kubernetes.api import MERGE_PATCH, Api
from surefoot.ports import TransientError
from tests.support.exposition import TEXT, Exposition
from tests.support.story import deployment

Json = dict[str, Any]
PER_NAMESPACE = 100
WEIGHT = 10
ARMS = ("v41", "v42")
_AT_ONCE = 32
_SAID_EVERY = 1000
_LES = ("5", "10", "25", "50", "100", "250", "500", "+Inf")
_SCORES = ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.8", "+Inf")


@dataclass(frozen=True)
class Name:
    """One release; its arms are NAME-v41 and NAME-v42."""

    namespace: str
    name: str


def names(count: int) -> list[Name]:
    return [Name(f"team-{n // PER_NAMESPACE}", f"model-{n}") for n in range(count)]


@dataclass(frozen=True)
class Target:
    """What Prometheus scrapes for one namespace."""

    target: str
    labels: dict[str, str]


class Exporter:
    """What Envoy and the model servers would export for all releases: the same numbers for each, but
    for those that fail. Every series rises with time. One target for each namespace, as no single
    one would serve thousands, and so that their scrapes are spread as Prometheus spreads them."""

    def __init__(self, releases: Iterable[Name]) -> None:
        lines: dict[str, list[str]] = {}
        for each in releases:
            lines.setdefault(f"/{each.namespace}", []).append(_lines(each))
        self._texts = {path: "".join(some).encode() for path, some in lines.items()}
        self._failing: dict[Name, float] = {}
        self._began = time.monotonic()
        self._served = Exposition(lambda path: (self._text(path), TEXT))

    @property
    def targets(self) -> list[Target]:
        return [
            Target(self._served.address, {"__metrics_path__": path, "instance": path})
            for path in self._texts
        ]

    def fail(self, release: Name) -> None:
        """From now on half of what its candidate answers is an error."""
        self._failing[release] = time.monotonic()

    def _text(self, path: str) -> bytes:
        """10 requests a second to each candidate, 90 to each incumbent, an error in a thousand."""
        passed = time.monotonic() - self._began
        values = {b"n%d" % n: int(1000 + rate * passed) for n, rate in enumerate((90, 10))}
        values |= {b"b%d" % n: int(1 + rate * passed / 1000) for n, rate in enumerate((90, 10))}
        for n, rate in enumerate((90, 10)):
            for at in range(len(_LES)):
                share = (at + 1) / len(_LES)
                values[b"h%d_%d" % (n, at)] = int((1000 + rate * passed) * share)
        text = self._texts[path] % values
        for release, since in list(self._failing.items()):
            bad = int(values[b"b1"] + 5 * (time.monotonic() - since))
            old = f"{_errors(release, ARMS[1])} {values[b'b1']}\n".encode()
            text = text.replace(old, f"{_errors(release, ARMS[1])} {bad}\n".encode())
        return text

    def stop(self) -> None:
        self._served.stop()


def _errors(release: Name, arm: str) -> str:
    cluster = f"{release.namespace}_{release.name}-{arm}_80"
    name = "envoy_cluster_external_upstream_rq_xx"
    return f'{name}{{envoy_cluster_name="{cluster}",envoy_response_code_class="5"}}'


def _lines(release: Name) -> str:
    """Requests, errors and durations by Envoy, scores by one pod, per arm; values by name."""
    made = []
    for n, arm in enumerate(ARMS):
        cluster = f'envoy_cluster_name="{release.namespace}_{release.name}-{arm}_80"'
        pod = f'namespace="{release.namespace}",pod="{release.name}-{arm}-7c9f8d5b6-aaaaa"'
        made.append(f"envoy_cluster_external_upstream_rq_completed{{{cluster}}} %(n{n})d\n")
        made.append(f"{_errors(release, arm)} %(b{n})d\n")
        for kind, labels, edges in (
            ("envoy_cluster_external_upstream_rq_time", cluster, _LES),
            ("model_score", pod, _SCORES),
        ):
            made += [
                f'{kind}_bucket{{{labels},le="{le}"}} %(h{n}_{at})d\n'
                for at, le in enumerate(edges)
            ]
    return "".join(made)


def release_body(release: Name, interval: str) -> Json:
    """Three signals, two of them compared; held at 10 % for long."""
    margin = {"revertMargin": {"relative": 0.1}}
    threshold = {"window": "2m", "minSamples": 100, "consecutive": 1}
    signals = [
        {"name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}, "compare": margin,
         "threshold": {**threshold, "max": 0.1}},
        {"name": "p99", "type": "Latency", "source": {"preset": "envoy"}, "quantile": 0.99,
         "compare": margin, "threshold": {**threshold, "max": 10}},
        {"name": "drift", "type": "Drift", "source": {"preset": "model-server"}, "metric": "PSI",
         "baseline": "Incumbent", "threshold": {**threshold, "max": 0.5}},
    ]  # fmt: skip
    return {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ModelRelease",
        "metadata": {"name": release.name, "namespace": release.namespace},
        "spec": {
            "candidate": {"version": "42", "workloadRef": {"name": f"{release.name}-v42"}},
            "incumbent": {"workloadRef": {"name": f"{release.name}-v41"}},
            "traffic": {"route": {"kind": "HTTPRoute", "name": release.name}},
            "steps": [{"weight": WEIGHT, "hold": "12h"}],
            "bake": "1h",
            "analysis": {"interval": interval, "warmup": "0s"},
            "signals": signals,
        },
    }


def _route(release: Name) -> Json:
    refs = [
        {"name": f"{release.name}-{arm}", "port": 80, "weight": weight}
        for arm, weight in zip(ARMS, (100, 0), strict=True)
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": release.name, "namespace": release.namespace},
        "spec": {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": refs}]},
    }


class World:
    """Makes and changes many objects at once, as admin."""

    def __init__(self, api: Api, releases: list[Name]) -> None:
        self.api, self.releases = api, releases

    @classmethod
    async def connect(cls, cluster: Cluster, releases: list[Name]) -> World:
        configuration = client.Configuration()
        await config.load_kube_config(str(cluster.kubeconfig), client_configuration=configuration)
        return cls(Api(configuration, 60.0), releases)

    async def build(self, interval: str, say: Callable[[str], None]) -> None:
        """Every object of every release, its pods said to be available."""
        for namespace in dict.fromkeys(each.namespace for each in self.releases):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            await self.api.post("/api/v1/namespaces", body)
        for first in range(0, len(self.releases), _SAID_EVERY):
            some = self.releases[first : first + _SAID_EVERY]
            await _each(self._arm(each, arm) for each in some for arm in ARMS)
            await _each(self._release(each, interval) for each in some)
            say(f"{first + len(some)} of {len(self.releases)} are made")

    async def _arm(self, release: Name, arm: str) -> None:
        name, where = f"{release.name}-{arm}", f"namespaces/{release.namespace}"
        made = await self.api.post(f"/apis/apps/v1/{where}/deployments", deployment(name))
        said = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
        status = {"status": {"observedGeneration": made["metadata"]["generation"], **said}}
        path = f"/apis/apps/v1/{where}/deployments/{name}/status"
        await self.api.patch(path, status, MERGE_PATCH)
        # The cluster's range of addresses is too small for so many.
        spec = {"selector": {"app": name}, "ports": [{"port": 80}], "clusterIP": "None"}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
        await self.api.post(f"/api/v1/{where}/services", body)

    async def _release(self, release: Name, interval: str) -> None:
        where = f"namespaces/{release.namespace}"
        await self._accept(
            await self.api.post(
                f"/apis/gateway.networking.k8s.io/v1/{where}/httproutes", _route(release)
            )
        )
        path = f"/apis/surefoot.dev/v1alpha1/{where}/modelreleases"
        await self.api.post(path, release_body(release, interval))

    async def accept(self) -> int:
        """Do the Gateway's part for every route that changed; how many those were."""
        path = "/apis/gateway.networking.k8s.io/v1/httproutes"
        routes = await self._all(path)
        stale = [route for route in routes if not _is_accepted(route)]
        await _each(map(self._accept, stale))
        return len(stale)

    async def _accept(self, route: Json) -> None:
        meta, now = route["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {"type": kind, "status": "True", "reason": "Accepted", "message": "",
             "observedGeneration": meta["generation"], "lastTransitionTime": now}
            for kind in ("Accepted", "ResolvedRefs")
        ]  # fmt: skip
        parent = {
            "parentRef": {"name": "public"},
            "controllerName": "test/gateway",
            "conditions": conditions,
        }
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{meta['namespace']}/httproutes/{meta['name']}/status"
        await self.api.patch(path, {"status": {"parents": [parent]}}, MERGE_PATCH)

    async def statuses(self) -> Iterator[Json]:
        path = "/apis/surefoot.dev/v1alpha1/modelreleases"
        return iter([body.get("status", {}) for body in await self._all(path)])

    async def _all(self, path: str) -> list[Json]:
        """A list; an API server that has just started may not have seen all of its own writes yet."""
        while True:
            try:
                return [body async for body in self.api.list(path)]
            except TransientError:
                await asyncio.sleep(0.5)


def _is_accepted(route: Json) -> bool:
    parents = route.get("status", {}).get("parents", [])
    seen = parents and parents[0]["conditions"][0]["observedGeneration"]
    return bool(seen == route["metadata"]["generation"])


async def _each(work: Iterable[Awaitable[None]]) -> None:
    """All of it, some at once; what the API server cannot take now is tried again."""
    todo = iter(work)

    async def worker() -> None:
        for each in todo:
            await each

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
