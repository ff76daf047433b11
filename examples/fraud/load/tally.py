"""What came of every request that was sent, counted once."""

from collections import Counter
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Metric


class Tally:
    """Counts for `/metrics` and `/summary`. A failure is a 4xx or 5xx, or no answer at all.

    `origin` of a failure tells a model's own error (`model`) from everything between (`path`).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sent = 0
        self.by_version: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.labels: Counter[str] = Counter()
        self._sent = self._metric("sent", "Requests that were sent.", [])
        self._requests = self._metric("requests", "Answers.", ["version", "status"])
        self._failures = self._metric("failures", "Requests that failed.", ["origin", "kind"])
        self._labels = self._metric("labels", "Labels sent late, by what came of them.", ["result"])
        for origin in ("model", "path"):
            for kind in ("4xx", "5xx"):
                self._failures.labels(origin, kind)
        for kind in ("connection", "timeout"):
            self._failures.labels("path", kind)

    def _metric(self, name: str, text: str, labels: list[str]) -> Metric:
        return Metric(f"load_{name}", text, labels, registry=self.registry)

    def send(self) -> str:
        """One more request is sent; the answer is its name."""
        self.sent += 1
        self._sent.inc()
        return f"r{self.sent}"

    def answered(self, status: int, version: str | None) -> None:
        """An HTTP answer came; `version` is the model that gave it, None when no model did."""
        group = f"{status // 100}xx"
        self.by_status[group] += 1
        self.by_version[version or "none"] += 1
        self._requests.labels(version or "none", group).inc()
        if status >= 400:
            self.failed("model" if version else "path", group)

    def failed(self, origin: str, kind: str) -> None:
        """A request failed; nothing is sent again."""
        self.failures[origin, kind] += 1
        self._failures.labels(origin, kind).inc()

    def labeled(self, result: str, count: int) -> None:
        """`count` labels were `counted`, `unknown` or `lost`."""
        if count:
            self.labels[result] += count
            self._labels.labels(result).inc(count)

    def summary(self) -> dict[str, Any]:
        """The same counts as JSON."""
        return {
            "sent": self.sent,
            "answered": sum(self.by_status.values()),
            "byVersion": dict(self.by_version),
            "byStatus": dict(self.by_status),
            "failures": {f"{origin}/{kind}": n for (origin, kind), n in self.failures.items()},
            "failed": sum(self.failures.values()),
            "labels": dict(self.labels),
        }
