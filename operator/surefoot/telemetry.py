"""Surefoot's own metrics and logs; both tell only what a tick reported."""

import json
import logging
import sys
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from surefoot.api.plain import one_line
from surefoot.api.status import ModelReleaseStatus, SignalStatus
from surefoot.api.vocabulary import ConditionType, Phase, Reason, Verdict
from surefoot.engine.effects import Decision
from surefoot.ports import Key

_MOST_LOGGED = 8192
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Telemetry:
    """Everything under `surefoot_` at /metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("namespace", "release")
        self.ticks = Counter(
            "surefoot_ticks", "Ticks by the rule that spoke.", ("rule",), registry=self.registry
        )
        self.tick_seconds = Histogram(
            "surefoot_tick_seconds", "Duration of a tick.", buckets=_BUCKETS, registry=self.registry
        )
        self.lateness = Histogram(
            "surefoot_tick_lateness_seconds",
            "How late a tick began.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.failures = Counter(
            "surefoot_tick_failures",
            "Ticks that have to be tried again, by error.",
            ("error",),
            registry=self.registry,
        )
        self.writes = Counter(
            "surefoot_writes", "Writes to the API server.", ("kind",), registry=self.registry
        )
        self.announced = Counter(
            "surefoot_transitions",
            "Transitions of releases, by reason.",
            ("namespace", "reason"),
            registry=self.registry,
        )
        self.weight = Gauge(
            "surefoot_candidate_weight_percent",
            "Candidate weight.",
            (*names, "kind"),
            registry=self.registry,
        )
        self.phase = Gauge(
            "surefoot_release_phase",
            "1 for the phase that a release is in.",
            (*names, "phase"),
            registry=self.registry,
        )
        self.value = Gauge(
            "surefoot_signal_value",
            "The candidate's value of a signal.",
            (*names, "signal"),
            registry=self.registry,
        )
        self.verdict = Gauge(
            "surefoot_signal_verdict",
            "The verdict: 0 Pass, 1 NoData, 2 Inconclusive, 3 Error, 4 Fail, below 0 does not gate.",
            (*names, "signal"),
            registry=self.registry,
        )
        self.leads = Gauge(
            "surefoot_leader", "1 where this replica writes.", registry=self.registry
        )
        self._signals: dict[Key, set[str]] = {}
        self._shown: dict[Key, tuple[Phase, tuple[int, int] | None]] = {}

    def observe(self, key: Key, decision: Decision, writes: int, saved: bool) -> None:
        """Account for one tick."""
        self.ticks.labels(decision.rule.value).inc()
        if saved:
            self.writes.labels("status").inc()
        self.writes.labels("effect").inc(writes)
        for said in decision.announcements:
            self.announced.labels(key.namespace, said.reason.value).inc()
        status, traffic = decision.status, decision.status.traffic
        weights = (traffic.intended, traffic.observed or 0) if traffic is not None else None
        if self._shown.get(key) != (status.phase, weights):
            self._shown[key] = status.phase, weights
            for phase in Phase:
                self.phase.labels(*key, phase.value).set(phase is status.phase)
            for name, weight in zip(("intended", "observed"), weights or (), strict=False):
                self.weight.labels(*key, name).set(weight)
        self._observe_signals(key, decision)

    def _observe_signals(self, key: Key, decision: Decision) -> None:
        levels = {verdict.label: int(verdict) for verdict in Verdict}
        status = decision.status
        flying = status.release is not None and status.release.outcome is None
        judged = status.signals if flying else _watched(status)
        names = {signal.name for signal in judged}
        for gone in self._signals.get(key, set()) - names:
            self._drop_signal(key, gone)
        self._signals[key] = names
        for signal in judged:
            if signal.value is not None:
                self.value.labels(*key, signal.name).set(signal.value)
            else:
                self._drop(self.value, (*key, signal.name))
            self.verdict.labels(*key, signal.name).set(levels.get(signal.verdict, 3))

    def _drop_signal(self, key: Key, name: str) -> None:
        for gauge in (self.value, self.verdict):
            self._drop(gauge, (*key, name))

    @staticmethod
    def _drop(gauge: Gauge, labels: tuple[str, ...]) -> None:
        if labels in gauge._metrics:
            gauge.remove(*labels)

    def forget(self, key: Key) -> None:
        """Series of a release that is gone would be alerted on for ever."""
        self._shown.pop(key, None)
        for name in self._signals.pop(key, set()):
            self._drop_signal(key, name)
        for gauge, labels in ((self.weight, ("intended", "observed")), (self.phase, tuple(Phase))):
            for label in labels:
                self._drop(gauge, (*key, str(label)))


def _watched(status: ModelReleaseStatus) -> list[SignalStatus]:
    """What is looked at after a promotion, as long as it is."""
    said = status.condition(ConditionType.WATCHED)
    over = said is None or said.reason is Reason.WATCH_OVER
    return [] if over or status.watch is None else status.watch.signals


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("namespace", "release", "reason"):
            if hasattr(record, name):
                entry[name] = getattr(record, name)
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class TextFormatter(logging.Formatter):
    """For people: time, level, release, sentence."""

    def format(self, record: logging.LogRecord) -> str:
        where = ""
        if hasattr(record, "release"):
            where = f"{record.namespace}/{record.release} "  # type: ignore[attr-defined]
        when = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        said = one_line(record.getMessage(), _MOST_LOGGED)
        text = f"{when} {record.levelname:<7} {where}{said}"
        if not record.exc_info:
            return text
        # A line of a traceback cannot be taken for one of the log: each is indented.
        lines = self.formatException(record.exc_info).split("\n")
        return "\n".join([text, *("  " + one_line(line, _MOST_LOGGED) for line in lines)])


def set_up_logging(log_format: str, level: str) -> None:
    """Logs of the whole process go to standard error in one format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("kopf", "aiohttp.access"):
        logging.getLogger(noisy).setLevel("WARNING")
