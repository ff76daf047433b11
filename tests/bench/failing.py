"""From the first failing answer that a client gets to weight 0, on a whole cluster with a real Envoy."""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path

from demo_story import setup
from images import example, operator
from localcluster import cluster, images
from localcluster.state import Cluster
from tests.bench.figures import Figure
from tests.bench.load import Load
from tests.bench.machine import measured
from tests.bench.weights import WeightLog
from tests.support.kube import Json, Kube
from tests.support.poll import until

NAME, NAMESPACE, HOST = "bench", "bench", "bench.example"
SCRAPE_S = 5
_HERE = Path(__file__).parent
_COUNTER = 'envoy_cluster_external_upstream_rq_completed{envoy_cluster_name="bench_model-v2_80"}'
_RELEASE, _CANDIDATE, _AT = "model", "model-v2", 30


def failing(runs: int) -> list[Figure]:
    """Interval 5 s, scrape 5 s, window 15 s, consecutive 1, 40 requests/s, 30 % to the candidate."""
    found = cluster.up("node", NAME, scrape_interval=f"{SCRAPE_S}s")
    try:
        _install(found)
        return _measure(found, runs)
    finally:
        cluster.down(NAME)


def _install(found: Cluster) -> None:
    """The operator from its chart, and the two versions."""
    image = operator.build().path
    for archive in (image, example.build()):
        images.load(found, archive)
    setup.install_chart(found, image.stem)
    source = {"server.py": (_HERE / "server.py").read_text()}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "server", "namespace": NAMESPACE},
        "data": source,
    }
    documents = (_HERE / "manifests.yaml").read_text().split("\n---\n")
    text = "\n---\n".join([documents[0], json.dumps(config), *documents[1:]])
    setup.kubectl(found, "apply", "-f", "-", stdin=text)
    for name in ("model-v1", _CANDIDATE):
        where = (f"deployment/{name}", f"--namespace={NAMESPACE}", "--timeout=180s")
        setup.kubectl(found, "rollout", "status", *where)


def _measure(found: Cluster, runs: int) -> list[Figure]:
    kube = Kube(found.server, found.ca, found.tokens["admin"], NAMESPACE)
    weights = WeightLog(kube)
    what = "first failing answer → "
    figures = [
        Figure("failing", f"{what}weight 0", "s", [], 6.0, "median"),
        Figure("failing", f"{what}last failing answer", "s", []),
        Figure("failing", "failing answers that clients got", "answers", []),
        Figure("failing", f"{what}the sample that was judged", "s", []),
        Figure("failing", "that sample → decision", "s", []),
        Figure("failing", "decision → weight 0", "s", []),
        Figure("failing", "requests that got no answer or neither 200 nor 500", "requests", [], 0),
    ]
    assert found.gateway
    with Load(f"{found.gateway}/score", HOST) as load, measured() as machine:
        for run in range(runs):
            # Where scrapes, evaluations and the breach fall in their 5 s is chance: all of it is seen.
            _step_up(found, kube, run, (run * 7 % runs + 0.5) / runs * SCRAPE_S)
            _wait_for_phase(found, (run + 0.5) / runs * SCRAPE_S)
            for figure, value in zip(figures, _break(kube, weights, load), strict=False):
                figure.values.append(value)
            print(f"  run {run + 1}: {figures[0].values[-1]:.2f} s", file=sys.stderr, flush=True)
        figures[-1].values.append(load.errors)
    for figure in figures:
        figure.load = machine
    return figures


def _step_up(found: Cluster, kube: Kube, run: int, into_s: float) -> None:
    """The candidate has 30 %, and a whole window of it was judged well.

    Evaluations follow each other from the step on, so `into_s` seconds after each scrape.
    """
    if run:
        # A window's first baseline is the sample before it: let that be one after the last failure.
        reverted = time.time()
        until(lambda: _scraped(found) > reverted + 1, what="a scrape after the revert")
        _wait_for_phase(found, into_s)
        action = {
            "apiVersion": "surefoot.dev/v1alpha1",
            "kind": "ReleaseAction",
            "metadata": {"name": f"retry-{run}"},
            "spec": {"releaseName": _RELEASE, "type": "Retry", "requestedBy": "admin"},
        }
        kube.create(action)

    def judged() -> bool:
        status = kube.get("ModelRelease", _RELEASE).get("status", {})
        signal: Json = next(iter(status.get("signals", [])), {})
        stands = (status.get("step") or {}).get("verifiedAt") and status["phase"] != "Reverted"
        return bool(stands) and signal["verdict"] == "Pass" and signal.get("samples", 0) >= 100

    until(judged, 180, what="the candidate passes at 30 %")


def _wait_for_phase(found: Cluster, into_s: float) -> None:
    """Wait until so long after a scrape (or after one of those that follow it)."""
    due = _scraped(found) + into_s
    while due < time.time():
        due += SCRAPE_S
    until(lambda: time.time() >= due, every_s=0.01)


def _scraped(found: Cluster) -> float:
    """When Prometheus last read Envoy's counter of the candidate."""
    query = urllib.parse.quote(f"timestamp({_COUNTER})")
    with urllib.request.urlopen(f"{found.prometheus}/api/v1/query?query={query}") as answer:
        return float(json.load(answer)["data"]["result"][0]["value"][1])


def _break(kube: Kube, weights: WeightLog, load: Load) -> tuple[float, ...]:
    """One run: the values of the figures, in their order."""
    before = len(load.failed)
    load.broken.set()
    first = until(lambda: load.failed[before : before + 1], every_s=0.01)[0]
    zero = weights.reached(_RELEASE, _CANDIDATE, 0, first)
    until(lambda: kube.get("ModelRelease", _RELEASE)["status"]["phase"] == "Reverted")
    load.broken.clear()
    status = kube.get("ModelRelease", _RELEASE)["status"]
    crossed = [d for d in status["decisions"] if d["reason"] == "ThresholdCrossed"][-1]
    decided, sampled = _unix(crossed["time"]), _judged_sample(status)
    served = load.failed[before:]
    last = served[-1] - first
    return zero - first, last, len(served), sampled - first, decided - sampled, zero - decided


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _judged_sample(status: Json) -> float:
    return next((_unix(s["sampledAt"]) for s in status["signals"] if s.get("sampledAt")), 0.0)
