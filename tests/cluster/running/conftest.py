"""A real API server with Surefoot's CRDs, a real Prometheus, and the operator as a process."""

import itertools
import os
import subprocess
from pathlib import Path

import pytest

from localcluster import build, cluster
from tests.support.kube import Kube
from tests.support.poll import until
from tests.support.story import Gateway, OperatorProcess, Prometheus, Traffic, add_arm

ROOT = Path(__file__).resolve().parents[3]
_COUNT = itertools.count(1)


@pytest.fixture(scope="session")
def api_server():
    """A cluster of profile api of its own, with the CRDs that the operator needs."""
    name = f"running-{os.getpid()}"
    running = cluster.up(profile="api", name=name, audit=True)
    crds = build.module_files("contour", "sigs.k8s.io/gateway-api", "config/crd/standard")
    files = [
        crds / "gateway.networking.k8s.io_httproutes.yaml",
        *sorted((ROOT / "crds").glob("*.yaml")),
    ]
    for file in files:
        subprocess.run(
            [build.binary("kubectl"), "--kubeconfig", running.kubeconfig, "apply", "--server-side", "-f", file],
            check=True, capture_output=True,
        )  # fmt: skip
    yield running
    cluster.down(name)


@pytest.fixture
def kube(api_server):
    """Admin in a fresh namespace."""
    admin = Kube(api_server.server, api_server.ca, api_server.tokens["admin"])
    namespace = f"story-{next(_COUNT)}"
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    until(lambda: _can_list(admin.within(namespace)), what="the CRDs are served")
    return admin.within(namespace)


def _can_list(kube):
    try:
        kube.list("ModelRelease")
        kube.list("HTTPRoute")
    except Exception:
        return False
    return True


@pytest.fixture(scope="session")
def exporter():
    made = Traffic()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory, exporter):
    made = Prometheus(build.binary("prometheus"), tmp_path_factory.mktemp("prom"), exporter.address)
    yield made
    made.stop()


@pytest.fixture
def traffic(kube, exporter, prometheus):
    """50 requests a second to both arms, all of them good and seen by Prometheus."""
    made = exporter.within(kube.namespace)
    made.flow("fraud-v41", 50)
    made.flow("fraud-v42", 50)
    seen = f'{{envoy_cluster_name=~"{kube.namespace}_fraud.*"}}'
    until(lambda: '"value"' in prometheus.query(seen), what="the traffic is scraped")
    return made


@pytest.fixture
def gateway(kube):
    return Gateway(kube)


@pytest.fixture
def arms(kube):
    """v41 and v42 with two available pods each."""
    for name in ("fraud-v41", "fraud-v42"):
        add_arm(kube, name)


@pytest.fixture
def start_operator(api_server, prometheus, traffic, tmp_path):
    """Start the operator; it is killed at the end."""
    started = []

    def start(url=None, **settings):
        process = OperatorProcess(
            api_server.kubeconfig, url or prometheus.url, tmp_path, **settings
        )
        started.append(process)
        return process.ready()

    yield start
    for process in started:
        if process.process.poll() is None:
            process.kill()
        print(process.log.read_text()[-4000:])
