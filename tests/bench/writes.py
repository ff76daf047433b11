"""What the operator asks of the API server and writes to it, counted in the audit log."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tests.bench.figures import Figure
from tests.bench.machine import measured
from tests.bench.stage import OPERATOR, Place, Stage
from tests.support.poll import until
from tests.support.relay import Relay
from tests.support.story import OperatorProcess

INTERVAL_S = 2
HOLD_S = 9
_SPEC = {"analysis": {"interval": f"{INTERVAL_S}s", "warmup": "0s"}, "maxDuration": None}
_STEPS = [{"weight": weight, "hold": f"{HOLD_S}s"} for weight in (10, 20, 30, 40, 50)]
_LONG = [{"weight": 30, "hold": "1h"}]
_WRITES = ("create", "update", "patch", "delete")


@dataclass(frozen=True)
class Call:
    """One request of the operator."""

    at: float
    verb: str
    resource: str
    code: int

    @property
    def words(self) -> str:
        return f"{self.verb} {self.resource}"


def calls(stage: Stage, namespace: str) -> list[Call]:
    """The operator's requests about a namespace, watches and lists for them aside."""
    assert stage.cluster.audit_log
    found = []
    for line in stage.cluster.audit_log.read_text().splitlines():
        entry = json.loads(line)
        what = entry.get("objectRef", {})
        if entry["user"].get("username") != OPERATOR or what.get("namespace") != namespace:
            continue
        resource = "/".join(filter(None, (what["resource"], what.get("subresource"))))
        at = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
        code = entry.get("responseStatus", {}).get("code", 0)
        found.append(Call(at, entry["verb"], resource, code))
    return found


def _within(found: list[Call], start: float, end: float) -> Counter[str]:
    return Counter(c.words for c in found if start <= c.at < end and c.verb in _WRITES)


def writes(stage: Stage, runs: int) -> list[Figure]:
    """API writes per step, per interval of a hold, and while nothing changes."""
    with measured() as load, stage.operator() as operator:
        figures = [*_steps(stage, max(1, runs // 5)), *_hold(stage, operator, runs)]
    with measured() as blind:
        silent = _blind(stage, runs)
    for figure in figures:
        figure.load = load
    silent.load = blind
    return [*figures, silent]


def _steps(stage: Stage, releases: int) -> list[Figure]:
    """Whole releases, 10 → 50 in five steps, then promoted; each step with all that belongs to it."""
    place = stage.place("steps")
    status: list[float] = []
    routes: list[float] = []
    events: list[float] = []
    refused: list[float] = []
    whole: list[float] = []
    for run in range(releases):
        name, began = f"r{run}", time.time()
        place.start(name, steps=_STEPS, bake="2s", **_SPEC)
        until(lambda name=name: _promoted(place, name), 300, what=f"{name} promoted")
        found = [c for c in calls(stage, "steps") if c.at >= began]
        whole.append(len([c for c in found if c.verb in _WRITES]))
        for start, end in pairwise(_step_times(place, name)):
            written = _within(found, start, end)
            intervals = int((end - start) / INTERVAL_S)
            status.append(written["patch modelreleases/status"] - intervals)
            routes.append(written["patch httproutes"])
            events.append(written["create events"])
            refused.append(len([c for c in found if start <= c.at < end and c.code >= 400]))
    about = "per weight step"
    return [
        Figure("writes", f"status writes {about} beyond one per interval", "writes", status, 2),
        Figure("writes", f"route writes {about}", "writes", routes, 1),
        Figure("writes", f"Events {about}", "writes", events, 1),
        Figure("writes", f"refused calls {about}", "calls", refused),
        Figure("writes", "all writes of a release, 10 → 50 in 5 steps, promoted", "writes", whole),
    ]


def _promoted(place: Place, name: str) -> bool:
    conditions = place.status(name).get("conditions", [])
    return any(c["type"] == "Promoted" and c["status"] == "True" for c in conditions)


def _step_times(place: Place, name: str) -> list[float]:
    """When each step was decided, and when the bake was."""
    entries = place.status(name)["decisions"]
    wanted = [e for e in entries if e["reason"] == "StepReached"]
    return [datetime.fromisoformat(e["time"]).timestamp() for e in wanted]


def _hold(stage: Stage, operator: OperatorProcess, runs: int) -> list[Figure]:
    """A long hold under traffic, and releases that rest after their end."""
    place = stage.place("hold")
    place.start("long", steps=_LONG, **_SPEC)
    place.reached("long", 30)
    place.verified("long")
    held = _per_interval(stage, "hold", runs)
    idle = _per_interval(stage, "steps", runs)
    return [
        Figure("writes", "all writes per interval of a hold under traffic", "writes", held, 1),
        Figure("writes", "all writes per interval at rest (Idle)", "writes", idle, 0),
    ]


def _per_interval(stage: Stage, namespace: str, intervals: int) -> list[float]:
    """Writes in so many intervals from now on, each of the operator's own length."""
    start = time.time()
    end = start + intervals * INTERVAL_S
    until(lambda: time.time() > end + 1, intervals * INTERVAL_S + 60, what="the time is over")
    found = calls(stage, namespace)
    bounds = pairwise(start + INTERVAL_S * each for each in range(intervals + 1))
    return [float(_within(found, a, b).total()) for a, b in bounds]


def _blind(stage: Stage, runs: int) -> Figure:
    """Prometheus goes away while the candidate has 30 %: said once, then silence."""
    place = stage.place("blind")
    relay = Relay("127.0.0.1", stage.prometheus.port)
    with stage.operator(f"http://127.0.0.1:{relay.port}"):
        place.start("blind", steps=_LONG, **_SPEC)
        place.reached("blind", 30)
        place.verified("blind")
        relay.close()
        until(
            lambda: "cannot be reached" in json.dumps(place.status("blind")),
            what="the status says that Prometheus is gone",
        )
        said = time.time() + 2 * INTERVAL_S
        until(lambda: time.time() > said)
        silent = _per_interval(stage, "blind", runs)
    what = "all writes per interval, Prometheus unreachable at 30 %"
    return Figure("writes", what, "writes", silent, 0)
