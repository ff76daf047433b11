"""What takes traffic back, beside each other on one real cluster: a client's first failing answer, an
evaluation that crosses, pods that go, an Abort, and a hand that raises the weight."""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from demo_story import setup
from images import example, operator
from localcluster import cluster, images
from localcluster.state import Cluster
from tests.bench.by_hand import ByHand, unix
from tests.bench.figures import Figure
from tests.bench.load import Load
from tests.bench.machine import measured
from tests.bench.weights import WeightLog
from tests.support.kube import Json, Kube
from tests.support.poll import until

NAME, NAMESPACE, HOST = "bench", "bench", "bench.example"
SCRAPE_S = INTERVAL_S = 5
_HERE = Path(__file__).parent
_COUNTER = 'envoy_cluster_external_upstream_rq_completed{envoy_cluster_name="bench_model-v2_80"}'
_RELEASE, _CANDIDATE, _AT = "model", "model-v2", 30


def revert(runs: int) -> list[Figure]:
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
        Figure("revert", f"{what}weight 0", "s", [], 4.5, "median"),
        Figure("revert", f"{what}weight 0, were it looked at every 5 s (computed)", "s", []),
        Figure("revert", f"{what}last failing answer", "s", []),
        Figure("revert", "failing answers that clients got", "answers", []),
        Figure("revert", f"{what}the sample that was judged", "s", []),
        Figure("revert", "that sample → decision", "s", []),
        Figure("revert", "evaluation that crosses the limit → weight 0", "s", [], 1.0),
        Figure("revert", "requests that got no answer or neither 200 nor 500", "requests", [], 0),
    ]
    assert found.gateway
    hand = ByHand(found, kube, weights, lambda: _scraped(found), _RELEASE, _CANDIDATE, _AT)
    others = hand.figures()
    with Load(f"{found.gateway}/score", HOST) as load, measured() as machine:
        for run in range(runs):
            # Where scrapes, evaluations and the breach fall in their 5 s is chance: all of it is seen.
            errors = load.errors
            _step_up(found, hand, run, (run * 7 % runs + 0.5) / runs * SCRAPE_S)
            _wait_for_phase(found, (run + 0.5) / runs * SCRAPE_S)
            for figure, value in zip(figures, _break(kube, weights, load), strict=False):
                figure.values.append(value)
            # What the pods that are deleted next leave unanswered is another matter.
            figures[-1].values.append(load.errors - errors)
            for figure, value in zip(others, hand.measure(run), strict=True):
                figure.values.append(value)
            said = ", ".join(f"{each.values[-1]:.2f}" for each in (figures[0], *others))
            print(f"  run {run + 1}: {said} s", file=sys.stderr, flush=True)
    figures += others
    for figure in figures:
        figure.load = machine
    return figures


def _step_up(found: Cluster, hand: ByHand, run: int, into_s: float) -> None:
    """The candidate has 30 %, and a whole window of it was judged well.

    Evaluations follow each other from the step on, so `into_s` seconds after each scrape.
    """
    if run:
        hand.scraped_anew()
        _wait_for_phase(found, into_s)
        hand.retry(f"{run}")

    def judged() -> bool:
        status = hand.status()
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
    decided, sampled = unix(crossed["time"]), _judged_sample(status)
    served = load.failed[before:]
    last = served[-1] - first
    # Whoever looks at every interval, at moments that do not know of scrapes, waits half of one.
    polled = sampled - first + INTERVAL_S / 2 + zero - decided
    told = zero - first, polled, last, len(served), sampled - first
    return *told, decided - sampled, zero - decided


def _judged_sample(status: Json) -> float:
    return next((unix(s["sampledAt"]) for s in status["signals"] if s.get("sampledAt")), 0.0)
