"""What thousands of active releases cost: CPU, memory, lateness, queries and writes, and how they grow.

`hack/bench scale` measures 100, 1,000 and 5,000; `hack/bench scale --releases 1000 --interval 15s` one size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from localcluster import build, cluster
from localcluster.state import Cluster
from tests.bench.machine import measured
from tests.bench.scale_world import WEIGHT, Exporter, Name, World, names
from tests.bench.stage import apply_crds, operators_kubeconfig
from tests.cluster.prometheus.exporters import Prometheus
from tests.support.kube import Kube
from tests.support.poll import until
from tests.support.story import OperatorProcess

SIZES = ((100, "15s"), (1000, "15s"), (5000, "60s"))
SCRAPE = "15s"
_WRITES = ("create", "update", "patch", "delete")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """One size, over a window in which nothing but time happened."""

    releases: int
    interval: str
    window_s: float = 0.0
    cores: float = 0.0
    resident_mb: float = 0.0
    ticks_per_s: float = 0.0
    lateness_p99_s: float = 0.0
    queries_per_release_tick: float = 0.0
    writes_per_release_minute: float = 0.0
    writes: dict[str, int] = field(default_factory=dict)
    cold_start_s: float = 0.0
    revert_s: list[float] = field(default_factory=list)
    steal_percent: float = 0.0
    busy_percent: float = 0.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="hack/bench scale", description=__doc__)
    parser.add_argument("--releases", type=int, help="one size only")
    parser.add_argument("--interval", default="15s", help="with --releases (default: 15s)")
    parser.add_argument("--window", type=float, default=180.0, help="seconds (default: 180)")
    parser.add_argument("--settle", type=float, default=90.0, help="seconds before (default: 90)")
    parser.add_argument("--reverts", type=int, default=5, help="breaches to time (default: 5)")
    parser.add_argument("--profile", type=Path, help="write the operator's cProfile there")
    chosen = parser.parse_args(arguments)
    sizes = ((chosen.releases, chosen.interval),) if chosen.releases else SIZES
    rows = [_measure(count, interval, chosen) for count, interval in sizes]
    print(json.dumps([asdict(row) for row in rows], indent=2))
    if len(rows) > 1:
        print(f"CPU per evaluation grows with N to the power of {_exponent(rows):.2f}")
    return 0


def _exponent(rows: Sequence[Row]) -> float:
    """Least squares of log(CPU seconds per interval) over log N."""
    seconds = {"s": 1, "m": 60}
    points = [
        (math.log(r.releases), math.log(r.cores * int(r.interval[:-1]) * seconds[r.interval[-1]]))
        for r in rows
    ]
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return float(slope / sum((x - mean_x) ** 2 for x, _ in points))


def _say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _measure(count: int, interval: str, chosen: argparse.Namespace) -> Row:
    row, releases = Row(count, interval), names(count)
    _say(f"{count} releases at {interval}: building")
    with _stage(releases, interval) as stage:
        operator = stage.start()
        try:
            stage.roll_out(operator)
            operator.kill()
            operator, row.cold_start_s = stage.started(chosen.profile)
            _say(f"cold start {row.cold_start_s:.1f} s; settling")
            time.sleep(chosen.settle)
            stage.watch(operator, row, chosen.window)
            breached = releases[:: max(1, count // max(1, chosen.reverts))][: chosen.reverts]
            row.revert_s = [stage.revert(each) for each in breached]
        finally:
            operator.stop()
    _say(json.dumps(asdict(row)))
    return row


@dataclass
class _Stage:
    cluster: Cluster
    kubeconfig: Path
    folder: Path
    exporter: Exporter
    prometheus: Prometheus
    releases: list[Name]

    def start(self, profile: Path | None = None) -> OperatorProcess:
        process = OperatorProcess(
            self.kubeconfig, self.prometheus.url, self.folder, SCRAPE, profile=profile
        )
        return process.ready()

    def roll_out(self, operator: OperatorProcess) -> None:
        """Until every release stands verified at its weight."""

        async def go() -> None:
            world, left = await World.connect(self.cluster, self.releases), len(self.releases)
            try:
                while left:
                    await asyncio.sleep(2)
                    await world.accept()
                    left = sum(not _verified(status) for status in await world.statuses())
                    _say(f"{len(self.releases) - left} stand at {WEIGHT} %")
                    assert operator.process.poll() is None, operator.log.read_text()[-2000:]
            finally:
                await world.api.close()

        asyncio.run(go())

    def started(self, profile: Path | None) -> tuple[OperatorProcess, float]:
        """The operator anew, and how long it took until every release has had a tick."""
        began = time.monotonic()
        process = self.start(profile)
        until(lambda: _seen(process.metrics()) >= len(self.releases), 300, every_s=0.5)
        return process, time.monotonic() - began

    def watch(self, operator: OperatorProcess, row: Row, window_s: float) -> None:
        """All that is counted over a quiet window."""
        assert self.cluster.audit_log
        skip, before = self.cluster.audit_log.stat().st_size, self._now(operator)
        with measured() as load:
            time.sleep(window_s)
        after = self._now(operator)
        passed = after.at - before.at
        ticks = after.ticks - before.ticks
        # A tick asks and a tick has the answer: an evaluation is two.
        evaluations = max(1.0, ticks / 2)
        row.window_s = round(passed, 1)
        row.cores = round((after.cpu_s - before.cpu_s) / passed, 3)
        row.resident_mb = round(_resident_mb(operator.process.pid), 1)
        row.ticks_per_s = round(ticks / passed, 1)
        row.lateness_p99_s = _quantile(before.lateness, after.lateness, 0.99)
        row.queries_per_release_tick = round((after.queries - before.queries) / evaluations, 3)
        row.writes = dict(_writes(self.cluster.audit_log, skip))
        per_minute = sum(row.writes.values()) / row.releases / (passed / 60)
        row.writes_per_release_minute = round(per_minute, 3)
        row.steal_percent, row.busy_percent = load.steal_percent, load.busy_percent

    def _now(self, operator: OperatorProcess) -> _Sample:
        text = operator.metrics()
        with urllib.request.urlopen(f"{self.prometheus.url}/metrics", timeout=30) as answer:
            asked = answer.read().decode()
        queries = re.findall(
            r'^prometheus_http_requests_total\{.*handler="/api/v1/query".*\} (\S+)', asked, re.M
        )
        lateness = re.findall(
            r'^surefoot_tick_lateness_seconds_bucket\{le="(\S+)"\} (\S+)', text, re.M
        )
        fields = Path(f"/proc/{operator.process.pid}/stat").read_text().rpartition(")")[2].split()
        return _Sample(
            time.monotonic(),
            (int(fields[11]) + int(fields[12])) / _TICK,
            sum(float(n) for n in re.findall(r"^surefoot_ticks_total\{.*\} (\S+)", text, re.M)),
            sum(map(float, queries)),
            [(float(edge), float(count)) for edge, count in lateness],
        )

    def revert(self, release: Name) -> float:
        """From the first scrape that can show a breach until its weight is 0."""
        admin = Kube(self.cluster.server, self.cluster.ca, self.cluster.tokens["admin"])
        kube = admin.within(release.namespace)
        self.exporter.fail(release)
        began = time.monotonic()

        def back() -> bool:
            refs = kube.get("HTTPRoute", release.name)["spec"]["rules"][0]["backendRefs"]
            return bool(refs[1]["weight"] == 0)

        until(back, 300, every_s=0.1, what=f"{release.name} is reverted")
        return round(time.monotonic() - began, 1)


@dataclass(frozen=True)
class _Sample:
    at: float
    cpu_s: float
    ticks: float
    queries: float
    lateness: list[tuple[float, float]]


def _verified(status: dict[str, object]) -> bool:
    step = status.get("step")
    return isinstance(step, dict) and bool(step.get("verifiedAt"))


def _seen(metrics: str) -> int:
    return len(re.findall(r"^surefoot_release_phase\{.*\} 1\.0", metrics, re.M))


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _quantile(
    before: list[tuple[float, float]], after: list[tuple[float, float]], q: float
) -> float:
    """The upper edge of the bucket in which that share of the window's ticks lies."""
    counts = [(edge, n - m) for (edge, n), (_, m) in zip(after, before, strict=True)]
    total = counts[-1][1]
    return next(edge for edge, count in counts if count >= q * total)


