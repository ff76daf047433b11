"""The shipped tests on simulated streams: their evidence after each minute, nothing of them copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from surefoot.stats import (
    calibrationbet,
    countbet,
    driftbet,
    fairnessbet,
    latencybet,
)
from surefoot.stats.combine import Term, judge
from surefoot.stats.countbet import CountParams
from surefoot.stats.evidence import Interval, Plan
from surefoot.stats.measures import Counts, Histogram, LabeledScores
from tests.bench import judge_traffic as traffic
from tests.bench.judge_traffic import Floats, Scenario, Stream

PLAN = Plan(steps=len(traffic.WEIGHTS), intervals=traffic.MINUTES)
LIMIT = 1 / PLAN.budget
QUANTILE = 0.99


class Test(Protocol):
    """A module of surefoot.stats that holds a stateful test."""

    advance: Callable[..., Any]
    value: Callable[..., float]


Arms = tuple[object, object] | None
Tallies = tuple[traffic.Arms, traffic.Arms]
Drawn = traffic.Arms | Tallies
Told = Callable[[int, int], Arms]
"""What was measured of (incumbent, candidate) in a run's minute, or None."""


def _follow(
    stream: Stream,
    told: Told,
    test: Test,
    start: Callable[[int], object],
    params: object,
    enough: float = LIMIT,
) -> Floats:
    """W of every run after every minute; it stays as it is once it has reached `enough`."""
    judged = stream.judged
    out = np.ones(judged.shape)
    for run in range(len(out)):
        state = start(run)
        for t in range(traffic.MINUTES):
            arms = told(run, t) if judged[run, t] else None
            old, new = arms or (None, None)
            state = test.advance(state, Interval(60.0 * (t + 1), stream.steps[t], old, new), params)
            out[run, t] = test.value(state)
            if out[run, t] >= enough:
                out[run, t:] = out[run, t]
                break
    return out


def error_counts(stream: Stream, errors: tuple[Floats, Floats]) -> Told:
    """Error counts as the operator would pass them on."""
    n0, n1 = (arm.tolist() for arm in stream.requests)
    k0, k1 = (arm.tolist() for arm in errors)
    return lambda run, t: (Counts(k0[run][t], n0[run][t]), Counts(k1[run][t], n1[run][t]))


def of_errors(stream: Stream, errors: tuple[Floats, Floats], enough: float = 10 * LIMIT) -> Floats:
    """CountBet on errors; followed beyond the limit, so that a higher one can be tried, too."""
    told, params = error_counts(stream, errors), CountParams(plan=PLAN)
    return _follow(stream, told, countbet, lambda _: countbet.CountState(), params, enough)


def of_promotion(stream: Stream, errors: tuple[Floats, Floats], margin: float) -> Floats:
    """The mirrored CountBet on errors."""
    straight = error_counts(stream, errors)

    def told(run: int, t: int) -> Arms:
        arms = straight(run, t)
        return None if arms is None else (arms[1], arms[0])

    params = countbet.promotion(margin, PLAN)
    return _follow(stream, told, countbet, lambda _: countbet.CountState(), params)


def of_latency(stream: Stream, buckets: tuple[Floats, Floats], enough: float) -> Floats:
    """Two CountBets above edges that the incumbent's minute before the release chose."""
    old, new = (arm.tolist() for arm in buckets)

    def histogram(counts: list[float]) -> Histogram:
        return Histogram(traffic.LATENCY_EDGES, tuple(counts))

    return _follow(
        stream,
        lambda run, t: (histogram(old[run][t]), histogram(new[run][t])),
        latencybet,
        lambda run: latencybet.begin(histogram(old[run][0]), QUANTILE, 60.0),
        CountParams(plan=PLAN),
        enough,
    )


def of_drift(stream: Stream, buckets: tuple[Floats, Floats], enough: float) -> Floats:
    """The directed ScalarBet on score histograms."""
    old, new = (arm.tolist() for arm in buckets)
    edges = tuple(float(b) for b in range(traffic.SCORE_BINS - 1))
    return _follow(
        stream,
        lambda run, t: (Histogram(edges, tuple(old[run][t])), Histogram(edges, tuple(new[run][t]))),
        driftbet,
        lambda _: driftbet.DriftState(),
        driftbet.DriftParams(),
        enough,
    )


def of_calibration(stream: Stream, found: Tallies, enough: float) -> Floats:
    """Three ScalarBets on labelled scores."""
    arms = [(k.tolist(), n.tolist()) for k, n in found]
    middle = traffic.bin_scores().tolist()

    def bins(arm: int, run: int, t: int) -> tuple[LabeledScores, ...]:
        k, n = arms[arm][0][run][t], arms[arm][1][run][t]
        return tuple(LabeledScores(a, s * b, b) for a, b, s in zip(k, n, middle, strict=True))

    return _follow(
        stream,
        lambda run, t: (bins(0, run, t), bins(1, run, t)),
        calibrationbet,
        lambda _: calibrationbet.CalibrationState(),
        calibrationbet.CalibrationParams(),
        enough,
    )


def of_fairness(stream: Stream, found: Tallies, enough: float) -> Floats:
    """The ScalarBet on disparate impact."""
    arms = [(k.tolist(), n.tolist()) for k, n in found]

    def groups(arm: int, run: int, t: int) -> tuple[Counts, ...]:
        k, n = arms[arm][0][run][t], arms[arm][1][run][t]
        return tuple(map(Counts, k, n))

    return _follow(
        stream,
        lambda run, t: (groups(0, run, t), groups(1, run, t)),
        fairnessbet,
        lambda _: fairnessbet.FairnessState(),
        fairnessbet.FairnessParams(),
        enough,
    )


def drawn(scenario: Scenario, signal: str, stream: Stream, rng: np.random.Generator) -> Drawn:
    """What both arms count of one signal on a stream of this scenario."""
    if signal == "errors":
        return traffic.errors(rng, stream, scenario.ratio)
    if signal == "latency":
        return traffic.latencies(rng, stream, scenario.latency)
    if signal == "drift":
        return traffic.scores(rng, stream, scenario.psi)
    if signal == "calibration":
        return traffic.outcomes(rng, stream, scenario.gap, scenario.shaped)
    return traffic.selections(rng, stream, scenario.impact)


TESTS: dict[str, Callable[[Stream, Any, float], Floats]] = {
    "errors": of_errors,
    "latency": of_latency,
    "drift": of_drift,
    "calibration": of_calibration,
    "fairness": of_fairness,
}
SIGNALS = tuple(TESTS)


def combined(parts: dict[str, Floats], shares: dict[str, float]) -> Floats:
    """The common evidence of several signals, as `judge` adds it up."""
    columns = {name: values.tolist() for name, values in parts.items()}
    out = np.zeros(next(iter(parts.values())).shape)
    for run, t in np.ndindex(out.shape):
        terms = [Term(name, shares[name], columns[name][run][t]) for name in columns]
        out[run, t] = judge(terms, PLAN.budget).evidence
    return out
