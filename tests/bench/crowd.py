"""A million series in a real Prometheus: what is read of them, in which time, by how much memory."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from localcluster import build
from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.reader import Rules
from surefoot.api.vocabulary import Verdict
from surefoot.engine.judge import Stand, judge
from surefoot.engine.questions import Answer, Question
from tests.bench.figures import Figure
from tests.bench.machine import measured
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.unit.engine.builders import plan
from tests.unit.prometheus.builders import question

PODS, EDGES, SHARDS, TARGETS = 500, 20, 50, 10
SERIES = 2 * PODS * EDGES * SHARDS
_SCRAPE = timedelta(seconds=30)
_LES = [*(f"{(n + 1) / (EDGES - 1):.4g}" for n in range(EDGES - 1)), "+Inf"]
_LIMIT_S = 10.0


def _text(pods: range, round_: int) -> str:
    """Scores of these pods of both arms; each series rises by 10 per round in each bucket."""
    lines = []
    for pod in pods:
        for arm in ("v41", "v42"):
            name = f"fraud-{arm}-7c9f8d5b6-a{pod:04d}"
            for shard in range(SHARDS):
                labels = f'namespace="risk",pod="{name}",shard="{shard}"'
                lines += [
                    f'model_score_bucket{{{labels},le="{le}"}} {(n + 1) * 10 * (round_ + 1)}'
                    for n, le in enumerate(_LES)
                ]
    return "\n".join([*lines, ""])


def _errors(round_: int) -> str:
    name = "envoy_cluster_external_upstream_rq"
    arms = (f'envoy_cluster_name="risk_fraud-{version}_80"' for version in ("v41", "v42"))
    return "".join(
        f"{name}_completed{{{arm}}} {1000 * (round_ + 1)}\n"
        f'{name}{{{arm},envoy_response_code="500"}} {round_}\n'
        for arm in arms
    )


class _Crowd:
    """The exporters, and the Prometheus that scrapes them."""

    def __init__(self, folder: Path) -> None:
        step = PODS // TARGETS
        self._parts = [range(n * step, (n + 1) * step) for n in range(TARGETS)]
        self._exporters = [Exporter(_text(part, 0)) for part in self._parts]
        self._proxy = Exporter(_errors(0))
        self.prometheus = Prometheus(
            build.binary("prometheus"), folder, self._proxy, *self._exporters,
            settings={"scrape_interval": "15s", "scrape_timeout": "15s"}, honor_labels=True,
        )  # fmt: skip
        self._scraped(0)

    def rise(self, round_: int) -> None:
        """The next scrapes bring this round of every series."""
        for part, exporter in zip(self._parts, self._exporters, strict=True):
            exporter.text = _text(part, round_)
        self._proxy.text = _errors(round_)
        self._scraped(round_)

    def _scraped(self, round_: int) -> None:
        value = EDGES * 10 * (round_ + 1)
        counted = f'count(model_score_bucket{{le="+Inf"}} == {value})'
        self.prometheus.has(counted, SERIES / EDGES)
        self.prometheus.has(
            'sum(envoy_cluster_external_upstream_rq_completed{envoy_cluster_name=~".*v42.*"})',
            1000 * (round_ + 1),
        )

    def stop(self) -> None:
        for each in (self.prometheus, self._proxy, *self._exporters):
            each.stop()


def _questions(start: datetime) -> list[Question]:
    return [
        question("Drift", "drift", start=start, metric="PSI", window="2m"),
        question("ErrorRate", "errors", start=start, window="2m"),
    ]


async def _ticks(url: str, start: datetime, count: int) -> list[float]:
    """Seconds of each tick; the first one finds the series too many, the others know."""
    client, memory, rules = Client(url, timedelta(seconds=60)), Memory(), Rules(_SCRAPE)
    spent = []
    try:
        for _ in range(count):
            now = datetime.now(UTC)
            asked = {"r": Asked(_questions(start), now, timedelta(seconds=15))}
            began = time.perf_counter()
            answers = (await collect_all(client.ask, asked, rules, memory))["r"]
            spent.append(time.perf_counter() - began)
            _check(answers, _questions(start), Stand(plan(), 0, start, start, now), len(spent) == 1)
    finally:
        await client.close()
    return spent


def _check(
    answers: Mapping[Hashable, Answer], questions: list[Question], stand: Stand, is_first: bool
) -> None:
    """The crowded signal is an estimate that says so, at first perhaps unread; the other is exact."""
    drift, errors = (answers[q.key].candidate for q in questions)
    verdicts = [judge(q.signal, stand, None, answers[q.key]).verdict for q in questions]
    said = drift.problem.message if drift.problem else drift.note
    print(f"  drift: {verdicts[0].name}, {said}", file=sys.stderr, flush=True)
    assert str(SERIES) in said if not drift.problem else is_first and verdicts[0] > Verdict.PASS
    assert errors.measure is not None
    assert errors.measure.samples == 1000
    assert verdicts[1] is Verdict.PASS


def _megabytes(field: str) -> float:
    """Resident memory of this process: `VmRSS` now, `VmHWM` at its highest since it was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def crowd(runs: int) -> list[Figure]:
    """Ticks of a release whose drift signal has a million series, beside one that has four."""
    first = Figure("crowd", f"first tick that finds {SERIES:,} series", "s", [])
    later = Figure("crowd", "each later tick (sums by Prometheus)", "s", [], _LIMIT_S, "median")
    memory = Figure("crowd", "peak resident memory of the reader grew by", "MB", [], 150.0)
    with TemporaryDirectory() as folder, measured() as load:
        made = _Crowd(Path(folder))
        try:
            start = datetime.now(UTC)
            made.rise(1)
            # What the texts took before is not the reader's.
            Path("/proc/self/clear_refs").write_text("5")
            before = _megabytes("VmRSS")
            spent = asyncio.run(_ticks(made.prometheus.url, start, 1 + max(1, runs)))
            after = _megabytes("VmHWM")
        finally:
            made.stop()
    first.values, later.values = spent[:1], spent[1:]
    memory.values = [after - before]
    for figure in (first, later, memory):
        figure.load = load
    return [first, later, memory]
