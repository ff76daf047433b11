"""`kubectl surefoot probe` as people run it: a process, a real Prometheus, and a real API server between."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from localcluster import build
from localcluster.state import Cluster
from tests.cluster.conftest import fresh
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.cluster.test_plugin import PLUGIN, Person
from tests.support.kube import Kube
from tests.support.poll import until
from tests.support.relay import Relay

HOUR = {"window": "1h", "minSamples": 1, "consecutive": 1}


def proxy(candidate: int, incumbent: int) -> str:
    """Requests of both arms as Envoy counts them; every tenth of the candidate's failed."""
    lines = []
    for name, total, bad in (("v42", candidate, candidate // 10), ("v41", incumbent, 0)):
        label = f'envoy_cluster_name="risk_fraud-{name}_80"'
        lines.append(f"envoy_cluster_external_upstream_rq_completed{{{label}}} {total}")
        for code, count in (("2", total - bad), ("5", bad)):
            labels = f'{label},envoy_response_code_class="{code}"'
            lines.append(f"envoy_cluster_external_upstream_rq_xx{{{labels}}} {count}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has seen 100 more requests of the candidate and 1,000 more of the incumbent."""
    exporter = Exporter(proxy(10, 100))
    made = Prometheus(build.binary("prometheus"), tmp_path_factory.mktemp("prom"), exporter)
    seen = 'envoy_cluster_external_upstream_rq_completed{envoy_cluster_name="risk_fraud-v41_80"}'
    made.has(seen, 100)
    exporter.text = proxy(110, 1100)
    made.has(seen, 1100)
    yield made
    made.stop()
    exporter.stop()


def release(folder: Path, **over: Any) -> str:
    """The release's file: errors, and the requests as a query of its own."""
    query = 'sum(envoy_cluster_external_upstream_rq_completed{envoy_cluster_name=~".*{{candidate.service}}_.*"})'
    signals = [
        {
            "name": "errors",
            "type": "ErrorRate",
            "source": {"preset": "envoy"},
            "threshold": {**HOUR, "max": 0.05},
        },
        {
            "name": "requests",
            "type": "PromQL",
            "query": query,
            "threshold": {"max": 1e6, "window": "1h"},
        },
    ]
    backend = {"name": "fraud-v42", "port": 80}
    candidate = {"version": "42", "workloadRef": {"name": "fraud-v42"}, "backendRef": backend}
    spec = {
        "candidate": candidate,
        "traffic": {"route": {"name": "fraud"}},
        "steps": [{"weight": 5, "hold": "10m"}],
        "signals": signals,
        **over,
    }
    spec = {key: value for key, value in spec.items() if value is not None}
    path = folder / "release.yaml"
    meta = {"name": "fraud", "namespace": "risk"}
    body = {"apiVersion": "surefoot.dev/v1alpha1", "kind": "ModelRelease", "metadata": meta}
    path.write_text(yaml.safe_dump({**body, "spec": spec}))
    return str(path)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The plugin, with nothing but what is given: no kubeconfig."""
    environment = {"KUBECONFIG": "/nonexistent", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [*PLUGIN, "probe", *words], capture_output=True, text=True, timeout=120, env=environment
    )


def test_an_address_and_a_file_are_enough(prometheus: Prometheus, tmp_path: Path) -> None:
    given = ("-f", release(tmp_path), "--prometheus", prometheus.url, "--incumbent", "fraud-v41:80")
    done = run(*given, "-o", "json")
    assert done.returncode == 0, done.stderr
    errors, requests = json.loads(done.stdout)["signals"]
    assert (errors["candidate"]["samples"], errors["candidate"]["value"]) == (100, 0.1)
    assert (errors["incumbent"]["samples"], errors["incumbent"]["value"]) == (1000, 0)
    assert (errors["candidate"]["series"], errors["verdict"]) == (3, "Fail")
    assert (requests["candidate"]["value"], requests["incumbent"]["value"]) == (110, 1100)
    plain = run(*given)
    assert plain.returncode == 0
    assert "\x1b" not in plain.stdout
    assert "All 2 signals can be read." in plain.stdout
    assert "service" not in plain.stderr


def test_a_wrong_label_is_found_with_what_it_should_be(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    file = release(tmp_path)
    done = run("-f", file, "--prometheus", prometheus.url, "--incumbent", "fraud-41:80")
    assert done.returncode == 1
    assert "2 of 2 signals cannot be read: errors, requests" in done.stdout
    hint = 'envoy_cluster_name is "risk_fraud-v41_80", "risk_fraud-v42_80"'
    assert hint in " ".join(done.stdout.split())
    missing = {"preset": "bentoml"}
    signal = {
        "name": "errors",
        "type": "ErrorRate",
        "source": missing,
        "threshold": {**HOUR, "max": 1},
    }
    file = release(tmp_path, signals=[signal])
    done = run("-f", file, "--prometheus", prometheus.url, "--incumbent", "fraud-v41")
    assert done.returncode == 1
    assert "Prometheus has no series of bentoml_service_request_total at all" in done.stdout


def own_address() -> str:
    """This machine's address towards other networks: the API server refuses to proxy to loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return str(probe.getsockname()[0])


@pytest.fixture
def kube(api: Cluster) -> Kube:
    return fresh(api)


@pytest.fixture
def service(kube: Kube, prometheus: Prometheus) -> Iterator[str]:
    """Prometheus as the Service `prometheus`; its namespace."""
    address, port = own_address(), urlsplit(prometheus.url).port
    assert port is not None
    relay = Relay("127.0.0.1", port, listen_on=address)
    ports = [{"name": "web", "port": 9090, "targetPort": relay.port}]
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "prometheus"},
            "spec": {"ports": ports},
        }
    )
    # The API server's proxy looks at Endpoints, and only at those that are pods' addresses.
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prometheus"}}
    kube.create({**pod, "spec": {"containers": [{"name": "prometheus", "image": "prometheus"}]}})
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    kube.patch("Pod", "prometheus", {"status": status}, subresource="status")
    target = {"kind": "Pod", "name": "prometheus", "namespace": kube.namespace}
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "prometheus"},
            "subsets": [
                {
                    "addresses": [{"ip": address, "targetRef": target}],
                    "ports": [{"name": "web", "port": relay.port}],
                }
            ],
        }
    )
    yield kube.namespace
    relay.close()