def _writes(log: Path, skip: int) -> Counter[str]:
    found: Counter[str] = Counter()
    with log.open() as lines:
        lines.seek(skip)
        for line in lines:
            entry = json.loads(line)
            what = entry.get("objectRef", {})
            if entry.get("userAgent", "").startswith("surefoot") and entry["verb"] in _WRITES:
                parts = filter(None, (entry["verb"], what["resource"], what.get("subresource")))
                found[" ".join(parts)] += 1
    return found


@contextmanager
def _stage(releases: list[Name], interval: str) -> Iterator[_Stage]:
    """An API server and a Prometheus that know all releases; gone afterwards."""
    name = f"scale-{os.getpid()}"
    with TemporaryDirectory() as scratch:
        running = cluster.up("api", name, audit=True)
        exporter = Exporter(releases)
        try:
            apply_crds(running)
            admin = Kube(running.server, running.ca, running.tokens["admin"])
            kubeconfig = operators_kubeconfig(running, admin, Path(scratch))
            began = time.monotonic()
            asyncio.run(_build(running, releases, interval))
            _say(f"built in {time.monotonic() - began:.0f} s")
            prometheus = Prometheus(
                build.binary("prometheus"), Path(scratch), *exporter.targets,
                settings={"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE}, honor_labels=True,
            )  # fmt: skip
            try:
                yield _Stage(running, kubeconfig, Path(scratch), exporter, prometheus, releases)
            finally:
                prometheus.stop()
        finally:
            exporter.stop()
            cluster.down(name)


async def _build(running: Cluster, releases: list[Name], interval: str) -> None:
    world = await World.connect(running, releases)
    try:
        await world.build(interval, _say)
    finally:
        await world.api.close()
