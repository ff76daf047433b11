"""How soon traffic goes back, from the moment at which the operator could know."""

from __future__ import annotations

import time
from datetime import datetime

from tests.bench.figures import Figure
from tests.bench.machine import measured
from tests.bench.stage import Place, Stage
from tests.support.poll import until
from tests.support.story import error_rate, set_available

AT = 30


def _running(place: Place, name: str) -> None:
    """A release that stands at 30 % with a good signal."""
    signal = error_rate(threshold={"consecutive": 1})
    place.start(name, steps=[{"weight": AT, "hold": "1h"}], maxDuration=None, signals=[signal])
    place.reached(name, AT)
    place.verified(name)


def crossing(stage: Stage, runs: int) -> list[Figure]:
    """From the evaluation that crosses the limit (`consecutive: 1`) to weight 0 in the route."""
    figure = Figure("crossing", "evaluation that crosses the limit → weight 0", "s", [], 1.0)
    place = stage.place("crossing")
    with stage.operator(), measured() as figure.load:
        for run in range(runs):
            name = f"r{run}"
            _running(place, name)
            began = time.time()
            place.flow(name, error_share=0.5)
            zero = place.reached(name, 0, began)
            figure.values.append(zero - _decided(place, name, "ThresholdCrossed"))
    return [figure]


def _decided(place: Place, name: str, reason: str) -> float:
    """Unix time of the first decision for this reason: the start of its tick."""

    def found() -> float | None:
        for entry in place.status(name).get("decisions", []):
            if entry["reason"] == reason:
                return datetime.fromisoformat(entry["time"]).timestamp()
        return None

    return float(until(found, what=f"a decision {reason}") or 0)


def unavailable(stage: Stage, runs: int) -> list[Figure]:
    """From writing 0 available replicas into the Deployment's status to weight 0 in the route."""
    what = "API told of 0 available candidate replicas → weight 0"
    figure = Figure("unavailable", what, "s", [], 1.0)
    place = stage.place("unavailable")
    with stage.operator(), measured() as figure.load:
        for run in range(runs):
            name = f"r{run}"
            _running(place, name)
            began = time.time()
            set_available(place.kube, f"{name}-v42", 0)
            figure.values.append(place.reached(name, 0, began) - began)
    return [figure]


def deleted(stage: Stage, runs: int) -> list[Figure]:
    """From deleting the candidate's Deployment to weight 0 in the route."""
    figure = Figure("deleted", "candidate deleted → weight 0", "s", [], 1.0)
    place = stage.place("deleted")
    with stage.operator(), measured() as figure.load:
        for run in range(runs):
            name = f"r{run}"
            _running(place, name)
            began = time.time()
            place.kube.delete("Deployment", f"{name}-v42")
            figure.values.append(place.reached(name, 0, began) - began)
    return [figure]


def repair(stage: Stage, runs: int) -> list[Figure]:
    """From a hand's 30 → 90 to 30 again."""
    figure = Figure("repair", "weight raised by hand (30 → 90) → put right", "s", [], 2.0)
    place = stage.place("repair")
    with stage.operator(), measured() as figure.load:
        for run in range(runs):
            name = f"r{run}"
            _running(place, name)
            began = time.time()
            _edit(place, name, 90)
            edited = place.reached(name, 90, began)
            figure.values.append(place.reached(name, AT, edited) - began)
    return [figure]


def _edit(place: Place, name: str, percent: int) -> None:
    body = place.kube.get("HTTPRoute", name)
    for ref in body["spec"]["rules"][0]["backendRefs"]:
        ref["weight"] = percent if ref["name"] == f"{name}-v42" else 100 - percent
    place.kube.patch("HTTPRoute", name, {"spec": {"rules": body["spec"]["rules"]}})


def abort(stage: Stage, runs: int) -> list[Figure]:
    """From creating the ReleaseAction to weight 0 in the route."""
    figure = Figure("abort", "Abort created → weight 0", "s", [], 1.0)
    place = stage.place("abort")
    with stage.operator(), measured() as figure.load:
        for run in range(runs):
            name = f"r{run}"
            _running(place, name)
            began = time.time()
            place.act(name, "Abort")
            figure.values.append(place.reached(name, 0, began) - began)
    return [figure]
