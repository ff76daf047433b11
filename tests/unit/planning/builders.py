"""Releases to plan for, in a few words."""

from typing import Any

from surefoot.api.spec import ModelReleaseSpec
from surefoot.planning.today import Today, assumed
from tests.scenarios.specs import spec

ERRORS: dict[str, Any] = {"name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}}
P99: dict[str, Any] = {
    "name": "p99",
    "type": "Latency",
    "quantile": 0.99,
    "source": {"preset": "envoy"},
}
DRIFT: dict[str, Any] = {"name": "drift", "type": "Drift", "source": {"preset": "model-server"}}
CALIBRATION: dict[str, Any] = {
    "name": "calibration",
    "type": "Calibration",
    "source": {"preset": "model-server"},
}
FAIRNESS: dict[str, Any] = {
    "name": "fairness",
    "type": "Fairness",
    "metric": "DemographicParityRatio",
    "source": {"preset": "model-server"},
    "groups": {"label": "group", "values": ["a", "b"]},
    "decisionThreshold": 0.5,
}
AUC: dict[str, Any] = {
    "name": "auc",
    "type": "Performance",
    "metric": "AUC",
    "source": {"preset": "model-server"},
}
ORDERS: dict[str, Any] = {
    "name": "orders",
    "type": "Business",
    "source": {"numerator": "orders_total", "denominator": "requests_total"},
}


def limit(window: str = "5m", samples: int = 1, **limits: float) -> dict[str, Any]:
    """A threshold, `max=0.05` unless said otherwise."""
    return {"window": window, "minSamples": samples, **(limits or {"max": 0.05})}


def release(
    *signals: dict[str, Any], holds: dict[int, str] | None = None, **changes: Any
) -> ModelReleaseSpec:
    """Steps of 5, 25 and 50 % for ten minutes each unless said otherwise."""
    steps = [
        {"weight": w, "hold": h} for w, h in (holds or {5: "10m", 25: "10m", 50: "10m"}).items()
    ]
    changes = {"bake": "10m", "analysis": {}, **changes}
    return ModelReleaseSpec.model_validate(spec(signals=list(signals), steps=steps, **changes))


def today(
    plan: ModelReleaseSpec, rps: float = 50.0, error_rate: float = 0.01, labelled: float = 1.0
) -> Today:
    """Plausible traffic for every signal of the release."""
    found = {s.name: assumed(s, error_rate, labelled) for s in plan.signals}
    return Today(rps, {name: base for name, base in found.items() if base is not None})
