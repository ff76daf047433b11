"""An API server and a Prometheus with thousands of releases, and an operator that is measured on them."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from localcluster import build, cluster, process
from localcluster.state import Cluster
from tests.bench.scale_count import memory_mb, releases_shown
from tests.bench.scale_world import WEIGHT, Exporter, Name, World
from tests.bench.stage import apply_crds, operators_kubeconfig
from tests.cluster.prometheus.exporters import Prometheus
from tests.support.kube import Kube
from tests.support.poll import until
from tests.support.story import OperatorProcess

SCRAPE = "15s"
_RAISED = 60
_ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"


def say(text: str) -> None:
    """Progress."""
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@dataclass
class ScaleStage:
    """One size."""

    cluster: Cluster
    kubeconfig: Path
    folder: Path
    exporter: Exporter
    prometheus: Prometheus
    releases: list[Name]

    def start(self, profile: Path | None = None) -> OperatorProcess:
        """The operator, ready."""
        made = OperatorProcess(
            self.kubeconfig, self.prometheus.url, self.folder, SCRAPE, profile=profile
        )
        return made.ready()

    def roll_out(self, operator: OperatorProcess) -> None:
        """Until every release stands verified at its weight."""

        async def go() -> None:
            world, left = await World.connect(self.cluster, self.releases), len(self.releases)
            try:
                while left:
                    # Listing thousands takes a core for seconds.
                    await asyncio.sleep(2 + len(self.releases) / 250)
                    await world.accept()
                    left = sum(not _verified(status) for status in await world.statuses())
                    say(f"{len(self.releases) - left} stand at {WEIGHT} %")
                    assert operator.process.poll() is None, operator.log.read_text()[-2000:]
            finally:
                await world.api.close()

        asyncio.run(go())

    def cold_start(self, profile: Path | None) -> tuple[OperatorProcess, float]:
        """The operator anew, and how long it took until every release has had a tick."""
        began = time.monotonic()
        operator = self.start(profile)
        until(lambda: releases_shown(operator.metrics()) >= len(self.releases), 600, every_s=0.5)
        return operator, round(time.monotonic() - began, 1)

    def storm(self, operator: OperatorProcess, raised: Sequence[Name]) -> tuple[float, float]:
        """Kill the API server: all watches break, and its successor knows none of their versions. How
        long from its return until weights that were raised by hand then are put right: everything was
        read anew. And the memory then."""
        process.stop([self.cluster.processes["kube-apiserver"]])
        cluster.up("api", self.cluster.name, audit=True)
        began = time.monotonic()
        for each in raised:
            self._weights(each, 100 - _RAISED, _RAISED)
        until(lambda: all(self._weight(r) == WEIGHT for r in raised), 600, every_s=0.2)
        assert operator.process.poll() is None, operator.log.read_text()[-2000:]
        return round(time.monotonic() - began, 1), memory_mb(operator)

    def _kube(self, release: Name) -> Kube:
        token = self.cluster.tokens["admin"]
        return Kube(self.cluster.server, self.cluster.ca, token).within(release.namespace)

    def _weight(self, release: Name) -> int:
        """Of the candidate."""
        route = self._kube(release).get("HTTPRoute", release.name)
        return int(route["spec"]["rules"][0]["backendRefs"][1]["weight"])

    def _weights(self, release: Name, *weights: int) -> None:
        """By hand."""
        kube = self._kube(release)
        rules = kube.get("HTTPRoute", release.name)["spec"]["rules"]
        for ref, weight in zip(rules[0]["backendRefs"], weights, strict=True):
            ref["weight"] = weight
        kube.patch("HTTPRoute", release.name, {"spec": {"rules": rules}})

    def reverts(self, breached: Sequence[Name], over_s: float) -> list[float]:
        """Some candidates begin to fail, one after another over an interval: after how many seconds
        each one's weight was 0. Releases that were started together look together: failing all at
        once, they would tell of one moment of an interval and no other."""
        took: dict[Name, float] = {}
        failed: dict[Name, float] = {}
        began = time.monotonic()

        def back() -> bool:
            now = time.monotonic()
            while (count := len(failed)) < len(breached) and now >= began + over_s * count / len(
                breached
            ):
                self.exporter.fail(breached[count])
                failed[breached[count]] = now
            for each in failed.keys() - took.keys():
                if self._weight(each) == 0:
                    took[each] = time.monotonic() - failed[each]
            return len(took) == len(breached)

        until(back, 600, every_s=0.2, what="all that fail are reverted")
        say(f"reverted after {statistics.median(took.values()):.1f} s (median)")
        return sorted(round(seconds, 1) for seconds in took.values())


def _verified(status: dict[str, Any]) -> bool:
    step = status.get("step")
    return isinstance(step, dict) and bool(step.get("verifiedAt"))


@contextmanager
def scale_stage(releases: list[Name], interval: str) -> Iterator[ScaleStage]:
    """An API server and a Prometheus that know all releases; gone afterwards."""
    name = f"scale-{os.getpid()}"
    with TemporaryDirectory() as scratch:
        running = cluster.up("api", name, audit=True)
        exporter = Exporter(releases)
        try:
            apply_crds(running)
            admin = Kube(running.server, running.ca, running.tokens["admin"])
            kubeconfig = operators_kubeconfig(running, admin, Path(scratch))
            asyncio.run(_build(running, releases, interval))
            prometheus = Prometheus(
                build.binary("prometheus"), Path(scratch), *exporter.targets,
                settings={"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE}, honor_labels=True,
            )  # fmt: skip
            try:
                yield ScaleStage(running, kubeconfig, Path(scratch), exporter, prometheus, releases)
            finally:
                prometheus.stop()
        finally:
            exporter.stop()
            cluster.down(name)


async def _build(running: Cluster, releases: list[Name], interval: str) -> None:
    world = await World.connect(running, releases)
    try:
        await world.build(interval, say)
    finally:
        await world.api.close()
