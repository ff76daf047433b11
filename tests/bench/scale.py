"""What thousands of active releases cost: CPU, memory, lateness, queries and writes, and how they grow.

`hack/bench scale` measures all sizes one after another, for about an hour; `hack/bench scale --releases 1000
--interval 15` one of them.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.machine import measured
from tests.bench.scale_count import Requests, Sample, memory_mb, quantile
from tests.bench.scale_plot import plot
from tests.bench.scale_stage import ScaleStage, say, scale_stage
from tests.bench.scale_world import names
from tests.support.story import OperatorProcess

# The two small ones are what a revert takes where nobody waits for others.
SIZES = ((20, 15), (20, 60), (100, 15), (1000, 15), (5000, 60))
_FEW = 20
_SCRAPED_EVERY_S = 15.0


@dataclass
class Row:
    """One size. All but the last five are of a window in which nothing but time happened."""

    releases: int
    interval_s: int
    window_s: float = 0.0
    cores: float = 0.0
    resident_mb: float = 0.0
    ticks_per_s: float = 0.0
    lateness_p99_s: float = 0.0
    waited_percent: float = 0.0
    queries_per_release_tick: float = 0.0
    writes: dict[str, int] = field(default_factory=dict)
    most_writes_of_one: int = 0
    reads: int = 0
    steal_percent: float = 0.0
    busy_percent: float = 0.0
    peak_mb: float = 0.0
    cold_start_s: float = 0.0
    storm_s: float = 0.0
    storm_mb: float = 0.0
    revert_s: list[float] = field(default_factory=list)

    @property
    def intervals(self) -> float:
        """How often each release was due in the window."""
        return self.window_s / self.interval_s

    @property
    def writes_per_interval(self) -> float:
        """Of one release."""
        return sum(self.writes.values()) / self.releases / self.intervals

    @property
    def cpu_s(self) -> float:
        """What one interval of all releases takes."""
        return self.cores * self.interval_s


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="hack/bench scale", description=__doc__)
    parser.add_argument("--releases", type=int, help="one size only")
    parser.add_argument("--interval", type=int, default=15, help="its seconds (default: 15)")
    parser.add_argument("--window", type=float, default=300.0, help="seconds (default: 300)")
    parser.add_argument("--settle", type=float, default=90.0, help="seconds before (default: 90)")
    parser.add_argument(
        "--reverts", type=int, default=20, help="candidates that fail (default: 20)"
    )
    parser.add_argument("--profile", type=Path, help="write the operator's cProfile there")
    parser.add_argument("--plot", type=Path, help="write an SVG there")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table")
    chosen = parser.parse_args(arguments)
    sizes = ((chosen.releases, chosen.interval),) if chosen.releases else SIZES
    rows = [_measure(count, interval, chosen) for count, interval in sizes]
    many = [row for row in rows if row.releases > _FEW]
    if chosen.output == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(table(rows))
    if len(many) > 1:
        print(f"CPU for an interval grows with N to the power of {exponent(many):.2f}")
        if chosen.plot:
            chosen.plot.write_text(
                plot([(row.releases, row.cpu_s, row.resident_mb) for row in many])
            )
    return 0


def exponent(rows: Sequence[Row]) -> float:
    """Least squares of log(CPU seconds for an interval) over log N."""
    points = [(math.log(row.releases), math.log(row.cpu_s)) for row in rows]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def table(rows: Sequence[Row]) -> str:
    """A column for each size."""
    lines = {
        "releases": [f"{row.releases} at {row.interval_s} s" for row in rows],
        "cores": [f"{row.cores:.3f}" for row in rows],
        "resident; at most, MB": [f"{row.resident_mb:.0f}; {row.peak_mb:.0f}" for row in rows],
        "ticks a second": [f"{row.ticks_per_s:.1f}" for row in rows],
        "lateness p99, s": [f"{row.lateness_p99_s:g}" for row in rows],
        "waited for a processor, %": [f"{row.waited_percent:.0f}" for row in rows],
        "queries per evaluation": [f"{row.queries_per_release_tick:.3f}" for row in rows],
        "writes per release, interval": [f"{row.writes_per_interval:.2f}" for row in rows],
        "most of one; intervals": [
            f"{row.most_writes_of_one}; {row.intervals:.1f}" for row in rows
        ],
        "reads of the API, in all": [f"{row.reads}" for row in rows],
        "cold start, s": [f"{row.cold_start_s:.1f}" for row in rows],
        "API server killed, s; MB": [f"{row.storm_s:.1f}; {row.storm_mb:.0f}" for row in rows],
        "revert: median; longest, s": [
            f"{statistics.median(row.revert_s):.1f}; {max(row.revert_s):.1f}"
            if row.revert_s
            else "–"
            for row in rows
        ],
        "steal; busy, %": [f"{row.steal_percent:.1f}; {row.busy_percent:.0f}" for row in rows],
    }
    first = max(map(len, lines))
    width = max(len(cell) for cells in lines.values() for cell in cells)
    return "\n".join(
        f"{name:<{first}}  " + "  ".join(f"{cell:>{width}}" for cell in cells)
        for name, cells in lines.items()
    )


def _measure(count: int, interval_s: int, chosen: argparse.Namespace) -> Row:
    row, releases = Row(count, interval_s), names(count)
    say(f"{count} releases at {interval_s} s")
    with scale_stage(releases, f"{interval_s}s") as stage:
        operator = stage.start()
        try:
            stage.roll_out(operator)
            operator.kill()
            operator, row.cold_start_s = stage.cold_start(chosen.profile)
            say(f"cold start {row.cold_start_s} s; settling")
            # What was lost with the old process is caught up on in the first intervals.
            settle_s = max(chosen.settle, 2.0 * interval_s + 10)
            _scraped(operator, settle_s)
            _watch(stage, operator, row, chosen.window)
            say(f"{row.cores} core; {dict(row.writes)}")
            row.storm_s, row.storm_mb = stage.storm(operator, releases[1 :: _apart(count, 20)][:20])
            say(f"all put right {row.storm_s} s after the API server; settling")
            _scraped(operator, settle_s)
            if chosen.reverts:
                some = releases[:: _apart(count, chosen.reverts)][: chosen.reverts]
                row.revert_s = stage.reverts(some, interval_s)
            row.peak_mb = memory_mb(operator, "VmHWM")
        finally:
            operator.stop()
    say(json.dumps(asdict(row)))
    return row


def _apart(count: int, some: int) -> int:
    return max(2, count // some)


def _scraped(operator: OperatorProcess, seconds: float) -> None:
    """Time passes, and the operator's own metrics are read as a Prometheus would read them."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _SCRAPED_EVERY_S))
        operator.metrics()


