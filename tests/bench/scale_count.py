"""What a window cost: CPU from the system, ticks from the operator, queries from Prometheus, writes from the audit log."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.stage import OPERATOR
from tests.support.story import OperatorProcess

_WRITES = ("create", "update", "patch", "delete")
_CLOCK = os.sysconf("SC_CLK_TCK")
Buckets = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Sample:
    """Everything that only rises, at one moment."""

    at: float
    cpu_s: float
    waited_s: float
    """How long its main thread was ready to run and got no processor (schedstat)."""
    ticks: float
    queries: float
    lateness: Buckets

    @classmethod
    def now(cls, operator: OperatorProcess, prometheus: str) -> Sample:
        text = operator.metrics()
        with urllib.request.urlopen(f"{prometheus}/metrics", timeout=30) as answer:
            asked = answer.read().decode()
        proc = Path(f"/proc/{operator.process.pid}")
        fields = (proc / "stat").read_text().rpartition(")")[2].split()
        late = re.findall(r'^surefoot_tick_lateness_seconds_bucket\{le="(\S+)"\} (\S+)', text, re.M)
        return cls(
            time.monotonic(),
            (int(fields[11]) + int(fields[12])) / _CLOCK,
            int((proc / "schedstat").read_text().split()[1]) / 1e9,
            _sum(r"^surefoot_ticks_total\{.*\} (\S+)", text),
            _sum(r'^prometheus_http_requests_total\{.*handler="/api/v1/query".*\} (\S+)', asked),
            [(float(edge), float(count)) for edge, count in late],
        )


def _sum(pattern: str, text: str) -> float:
    return sum(map(float, re.findall(pattern, text, re.M)))


def releases_shown(metrics: str) -> int:
    """How many releases have had a tick."""
    return len(re.findall(r"^surefoot_release_phase\{.*\} 1\.0", metrics, re.M))


def memory_mb(operator: OperatorProcess, field: str = "VmRSS") -> float:
    """Resident now, or at most so far (`VmHWM`)."""
    lines = Path(f"/proc/{operator.process.pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024, 1)


def quantile(before: Buckets, after: Buckets, q: float) -> float:
    """The upper edge of the bucket in which that share of the window's ticks lies."""
    counts = [(edge, n - m) for (edge, n), (_, m) in zip(after, before, strict=True)]
    return next(edge for edge, count in counts if count >= q * counts[-1][1])


@dataclass(frozen=True)
class Requests:
    """The operator's requests since a place in the audit log."""

    writes: Counter[str]
    """By what they were."""
    releases: Counter[tuple[str, str]]
    """Writes of each release."""
    reads: int

    @classmethod
    def since(cls, log: Path, place: int) -> Requests:
        writes: Counter[str] = Counter()
        releases: Counter[tuple[str, str]] = Counter()
        reads = 0
        for entry in _entries(log, place):
            what = entry.get("objectRef") or {}
            if entry["verb"] not in _WRITES:
                reads += 1
                continue
            parts = filter(None, (entry["verb"], what["resource"], what.get("subresource")))
            writes[" ".join(parts)] += 1
            if what["resource"] == "modelreleases":
                releases[what["namespace"], what["name"]] += 1
        return cls(writes, releases, reads)


def _entries(log: Path, place: int) -> Iterator[dict[str, Any]]:
    with log.open() as lines:
        lines.seek(place)
        for line in lines:
            entry = json.loads(line)
            if entry["user"].get("username") == OPERATOR:
                yield entry
