"""Which sequential test a signal's comparison is, and what it is begun with."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache

from surefoot.api.base import Same
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import SignalMetric as M
from surefoot.api.vocabulary import SignalType as T
from surefoot.engine.betting import (
    Calibration,
    Counted,
    Drift,
    Fairness,
    Latency,
    Scalars,
    SequentialTest,
    bins_of,
    mapped,
    only,
)
from surefoot.engine.margins import log_margin, margin_of, worse_is_lower
from surefoot.stats import contrasts, countbet, fairnessbet, performancebet
from surefoot.stats.bins import NotAnEdge
from surefoot.stats.calibrationbet import CalibrationParams
from surefoot.stats.countbet import CountParams
from surefoot.stats.driftbet import DriftParams
from surefoot.stats.evidence import Interval, Plan
from surefoot.stats.measures import (
    Counts,
    Histogram,
    LabeledHistogram,
    Measure,
    Ratio,
    Scalar,
)
from surefoot.stats.quality import business_ratio
from surefoot.stats.scalarbet import Reading, ScalarParams

_MISTAKES: dict[M | None, Callable[[LabeledHistogram, float], Counts]] = {
    M.ACCURACY: performancebet.wrong_decisions,
    M.PRECISION: performancebet.wrong_yes,
    M.RECALL: performancebet.missed,
}
DEFAULT_QUANTILE = 0.99


def plan_of(spec: ModelReleaseSpec, promotes: bool = False) -> Plan:
    """What the tests know of a release beforehand: its steps, its planned length, its budget."""
    analysis = spec.analysis
    holds = sum((step.hold.total_seconds() for step in spec.steps), 0.0)
    return Plan(
        steps=len(spec.steps),
        intervals=max(1, round(holds / analysis.evidence_interval.total_seconds())),
        budget=analysis.false_promote_budget if promotes else analysis.false_revert_budget,
        min_adverse=analysis.min_adverse_intervals,
    )


def agreed(signal: Signal, spec: ModelReleaseSpec, promotes: bool = False) -> str:
    """Digest of all that a test was begun with: with anything of it changed, it is another test."""
    return _agreed(Same(signal), Same(spec), promotes)


@lru_cache(maxsize=512)
def _agreed(same_signal: Same[Signal], same_spec: Same[ModelReleaseSpec], promotes: bool) -> str:
    signal, analysis = same_signal.it, same_spec.it.analysis
    parts = [
        signal.type.value,
        signal.measure,
        signal.quantile,
        signal.decision_threshold,
        signal.groups.dump() if signal.groups else None,
        signal.delay.total_seconds(),
        signal.source.dump() if signal.source else signal.query,
        *margin_of(signal, promotes),
        worse_is_lower(signal),
        analysis.false_promote_budget if promotes else analysis.false_revert_budget,
        analysis.min_adverse_intervals,
        analysis.evidence_interval.total_seconds(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def sequential_test(
    signal: Signal, spec: ModelReleaseSpec, promotes: bool = False
) -> SequentialTest:
    """The test for "worse by more than the revert margin", or its mirror, "not worse by more than
    the promote margin"."""
    margin, relative = margin_of(signal, promotes)
    plan = plan_of(spec, promotes)
    scalar = ScalarParams(plan)
    counted = countbet.promotion(margin, plan) if promotes else CountParams(1 + margin, plan=plan)
    match signal.type:
        case T.ERROR_RATE if relative:
            return Counted(counted, swapped=promotes)
        case T.LATENCY:
            return Latency(counted, signal.quantile or DEFAULT_QUANTILE, swapped=promotes)
        case T.FAIRNESS:
            params = fairnessbet.promotion if promotes else fairnessbet.revert
            return Fairness(params(margin, scalar), swapped=promotes)
        case T.DRIFT if not promotes:
            return Drift(DriftParams(margin, scalar))
        case T.CALIBRATION if not promotes:
            return Calibration(CalibrationParams(margin, scalar))
        case T.BUSINESS | T.PROMQL:
            gauge = _gauge(signal, *log_margin(margin, relative), promotes)
            return Scalars(gauge, ScalarParams(plan, sampled=False))
        case _:
            return Scalars(_contrast(signal, margin, promotes), scalar)


def _contrast(
    signal: Signal, margin: float, promotes: bool
) -> Callable[[Interval[Measure]], Reading]:
    """The contrast of the types whose one interval is enough for it."""
    proportion = contrasts.proportion_within if promotes else contrasts.proportion
    match signal.type:
        case T.DRIFT:
            return lambda i: contrasts.drift_within(only(i, Histogram), margin)
        case T.CALIBRATION:
            return lambda i: contrasts.calibration_within(mapped(i, bins_of), margin)
        case T.PERFORMANCE if signal.measure is M.AUC:
            auc = performancebet.auc_within if promotes else performancebet.auc_below
            return lambda i: auc(only(i, LabeledHistogram), margin)
        case T.PERFORMANCE:
            return lambda i: proportion(mapped(i, lambda arm: _mistakes(signal, arm)), margin)
        case _:
            return lambda i: proportion(only(i, Counts), margin)


def _mistakes(signal: Signal, measure: Measure) -> Counts | None:
    """Mistakes as counts; None where the decision threshold is no edge, which the value says."""
    if not isinstance(measure, LabeledHistogram):
        return None
    try:
        return _MISTAKES[signal.measure](measure, signal.decision_threshold or 0.5)
    except NotAnEdge:
        return None


def _gauge(
    signal: Signal, margin: float, log_ratio: bool, promotes: bool
) -> Callable[[Interval[Measure]], Reading]:
    """Candidate less incumbent; the other way round where a low value is the bad one."""
    gauge = contrasts.gauge_within if promotes else contrasts.gauge
    lower = worse_is_lower(signal)

    def contrast(interval: Interval[Measure]) -> Reading:
        both = mapped(interval, _scalar)
        return gauge(both.swapped() if lower else both, margin, log_ratio)

    return contrast


def _scalar(measure: Measure) -> Scalar | None:
    match measure:
        case Scalar():
            return measure
        case Ratio():
            ratio = business_ratio(measure)
            return None if ratio is None else Scalar(ratio)
        case _:
            return None
