"""What a release needs to run on an API server without controllers: pods, Gateway and metrics by hand."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import Any

from tests.support.exposition import TEXT, Exposition
from tests.support.kube import ApiError, Json, Kube
from tests.support.poll import until

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    """A port that the OS says is free on loopback."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def deployment(name: str, replicas: int = 2, image: str = "model:1") -> Json:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "model", "image": image}]},
            },
        },
    }


def service(name: str, port: int = 80) -> Json:
    spec = {"selector": {"app": name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def release(name: str = "fraud", **spec: Any) -> Json:
    """A ModelRelease from v41 to v42 with short steps and one ErrorRate signal."""
    base = {
        "candidate": {"version": "42", "workloadRef": {"name": "fraud-v42"}},
        "incumbent": {"workloadRef": {"name": "fraud-v41"}},
        "traffic": {"managedRoute": {"parentRefs": [{"name": "public"}]}},
        "steps": [{"weight": 10, "hold": "3s"}, {"weight": 50, "hold": "3s"}],
        "bake": "3s",
        "analysis": {"interval": "1s", "warmup": "0s"},
        "signals": [error_rate()],
    }
    return {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ModelRelease",
        "metadata": {"name": name},
        "spec": {k: v for k, v in {**base, **spec}.items() if v is not None},
    }


def error_rate(**changes: Any) -> Json:
    threshold = {"max": 0.05, "window": "5s", "minSamples": 5, **changes.pop("threshold", {})}
    return {
        "name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}, "threshold": threshold, **changes,
    }  # fmt: skip


def set_available(kube: Kube, name: str, available: int) -> None:
    """Do the deployment controller's part: say how many pods are available."""
    body = kube.get("Deployment", name)
    wanted = body["spec"]["replicas"]
    status = {
        "observedGeneration": body["metadata"]["generation"],
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": available,
        "availableReplicas": available,
    }
    kube.patch("Deployment", name, {"status": status}, "status")


def add_arm(kube: Kube, name: str, replicas: int = 2) -> None:
    """A Deployment with all of its pods available, and its Service."""
    kube.create(deployment(name, replicas))
    kube.create(service(name))
    set_available(kube, name, replicas)


class Gateway:
    """Does the Gateway controller's part: accepts every generation of every route of a namespace,
    and keeps a log of every weight that was ever in a route."""

    def __init__(self, kube: Kube, follow: bool = True) -> None:
        self.kube, self.accepts = kube, True
        self.log: list[tuple[float, dict[str, int]]] = []
        if follow:
            kube.follow("HTTPRoute", self._seen)

    def _seen(self, event: Json) -> None:
        if event["type"] == "DELETED":
            return
        self._note(event["object"])
        self.judge(event["object"])

    def _note(self, route: Json) -> None:
        refs = [ref for rule in route["spec"]["rules"] for ref in rule.get("backendRefs", [])]
        weights = {ref["name"]: ref.get("weight", 1) for ref in refs}
        if not self.log or self.log[-1][1] != weights:
            self.log.append((time.monotonic(), weights))

    def judge(self, route: Json) -> None:
        generation = route["metadata"]["generation"]
        parents = route.get("status", {}).get("parents", [])
        said = "True" if self.accepts else "False"
        seen = parents and parents[0]["conditions"][0]
        if seen and (seen["observedGeneration"], seen["status"]) == (generation, said):
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {
                "type": kind, "status": said, "reason": "Accepted" if self.accepts else "NotAllowedByListeners",
                "message": "", "observedGeneration": generation, "lastTransitionTime": now,
            }
            for kind in ("Accepted", "ResolvedRefs")
        ]  # fmt: skip
        parent = {
            "parentRef": {"name": "public"},
            "controllerName": "test/gateway",
            "conditions": conditions,
        }
        with contextlib.suppress(ApiError):
            self.kube.patch(
                "HTTPRoute", route["metadata"]["name"], {"status": {"parents": [parent]}}, "status"
            )

    def weights(self, arm: str) -> list[int]:
        """Every weight that an arm has had, in order."""
        return [weights[arm] for _, weights in self.log if arm in weights]


class Traffic:
    """Exports what Envoy would: requests and errors per Service, at given rates; stops on demand."""

    def __init__(self) -> None:
        self.rates: dict[str, tuple[float, float]] = {}
        self._counts: dict[str, list[float]] = {}
        self._last = time.monotonic()
        self._lock = threading.Lock()
        self._served = Exposition(lambda _: (self.text().encode(), TEXT))

    @property
    def address(self) -> str:
        return self._served.address

    def stop(self) -> None:
        self._served.stop()

    def flow(
        self, namespace: str, service_name: str, per_second: float, error_share: float
    ) -> None:
        """From now on this many requests a second, of which this share fails."""
        cluster = f"{namespace}_{service_name}_80"
        with self._lock:
            self._advance()
            self._counts.setdefault(cluster, [0.0, 0.0])
            self.rates[cluster] = (per_second, error_share)

    def forget(self, namespace: str) -> None:
        """Nothing of this namespace is exported any more."""
        with self._lock:
            for known in (self.rates, self._counts):
                for cluster in [name for name in known if name.startswith(f"{namespace}_")]:
                    del known[cluster]

    def within(self, namespace: str) -> "Flow":
        """The traffic of one namespace."""
        return Flow(self, namespace)

    def _advance(self) -> None:
        now = time.monotonic()
        for name, (rate, share) in self.rates.items():
            made = rate * (now - self._last)
            self._counts[name][0] += made
            self._counts[name][1] += made * share
        self._last = now

    def text(self) -> str:
        """The exposition text."""
        with self._lock:
            self._advance()
            lines = []
            for name, (total, bad) in self._counts.items():
                label = f'envoy_cluster_name="{name}"'
                lines.append(
                    f"envoy_cluster_external_upstream_rq_completed{{{label}}} {int(total)}"
                )
                for code, count in (("2", total - bad), ("5", bad)):
                    lines.append(
                        f'envoy_cluster_external_upstream_rq_xx{{{label},envoy_response_code_class="{code}"}} {int(count)}'
                    )
        return "\n".join(lines) + "\n"


class Flow:
    """What flows in one namespace."""

    def __init__(self, traffic: Traffic, namespace: str) -> None:
        self._traffic, self._namespace = traffic, namespace

    def flow(self, service_name: str, per_second: float, error_share: float = 0.0) -> None:
        """See `Traffic.flow`."""
        self._traffic.flow(self._namespace, service_name, per_second, error_share)


class Prometheus:
    """A real Prometheus that scrapes one address, every second unless told otherwise."""

    def __init__(self, binary: Path, folder: Path, target: str, scrape: str = "1s") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = folder / "prometheus.yml"
        config.write_text(
            f"global: {{scrape_interval: {scrape}}}\nscrape_configs:\n- job_name: envoy\n  static_configs:\n"
            f"  - targets: ['{target}']\n"
        )
        self.log = (folder / "prometheus.log").open("w")
        self.process = subprocess.Popen(
            [
                binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        until(lambda: _answers(f"{self.url}/-/ready"), what="Prometheus is ready")
        until(lambda: '"value"' in self.query("up == 1"), what="Prometheus scrapes its target")

    def query(self, expression: str) -> str:
        """The raw answer to an instant query."""
        url = f"{self.url}/api/v1/query?query={urllib.parse.quote(expression)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            text: str = answer.read().decode()
            return text

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class OperatorProcess:
    """The operator as a process of its own, against a kubeconfig."""

    def __init__(
        self,
        kubeconfig: Path,
        prometheus_url: str,
        folder: Path,
        scrape: str = "1s",
        profile: Path | None = None,
        program: Sequence[str] = ("surefoot",),
        **settings: str,
    ) -> None:
        """`settings` are further variables, such as HOSTNAME; `profile` is where cProfile writes."""
        self.port, self.log = free_port(), folder / f"operator-{time.monotonic_ns()}.log"
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "SUREFOOT_PROMETHEUS_URL": prometheus_url,
            "SUREFOOT_SCRAPE_INTERVAL": scrape,
            "SUREFOOT_LOG_FORMAT": "text",
            "SUREFOOT_HTTP_PORT": str(self.port),
            **settings,
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                *(["-m", "cProfile", "-o", str(profile)] if profile else []),
                "-m",
                *program,
            ],
            env=environment,
            stderr=self.log.open("w"),
            cwd=ROOT,
        )

    def ready(self) -> "OperatorProcess":
        until(
            lambda: (
                self.process.poll() is not None or _answers(f"http://127.0.0.1:{self.port}/readyz")
            )
        )
        assert self.process.poll() is None, self.log.read_text()
        return self

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)
