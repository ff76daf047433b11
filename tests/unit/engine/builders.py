"""Parts of an engine's input in a few words: a plan, a status in flight, an observation, a tick."""

from datetime import UTC, datetime
from typing import Any

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import (
    Backend,
    ModelReleaseStatus,
    Released,
    RouteStatus,
    Serving,
    StepStatus,
    TrafficStatus,
)
from surefoot.engine.judge import Stand
from surefoot.engine.prepare import begin, finish
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.engine.tick import Tick
from surefoot.engine.world import BackendWeight, Observation, Route
from surefoot.stats.measures import Measure
from tests.scenarios.specs import spec, workload

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
V41, V42 = Backend(name="fraud-v41", port=80), Backend(name="fraud-v42", port=80)
SOURCES: dict[str, dict[str, Any]] = {
    "ErrorRate": {"source": {"preset": "envoy"}},
    "Latency": {"source": {"preset": "envoy"}, "quantile": 0.5},
    "Drift": {"source": {"preset": "model-server"}},
    "Calibration": {"source": {"preset": "model-server"}},
    "Performance": {"source": {"preset": "model-server"}},
    "PromQL": {"query": "x"},
}


def plan(**changes: Any) -> ModelReleaseSpec:
    """Steps 10, 25, 50 of 30 s, a bake of 30 s, one ErrorRate signal."""
    return ModelReleaseSpec.model_validate(spec(**changes))


def signal(kind: str = "ErrorRate", name: str = "errors", **changes: Any) -> Signal:
    """A signal with a limit of at most 0.05 over 30 s."""
    threshold = {"max": 0.05, "window": "30s", **changes.pop("threshold", {})}
    body = {"name": name, "type": kind, "threshold": threshold, **SOURCES[kind], **changes}
    return Signal.model_validate(body)


def stand(index: int = 0, **changes: Any) -> Stand:
    """In a step that was entered a while ago."""
    entered = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    return Stand(plan(**changes), index, entered, entered, NOW)


def answer(measure: Measure | None, incumbent: Measure | None = None) -> Answer:
    """Measures of both arms, as new as can be."""
    return Answer(Reading(measure, NOW), Reading(incumbent, NOW))


def trouble(kind: ProblemKind) -> Answer:
    failed = Reading(problem=Problem(kind, f"it was {kind}"))
    return Answer(failed, failed)


def in_flight(index: int = 0, weight: int = 10, **changes: Any) -> ModelReleaseStatus:
    """A release of v42 that stands at a step, its weight verified."""
    guided = plan()
    status = ModelReleaseStatus(
        incumbent=Serving(
            version="41", workload="fraud-v41", backend=V41, fingerprint="fp-fraud-v41", since=NOW
        ),
        release=Released(
            id="r-1", version="42", workload="fraud-v42", backend=V42, fingerprint="fp-fraud-v42",
            template_hash="th-fraud-v42", started_at=NOW, accepted_spec=guided.as_written(),
        ),
        step=StepStatus(
            index=index, count=3, weight=weight, entered_at=NOW, verified_at=NOW, hold_seconds=30
        ),
        traffic=TrafficStatus(
            route=RouteStatus(name="fraud", managed=True), intended=weight, written=weight
        ),
    )  # fmt: skip
    return status.model_copy(update=changes)


def idle() -> ModelReleaseStatus:
    """v41 serves, and nothing has been released since."""
    return in_flight(release=None, step=None)


def route(incumbent: int = 90, candidate: int = 10, **changes: Any) -> Route:
    rule = (BackendWeight("fraud-v41", 80, incumbent), BackendWeight("fraud-v42", 80, candidate))
    fields: dict[str, Any] = {"managed": True, "rules": (rule,), "accepted": True, **changes}
    return Route("fraud", 1, **fields)


def observation(status: ModelReleaseStatus | None, **changes: Any) -> Observation:
    """Both arms are healthy, and the route says what is intended."""
    weight = status.traffic.intended if status and status.traffic else 0
    fields: dict[str, Any] = {
        "spec": plan(),
        "workloads": {name: workload(name) for name in ("fraud-v41", "fraud-v42")},
        "services": {"fraud-v41": (80,), "fraud-v42": (80,)},
        "route": route(100 - weight, weight),
        **changes,
    }
    return Observation(NOW, "risk", "fraud", "uid", 1, NOW, status=status, **fields)


def tick_of(status: ModelReleaseStatus | None, **changes: Any) -> Tick:
    obs = observation(status, **changes)
    return finish(begin(obs), obs.answers)
