"""What the operator costs: time to its first tick, memory at rest, image size."""

from __future__ import annotations

import re
import time
from pathlib import Path

from images import operator as operator_image
from tests.bench.figures import Figure
from tests.bench.machine import measured
from tests.bench.stage import Stage
from tests.support.poll import until
from tests.support.story import OperatorProcess, error_rate

_TICKS = re.compile(r"^surefoot_tick_seconds_count (\d+)", re.MULTILINE)
_RESTED_S = 15.0
_RELEASES = 3


def start(stage: Stage, runs: int) -> list[Figure]:
    """From the start of the process to the first tick done, with a release that is under way."""
    figure = Figure("start", "process start → first tick done", "s", [], 3.0)
    place = stage.place("start")
    with stage.operator():
        signal = error_rate()
        place.start("r", steps=[{"weight": 30, "hold": "1h"}], maxDuration=None, signals=[signal])
        place.reached("r", 30)
        place.verified("r")
    with measured() as figure.load:
        for _ in range(runs):
            began = time.monotonic()
            process = stage.spawn()
            try:
                until(lambda process=process: _ticked(process), every_s=0.01, what="a first tick")
                figure.values.append(time.monotonic() - began)
            finally:
                process.kill()
    return [figure]


def _ticked(process: OperatorProcess) -> bool:
    try:
        found = _TICKS.search(process.metrics())
    except OSError:
        return False
    return bool(found and int(found[1]))


def memory(stage: Stage, runs: int) -> list[Figure]:
    """Resident and proportional memory after three releases were promoted and all is quiet."""
    place = stage.place("memory")
    resident = Figure("memory", "resident memory at rest", "MB", [], 150)
    share = Figure("memory", "its proportional share (PSS)", "MB", [], 150)
    with stage.operator() as operator, measured() as load:
        names = [f"r{each}" for each in range(_RELEASES)]
        for name in names:
            place.start(name, steps=[{"weight": 50, "hold": "2s"}])
        for name in names:
            until(lambda name=name: place.status(name).get("phase") == "Idle", what=f"{name} Idle")
        rested = time.monotonic() + _RESTED_S
        until(lambda: time.monotonic() > rested)
        for _ in range(max(1, runs // 3)):
            rss, pss = _memory(operator.process.pid)
            resident.values.append(rss)
            share.values.append(pss)
    resident.load = share.load = load
    return [resident, share]


def _memory(pid: int) -> tuple[float, float]:
    """Rss and Pss in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = {
        key: int(kib) * 1024 / 1e6 for key, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)
    }
    return found["Rss"], found["Pss"]


def image(runs: int) -> list[Figure]:
    """The operator's image: what is downloaded, and what it takes on a node's disk."""
    del runs
    with measured() as load:
        built = operator_image.build()
    sizes = (("packed", built.packed, 60), ("unpacked", built.unpacked, 200))
    return [
        Figure("image", f"image, {how}", "MB", [size / 1e6], most, load=load)
        for how, size, most in sizes
    ]
