"""Questions about risk/fraud from v41 to v42, and series, in a few words."""

from datetime import UTC, datetime, timedelta
from typing import Any

from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.payload import Series
from surefoot.api.signals import Signal
from surefoot.engine.questions import ArmRef, Question

T0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_SOURCES: dict[str, dict[str, Any]] = {
    "ErrorRate": {"source": {"preset": "envoy"}},
    "Latency": {"source": {"preset": "envoy"}, "quantile": 0.99},
    "Drift": {"source": {"preset": "model-server"}},
    "Calibration": {"source": {"preset": "model-server"}},
    "Performance": {"source": {"preset": "model-server"}, "metric": "AUC"},
    "Fairness": {
        "source": {"preset": "model-server"},
        "metric": "DemographicParityRatio",
        "groups": {"label": "group", "values": ["a", "b"]},
        "decisionThreshold": 0.5,
    },
    "DataQuality": {
        "source": {"preset": "model-server"},
        "threshold": None,
        "maxAge": "15m",
        "minCompleteness": 0.98,
    },
    "Business": {"source": {"numerator": "orders_total", "denominator": "requests_total"}},
    "PromQL": {},
}


def question(
    kind: str = "ErrorRate",
    name: str = "s",
    *,
    start: datetime = T0,
    window: str = "1h",
    namespace: str = "risk",
    candidate: str = "fraud-v42",
    incumbent: str = "fraud-v41",
    **fields: Any,
) -> Question:
    """A question whose arms have the Deployment's name for their Service, on port 80."""
    limits = {"max": 1, **({"min": -1} if fields.get("metric") == "MeanShift" else {})}
    body = {"name": name, "type": kind, "threshold": {**limits, "window": window}}
    signal = Signal.model_validate({**body, **_SOURCES[kind], **fields})
    ours, theirs = (ArmRef(each, each, 80) for each in (candidate, incumbent))
    return Question(signal, namespace, ours, theirs, start)


def ago(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def series(metric: str, *samples: tuple[float, float], **labels: str) -> Series:
    """One series of the target `t` in risk, unless `instance` or `namespace` say otherwise."""
    target = {"job": "j", "instance": "t", "namespace": "risk"}
    return Series(Labels({"__name__": metric, **target, **labels}), samples)
