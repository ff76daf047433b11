"""Surefoot's own metrics and logs; both tell only what a tick reported."""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from surefoot.api.plain import one_line
from surefoot.api.signal_status import SignalStatus
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import ConditionType, Phase, Reason, Verdict
from surefoot.engine.effects import Decision
from surefoot.ports import Key

_MOST_LOGGED = 8192
# Releases whose lines are made at once, which takes a few milliseconds.
_PIECE = 200
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Telemetry:
    """Everything under `surefoot_` at /metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.leads = Gauge(
            "surefoot_leader", "1 where this replica writes.", registry=self.registry
        )
        self._releases: dict[Key, _Shown] = {}

    def observe(self, key: Key, decision: Decision, writes: int, saved: bool) -> None:
        """Account for one tick."""
        self.ticks.labels(decision.rule.value).inc()
        if saved:
            self.writes.labels("status").inc()
        self.writes.labels("effect").inc(writes)
        for said in decision.announcements:
            self.announced.labels(key.namespace, said.reason.value).inc()
        self._releases[key] = _shown(decision.status)

    def forget(self, key: Key) -> None:
        """Series of a release that is gone would be alerted on for ever."""
        self._releases.pop(key, None)

    def text(self) -> Iterator[bytes]:
        """All of it as Prometheus reads it, in pieces: of thousands of releases it is megabytes."""
        yield generate_latest(self.registry)
        releases = list(self._releases.items())
        for family in _FAMILIES:
            yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n".encode()
            for first in range(0, len(releases), _PIECE):
                piece = releases[first : first + _PIECE]
                yield "".join(line for each in piece for line in family.lines(*each)).encode()


class _Shown(NamedTuple):
    """What is shown of a release; a gauge object for each number would take ten times the memory."""

    phase: Phase
    weights: tuple[int, int] | None
    signals: tuple[tuple[str, float | None, int], ...]


@dataclass(frozen=True)
class _Family:
    """A gauge with a series for each release and each value of one more label."""

    name: str
    help: str
    label: str
    of: Callable[[_Shown], Iterable[tuple[str, float | None]]]

    def lines(self, key: Key, shown: _Shown) -> Iterator[str]:
        where = f'namespace="{key.namespace}",release="{key.name}"'
        for value, number in self.of(shown):
            if number is not None:
                said = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], value)
                yield f'{self.name}{{{self.label}="{said}",{where}}} {float(number)!r}\n'


_ESCAPED, _ESCAPES = re.compile(r'[\\"\n]'), {"\\": r"\\", '"': r"\"", "\n": r"\n"}
_FAMILIES = (
    _Family(
        "surefoot_candidate_weight_percent",
        "Candidate weight.",
        "kind",
        lambda shown: zip(("intended", "observed"), shown.weights or (), strict=False),
    ),
    _Family(
        "surefoot_release_phase",
        "1 for the phase that a release is in.",
        "phase",
        lambda shown: ((phase.value, phase is shown.phase) for phase in Phase),
    ),
    _Family(
        "surefoot_signal_value",
        "The candidate's value of a signal.",
        "signal",
        lambda shown: ((name, value) for name, value, _ in shown.signals),
    ),
    _Family(
        "surefoot_signal_verdict",
        "The verdict: 0 Pass, 1 NoData, 2 Inconclusive, 3 Error, 4 Fail, below 0 does not gate.",
        "signal",
        lambda shown: ((name, level) for name, _, level in shown.signals),
    ),
)
_LEVELS = {verdict.label: int(verdict) for verdict in Verdict}


def _shown(status: ModelReleaseStatus) -> _Shown:
    traffic = status.traffic
    flying = status.release is not None and status.release.outcome is None
    judged = status.signals if flying else _watched(status)
    return _Shown(
        status.phase,
        (traffic.intended, traffic.observed or 0) if traffic is not None else None,
        tuple((each.name, each.value, _LEVELS.get(each.verdict, 3)) for each in judged),
    )


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
    logging.getLogger("aiohttp.access").setLevel("WARNING")
