"""The two histograms that a model server exports for Surefoot, and a few counters of its own."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from examples.fraud.world import GROUPS


class ServerMetrics:
    """Everything at `/metrics`. All series exist from the start, so that they count from zero."""

    def __init__(self, edges: Sequence[float], version: str) -> None:
        self.registry = CollectorRegistry()
        self._scores = Histogram(
            "model_score",
            "Scores that were answered.",
            ["group"],
            buckets=edges,
            registry=self.registry,
        )
        self._labeled = Histogram(
            "model_labeled_score",
            "Scores whose outcome is known by now.",
            ["actual", "group"],
            buckets=edges,
            registry=self.registry,
        )
        self._unknown = Counter(
            "model_labels_unknown",
            "Labels for requests that this process does not remember.",
            registry=self.registry,
        )
        info = Gauge("model_info", "The version served.", ["version"], registry=self.registry)
        info.labels(version).set(1)
        self._fault = Gauge(
            "model_fault_start_timestamp_seconds",
            "When this example's built-in fault set in; 0 before.",
            registry=self.registry,
        )
        for group in GROUPS:
            self._scores.labels(group)
            for actual in "01":
                self._labeled.labels(actual, group)

    def scored(self, score: float, group: str) -> None:
        """One score was answered."""
        self._scores.labels(group).observe(score)

    def labeled(self, score: float, group: str, actual: bool) -> None:
        """The outcome of one earlier score has become known."""
        self._labeled.labels(str(int(actual)), group).observe(score)

    def unknown_label(self) -> None:
        """A label came for a request that nobody here remembers."""
        self._unknown.inc()

    def fault(self, since: float) -> None:
        """The example's built-in fault is active since this Unix time."""
        self._fault.set(since)
