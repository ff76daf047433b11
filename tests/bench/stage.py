"""A real API server with an audit log, a real Prometheus, and the operator with the chart's own rights."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environment import ROOT
from localcluster import build, cluster
from localcluster.state import Cluster
from tests.bench.weights import WeightLog
from tests.support.kube import Json, Kube
from tests.support.poll import until
from tests.support.story import Gateway, OperatorProcess, Prometheus, Traffic, add_arm, release

RATE = 50
_HOME = "surefoot-system"
OPERATOR = f"system:serviceaccount:{_HOME}:surefoot"
_CHART = ("rbac.yaml", "serviceaccount.yaml")


@dataclass
class Place:
    """One namespace: its Gateway controller, its traffic, and its routes' weights over time."""

    kube: Kube
    exporter: Traffic
    gateway: Gateway
    weights: WeightLog

    def flow(self, name: str, error_share: float = 0.0) -> None:
        """Requests to the candidate of a release, of which this share fails from now on."""
        self.exporter.flow(self.kube.namespace, f"{name}-v42", RATE, error_share)

    def start(self, name: str, **spec: Any) -> None:
        """A release from NAME-v41 to NAME-v42, both with pods and healthy traffic."""
        for arm in (f"{name}-v41", f"{name}-v42"):
            add_arm(self.kube, arm)
            self.exporter.flow(self.kube.namespace, arm, RATE, 0.0)
        arms = {
            "candidate": {"version": "42", "workloadRef": {"name": f"{name}-v42"}},
            "incumbent": {"workloadRef": {"name": f"{name}-v41"}},
        }
        self.kube.apply(release(name, **{**arms, **spec}))

    def status(self, name: str) -> Json:
        found: Json = self.kube.get("ModelRelease", name).get("status", {})
        return found

    def reached(self, name: str, percent: int, after: float = 0.0) -> float:
        """When the release's candidate had this weight in its route."""
        return self.weights.reached(name, f"{name}-v42", percent, after)

    def verified(self, name: str) -> None:
        """Wait until the operator has seen its weight in the route and judged what flows there."""

        def judged() -> bool:
            body = self.status(name)
            said = [signal["verdict"] for signal in body.get("signals", [])]
            return bool((body.get("step") or {}).get("verifiedAt")) and set(said) <= {"Pass"}

        until(judged, what=f"{name} is verified and all of its signals pass")

    def act(self, name: str, kind: str) -> None:
        """A ReleaseAction."""
        action = {
            "apiVersion": "surefoot.dev/v1alpha1",
            "kind": "ReleaseAction",
            "metadata": {"name": f"{name}-{kind.lower()}"},
            "spec": {"releaseName": name, "type": kind, "requestedBy": "admin"},
        }
        self.kube.create(action)


@dataclass
class Stage:
    """What the benches on an API server share."""

    cluster: Cluster
    admin: Kube
    kubeconfig: Path
    exporter: Traffic
    prometheus: Prometheus
    folder: Path
    home: str = _HOME

    def place(self, namespace: str) -> Place:
        """A fresh namespace."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        self.admin.create(body)
        kube = self.admin.within(namespace)
        return Place(kube, self.exporter, Gateway(kube), WeightLog(kube))

    def spawn(self, url: str | None = None, **settings: str) -> OperatorProcess:
        """The operator's process, just started; `settings` are further variables."""
        where = url or self.prometheus.url
        return OperatorProcess(self.kubeconfig, where, self.folder, "1s", None, **settings)

    @contextmanager
    def operator(self, url: str | None = None) -> Iterator[OperatorProcess]:
        """The operator, ready."""
        process = self.spawn(url)
        try:
            yield process.ready()
        finally:
            process.kill()


@contextmanager
def api_stage() -> Iterator[Stage]:
    """Everything up; all of it is gone afterwards."""
    name = f"bench-{os.getpid()}"
    with tempfile.TemporaryDirectory() as scratch:
        running = cluster.up("api", name, audit=True)
        try:
            exporter = Traffic()
            stub = build.binary("prometheus")
            prometheus = Prometheus(stub, Path(scratch), exporter.address)
            try:
                yield _stage(running, exporter, prometheus, Path(scratch))
            finally:
                prometheus.stop()
                exporter.stop()
        finally:
            cluster.down(name)


def _stage(running: Cluster, exporter: Traffic, prometheus: Prometheus, scratch: Path) -> Stage:
    apply_crds(running)
    admin = Kube(running.server, running.ca, running.tokens["admin"])
    kubeconfig = operators_kubeconfig(running, admin, scratch)
    return Stage(running, admin, kubeconfig, exporter, prometheus, scratch)


def apply_crds(running: Cluster) -> None:
    """Surefoot's kinds and HTTPRoutes, served when this returns."""
    crds = build.module_files("contour", "sigs.k8s.io/gateway-api", "config/crd/standard")
    routes = crds / "gateway.networking.k8s.io_httproutes.yaml"
    for file in (routes, *sorted((ROOT / "crds").glob("*.yaml"))):
        _kubectl(running, "apply", "--server-side", "-f", str(file))
    admin = Kube(running.server, running.ca, running.tokens["admin"])
    until(lambda: _served(admin), what="the CRDs are served")


def _kubectl(running: Cluster, *words: str, stdin: str | None = None) -> None:
    command: list[str | Path] = [
        build.binary("kubectl"),
        "--kubeconfig",
        running.kubeconfig,
        *words,
    ]
    subprocess.run(command, check=True, capture_output=True, text=True, input=stdin)


def _served(admin: Kube) -> bool:
    try:
        admin.list("ModelRelease")
        admin.list("HTTPRoute")
    except Exception:
        return False
    return True


def operators_kubeconfig(running: Cluster, admin: Kube, scratch: Path) -> Path:
    """A user of its own, with what the chart allows: the audit log then tells its writes apart."""
    shown = [word for file in _CHART for word in ("--show-only", f"templates/{file}")]
    command: list[str | Path] = [
        build.binary("helm"),
        "template",
        "surefoot",
        ROOT / "charts" / "surefoot",
    ]
    command += ["--namespace", _HOME, "--set", "prometheus.url=http://prometheus:9090", *shown]
    home = {**os.environ, "HELM_CACHE_HOME": str(scratch / "helm")}
    rendered = subprocess.run(command, check=True, capture_output=True, text=True, env=home).stdout
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _HOME}}
    admin.create(body)
    _kubectl(running, "apply", "-n", _HOME, "-f", "-", stdin=rendered)
    token = token_of(admin, _HOME)
    config = json.loads(running.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    target = scratch / "kubeconfig"
    target.touch(mode=0o600)
    target.write_text(json.dumps(config))
    return target


def token_of(admin: Kube, home: str) -> str:
    """A fresh token of the operator's service account."""
    path = f"/api/v1/namespaces/{home}/serviceaccounts/surefoot/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 86_400},
    }
    made: str = admin.request("POST", path, request)["status"]["token"]
    return made
