"""Which sequential test a signal's comparison is, and what it is begun with."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import SignalType
from surefoot.stats import countbet, driftbet, latencybet
from surefoot.stats.countbet import CountParams, CountState
from surefoot.stats.driftbet import DriftParams, DriftState
from surefoot.stats.evidence import Interval, Plan
from surefoot.stats.latencybet import LatencyState
from surefoot.stats.measures import Counts, Histogram, Measure
from surefoot.stats.scalarbet import ScalarParams

DEFAULT_MARGIN = 0.1
_M = TypeVar("_M", Counts, Histogram)


@dataclass(frozen=True, slots=True)
class Bet:
    """The state after an interval, as it is stored, and its evidence W."""

    state: list[float]
    value: float


def plan_of(spec: ModelReleaseSpec) -> Plan:
    """What the tests know of a release beforehand: its steps, its planned length, its budget."""
    analysis = spec.analysis
    holds = sum((step.hold.total_seconds() for step in spec.steps), 0.0)
    return Plan(
        steps=len(spec.steps),
        intervals=max(1, round(holds / analysis.evidence_interval.total_seconds())),
        budget=analysis.false_revert_budget,
        min_adverse=analysis.min_adverse_intervals,
    )


def margin_of(signal: Signal) -> float:
    """The revert margin: a fraction of the incumbent's rate, for drift a difference in PSI."""
    margin = signal.compare.revert_margin if signal.compare is not None else None
    return (margin.relative or margin.absolute or 0.0) if margin is not None else DEFAULT_MARGIN


def margin_text(signal: Signal) -> str:
    """The margin as people write it."""
    margin = margin_of(signal)
    return f"{margin:.3g} of PSI" if signal.type is SignalType.DRIFT else f"{margin:.0%}"


def agreed(signal: Signal, spec: ModelReleaseSpec) -> str:
    """Digest of all that a test was begun with: with anything of it changed, it is another test."""
    analysis = spec.analysis
    parts = [
        signal.type.value,
        signal.quantile,
        signal.source.preset if signal.source else None,
        margin_of(signal),
        analysis.false_revert_budget,
        analysis.min_adverse_intervals,
        analysis.evidence_interval.total_seconds(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def advance(
    signal: Signal, spec: ModelReleaseSpec, state: Sequence[float], interval: Interval[Measure]
) -> Bet:
    """The test after one more closed interval. A stored state that makes no sense counts as none."""
    margin, plan = margin_of(signal), plan_of(spec)
    if signal.type is SignalType.DRIFT:
        return _drift(state, _only(interval, Histogram), DriftParams(margin, ScalarParams(plan)))
    params = CountParams(ratio=1.0 + margin, plan=plan)
    if signal.type is SignalType.LATENCY:
        return _latency(signal, state, _only(interval, Histogram), params)
    count = _count_state(state)
    count = countbet.advance(count, _only(interval, Counts), params)
    return Bet(count.to_floats(), countbet.value(count))


def _count_state(state: Sequence[float]) -> CountState:
    try:
        return CountState.from_floats(state)
    except ValueError:
        return CountState()


def _drift(state: Sequence[float], interval: Interval[Histogram], params: DriftParams) -> Bet:
    try:
        found = DriftState.from_floats(state)
    except ValueError:
        found = DriftState()
    found = driftbet.advance(found, interval, params)
    return Bet(found.to_floats(), driftbet.value(found))


def _latency(
    signal: Signal,
    state: Sequence[float],
    interval: Interval[Histogram],
    params: CountParams,
) -> Bet:
    """The first interval with an incumbent only fixes the edges: it is not bet on."""
    try:
        found = LatencyState.from_floats(state)
    except ValueError:
        return _first_latency(signal, interval)
    found = latencybet.advance(found, interval, params)
    return Bet(found.to_floats(), latencybet.value(found))


def _first_latency(signal: Signal, interval: Interval[Histogram]) -> Bet:
    old = interval.incumbent
    if old is None or old.samples <= 0 or not old.edges:
        return Bet([], 1.0)
    found = latencybet.begin(old, signal.quantile or 0.99, interval.end)
    return Bet(found.to_floats(), latencybet.value(found))


def _only(interval: Interval[Measure], kind: type[_M]) -> Interval[_M]:
    """The interval with arms of one kind of measure; another kind was not measured."""
    old, new = interval.incumbent, interval.candidate
    return Interval(
        interval.end,
        interval.step,
        old if isinstance(old, kind) else None,
        new if isinstance(new, kind) else None,
    )