def _watch(stage: ScaleStage, operator: OperatorProcess, row: Row, window_s: float) -> None:
    """All that is counted over a quiet window."""
    log = stage.cluster.audit_log
    assert log is not None
    skip, before = log.stat().st_size, Sample.now(operator, stage.prometheus.url)
    with measured() as load:
        _scraped(operator, window_s)
    after = Sample.now(operator, stage.prometheus.url)
    passed, ticks = after.at - before.at, after.ticks - before.ticks
    # In a quiet window each tick has answers: what is asked next is known beforehand.
    evaluations = max(1.0, ticks)
    row.window_s = round(passed, 1)
    row.cores = round((after.cpu_s - before.cpu_s) / passed, 3)
    row.waited_percent = round(100 * (after.waited_s - before.waited_s) / passed, 1)
    row.resident_mb = memory_mb(operator)
    row.ticks_per_s = round(ticks / passed, 1)
    row.lateness_p99_s = quantile(before.lateness, after.lateness, 0.99)
    row.queries_per_release_tick = round((after.queries - before.queries) / evaluations, 3)
    requests = Requests.since(log, skip)
    row.writes, row.reads = dict(requests.writes), requests.reads
    row.most_writes_of_one = max(requests.releases.values(), default=0)
    row.steal_percent, row.busy_percent = load.steal_percent, load.busy_percent
