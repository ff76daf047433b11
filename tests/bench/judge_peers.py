"""The rules that other progressive delivery tools apply to an error rate, on the same streams.

Each rule is a running score with a limit: it reverts in the first minute in which the score is
above the limit. So each can also be tuned to any share of false reverts by its limit alone.
What a tool would count against the candidate where a value is missing is left out here: such
minutes are skipped, which favours the tool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tests.bench import judge_kayenta
from tests.bench.judge_traffic import MINUTES, Arms, Floats, Stream


@dataclass(frozen=True)
class Rule:
    """A peer: its name in the table, the running score, its usual limit, and where that stands."""

    name: str
    score: Callable[[Stream, Arms], Floats]
    limit: float
    source: str


def _nth_largest(values: Floats, n: int) -> Floats:
    """Per minute the n-th largest value so far; −inf before there are n."""
    out = np.full(values.shape, -np.inf)
    best = np.full((values.shape[0], n), -np.inf)
    for t in range(values.shape[1]):
        best = np.sort(np.concatenate([best, values[:, t : t + 1]], axis=1), axis=1)[:, 1:]
        out[:, t] = best[:, 0]
    return out


def _rates(stream: Stream, errors: Arms, minutes: int, arm: int = 1) -> Floats:
    """An arm's error rate over windows of so many minutes, at their last minute; else −inf."""
    judged = stream.judged
    bad = np.where(judged, errors[arm], 0.0)
    total = np.where(judged, stream.requests[arm], 0.0)
    out = np.full(bad.shape, -np.inf)
    for end in range(minutes, MINUTES + 1, minutes):
        window = slice(end - minutes, end)
        k, n = bad[:, window].sum(axis=1), total[:, window].sum(axis=1)
        out[:, end - 1] = np.where(n > 0, k / np.maximum(n, 1), -np.inf)
    return out


def accumulated(minutes: int, failures: int) -> Callable[[Stream, Arms], Floats]:
    """`failures` windows above a limit, in any order: the n-th largest rate is above it."""

    def score(stream: Stream, errors: Arms) -> Floats:
        return _nth_largest(_rates(stream, errors, minutes), failures)

    return score


def repeated_z(stream: Stream, errors: Arms) -> Floats:
    """z of the difference of the pooled proportions so far, looked at every minute."""
    judged = stream.judged
    k0, k1 = (np.cumsum(np.where(judged, arm, 0.0), axis=1) for arm in errors)
    n0, n1 = (np.cumsum(np.where(judged, arm, 0.0), axis=1) for arm in stream.requests)
    n0, n1 = np.maximum(n0, 1), np.maximum(n1, 1)
    p = (k0 + k1) / (n0 + n1)
    error = np.sqrt(np.maximum(p * (1 - p), 1e-12) * (1 / n0 + 1 / n1))
    return np.asarray((k1 / n1 - k0 / n0) / error)


def mann_whitney(stream: Stream, errors: Arms) -> Floats:
    """Kayenta's classifier on the arms' error rates of each minute."""
    old, new = (_rates(stream, errors, 1, arm) for arm in (0, 1))
    return judge_kayenta.mann_whitney(old, new)


KAYENTA = "Kayenta, Mann-Whitney 98 %, tolerance 0.25"
RULES = (
    Rule(
        "Flagger, 1 % limit, interval 1m, threshold 5",
        accumulated(1, 5),
        0.01,
        "fluxcd/flagger pkg/controller/scheduler.go, `advanceCanary`: rollback once"
        " `cd.Status.FailedChecks >= cd.GetAnalysisThreshold()`; failed checks add up and are never"
        " taken back by a good one. Threshold 5, interval 1m and request-success-rate ≥ 99 are its"
        " documented example.",
    ),
    Rule(
        "Argo Rollouts, 5 % limit, interval 5m, failureLimit 3",
        accumulated(5, 4),
        0.05,
        "argoproj/argo-rollouts analysis/analysis.go, `assessMetricFailureInconclusiveOrError`:"
        " failed once `result.Failed > failureLimit`. Interval 5m, `result[0] >= 0.95` and"
        " failureLimit 3 are its documented example.",
    ),
    Rule(
        "Argo Rollouts, 1 % limit, interval 1m, failureLimit 3",
        accumulated(1, 4),
        0.01,
        "as above, with Flagger's limit and interval.",
    ),
    Rule(
        KAYENTA,
        mann_whitney,
        judge_kayenta.TOLERANCE,
        "spinnaker/kayenta kayenta-judge/…/NetflixACAJudge.scala, `classifyMetric`:"
        " `new MannWhitneyClassifier(fraction = 0.25, confLevel = 0.98, mw)`, outliers removed by"
        " `IQRDetector(factor = 3.0)`; MannWhitneyClassifier.scala, `classify`: High if"
        " `lowerConfidence > fraction * |estimate|`. Judged every ten minutes on all minutes so far;"
        " the per-minute error rates of the two arms are the samples.",
    ),
    Rule(
        "z-test every minute, one-sided 5 %",
        repeated_z,
        NormalDist().inv_cdf(0.95),
        "the textbook test of two proportions, repeated; no tool's.",
    ),
)
