"""What else takes traffic back on the real cluster: a hand on the weight, an Abort, pods that go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from demo_story import setup
from localcluster.state import Cluster
from tests.bench.figures import Figure
from tests.bench.weights import WeightLog
from tests.support.kube import Json, Kube
from tests.support.poll import until

PLUGIN = Path(sys.prefix) / "bin" / "kubectl-surefoot"


@dataclass
class ByHand:
    """One release on the cluster, which stands at `at` % whenever one of these begins."""

    found: Cluster
    kube: Kube
    weights: WeightLog
    scraped: Callable[[], float]
    release: str
    candidate: str
    at: int

    def __post_init__(self) -> None:
        self._stored: list[float] = []
        self._told: list[float] = []
        self.kube.follow("ReleaseAction", lambda _: self._stored.append(time.time()))
        self.kube.follow("Deployment", self._saw_arm)

    def figures(self) -> list[Figure]:
        """In the order of `measure`."""
        limits = {
            "weight raised by hand (30 → 90) → put right": 2.0,
            "API tells of 0 available candidate replicas → weight 0": 1.0,
            "ReleaseAction Abort stored → weight 0": 1.0,
            "kubectl surefoot abort started → weight 0": 1.0,
        }
        return [Figure("revert", what, "s", [], limit) for what, limit in limits.items()]

    def measure(self, run: int) -> tuple[float, ...]:
        """Begin again, raise the weight, delete the candidate's pods, begin again, and abort."""
        self.scraped_anew()
        self.retry(f"{run}-a")
        raised = self._raised()
        gone = self._gone()
        setup.kubectl(
            self.found, "rollout", "status", f"deployment/{self.candidate}", "--timeout=180s",
            f"--namespace={self.kube.namespace}",
        )  # fmt: skip
        self.scraped_anew()
        self.retry(f"{run}-b")
        return raised, gone, *self._aborted()

    def scraped_anew(self) -> None:
        """A window's first baseline is the sample before it: let that be one after the last failure."""
        reverted = time.time()
        until(lambda: self.scraped() > reverted + 1, what="a scrape after the revert")

    def retry(self, name: str) -> None:
        """Begin the release again, and wait until its first step is verified."""
        action = {
            "apiVersion": "surefoot.dev/v1alpha1",
            "kind": "ReleaseAction",
            "metadata": {"name": f"retry-{name}"},
            "spec": {"releaseName": self.release, "type": "Retry", "requestedBy": "admin"},
        }
        self.kube.create(action)
        until(self._stands, 180, what=f"verified at {self.at} %")

    def status(self) -> Json:
        found: Json = self.kube.get("ModelRelease", self.release).get("status", {})
        return found

    def _stands(self) -> bool:
        status = self.status()
        step, release = status.get("step") or {}, status.get("release") or {}
        intended = (status.get("traffic") or {}).get("intended")
        return bool(step.get("verifiedAt")) and not release.get("outcome") and intended == self.at

    def _reached(self, percent: int, after: float) -> float:
        return self.weights.reached(self.release, self.candidate, percent, after)

    def _raised(self) -> float:
        rules = self.kube.get("HTTPRoute", self.release)["spec"]["rules"]
        for ref in rules[0]["backendRefs"]:
            ref["weight"] = 90 if ref["name"] == self.candidate else 10
        began = time.time()
        self.kube.patch("HTTPRoute", self.release, {"spec": {"rules": rules}})
        return self._reached(self.at, self._reached(90, began)) - began

    def _aborted(self) -> tuple[float, float]:
        """From the action in the store (whole seconds in its metadata: seen by a watch) and from the
        start of the command, its own start and its confirmation included."""
        where = {**os.environ, "KUBECONFIG": str(self.found.kubeconfig)}
        began = time.time()
        subprocess.run(
            [PLUGIN, "abort", self.release, "-n", self.kube.namespace],
            env=where, check=True, capture_output=True,
        )  # fmt: skip
        zero = self._reached(0, began)
        return zero - until(lambda: [at for at in self._stored if at >= began])[0], zero - began

    def _gone(self) -> float:
        """From the first word of the API that none of the candidate's pods is available."""
        began = time.time()
        setup.kubectl(
            self.found, "delete", "pods", "-l", f"app={self.candidate}", "--grace-period=0", "--force",
            "--wait=false", f"--namespace={self.kube.namespace}",
        )  # fmt: skip
        zero = self._reached(0, began)
        return zero - until(lambda: [at for at in self._told if at >= began])[0]

    def _saw_arm(self, event: Json) -> None:
        body = event["object"]
        if body["metadata"]["name"] == self.candidate and not body["status"].get(
            "availableReplicas"
        ):
            self._told.append(time.time())


def unix(text: str) -> float:
    """A time of the API as seconds."""
    return datetime.fromisoformat(text).timestamp()