def test_a_service_is_reached_through_the_api_server(
    api: Cluster, kube: Kube, service: str, tmp_path: Path
) -> None:
    admin = Person(api, kube, tmp_path, "admin")
    words = ("probe", "-f", release(tmp_path), "--incumbent", "fraud-v41:80", "-o", "json")
    given = ("--prometheus", f"{service}/prometheus:9090")
    # The API server learns of a Service and its endpoints a moment after they were stored.
    unknown = ("no endpoints available", 'services "prometheus" not found')
    until(
        lambda: not any(each in admin.run(*words, *given).stderr for each in unknown),
        what="the endpoints are known",
    )
    first = admin.run(*words, *given)
    assert first.returncode == 0, first.stderr
    body = json.loads(first.stdout)
    through = f"Prometheus at Service {service}/prometheus:9090 through the API server"
    assert body["prometheus"] == f"{through} (--prometheus)"
    assert body["signals"][0]["incumbent"]["samples"] == 1000
    none = admin.run(*words)
    assert none.returncode == 1
    assert (
        "No Deployment labelled app.kubernetes.io/name=surefoot names a Prometheus" in none.stderr
    )
    kube.create(operator(f"http://prometheus.{service}.svc:9090"))
    found = json.loads(admin.run(*words).stdout)
    assert found["prometheus"] == f"{through} (the operator's)"
    assert found["signals"][0]["candidate"]["samples"] == 100
    wrong = admin.run(*words, "--prometheus", f"{service}/prometheus-2:9090")
    assert wrong.returncode == 1
    assert 'services "prometheus-2" not found' in wrong.stderr


def test_the_class_is_fetched_from_the_api_server(
    api: Cluster, kube: Kube, prometheus: Prometheus, tmp_path: Path
) -> None:
    name = f"tier1-{kube.namespace}"
    nobody = {"matchers": [{"label": "cluster", "value": "elsewhere"}]}
    kube.create(a_class(name, {"address": prometheus.url, "kind": "Prometheus"}))
    admin = Person(api, kube, tmp_path, "admin")
    file = release(tmp_path, releaseClassName=name, steps=None, signals=None)
    words = ("probe", "-f", file, "--incumbent", "fraud-v41:80", "-o", "json")
    done = admin.run(*words)
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["prometheus"] == f"Prometheus at {prometheus.url} (ReleaseClass {name})"
    (errors,) = body["signals"]
    assert (errors["candidate"]["samples"], errors["incumbent"]["samples"]) == (100, 1000)
    kube.patch("ReleaseClass", name, {"spec": {"metrics": nobody}})
    done = admin.run(*words, "--prometheus", prometheus.url)
    assert done.returncode == 1
    (errors,) = json.loads(done.stdout)["signals"]
    assert all('cluster="elsewhere"' in query for query in errors["queries"])
    # Who may not read classes is told so, and what to do, in one line.
    done = Person(api, kube, tmp_path, "alice").run(*words)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f'releaseclasses.surefoot.dev "{name}" is forbidden' in done.stderr
    assert "add the class to the file" in done.stderr
    kube.delete("ReleaseClass", name)
    gone = admin.run(*words).stderr
    assert f'releaseclasses.surefoot.dev "{name}" not found' in gone
    assert "or point kubectl at the cluster" in gone


def a_class(name: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """A class with steps and errors, asked there."""
    signal = {
        "name": "errors",
        "type": "ErrorRate",
        "source": {"preset": "envoy"},
        "threshold": {**HOUR, "max": 0.05},
    }
    spec = {"steps": [{"weight": 5, "hold": "10m"}], "signals": [signal], "metrics": metrics}
    return {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ReleaseClass",
        "metadata": {"name": name},
        "spec": spec,
    }


def operator(url: str) -> dict[str, Any]:
    """The operator's Deployment, as far as the plugin looks at it."""
    labels = {"app.kubernetes.io/name": "surefoot"}
    env = [{"name": "SUREFOOT_PROMETHEUS_URL", "value": url}]
    box = {"name": "operator", "image": "surefoot", "env": env}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "surefoot", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [box]}},
        },
    }
