"""From scores to figures: who was reverted, when, and how many requests the candidate had by then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.judge_traffic import Floats


@dataclass(frozen=True)
class Found:
    """Share of runs reverted (percent), and the medians over all runs (inf: under half were)."""

    percent: float
    minutes: float
    exposed: float


def found(score: Floats, exposed: Floats, limit: float, inclusive: bool = False) -> Found:
    """What a rule with this limit does. Surefoot reverts at its limit, peers above theirs."""
    hit = score >= limit if inclusive else score > limit
    any_hit, first = hit.any(axis=1), hit.argmax(axis=1)
    rows = np.arange(len(score))
    minutes = np.where(any_hit, first + 1.0, np.inf)
    requests = np.where(any_hit, exposed[rows, first], np.inf)
    return Found(100 * float(any_hit.mean()), _median(minutes), _median(requests))


def _median(values: Floats) -> float:
    """The lower median, so that it is a value that was seen."""
    return float(np.sort(values)[(len(values) - 1) // 2])


def tuned(healthy: Floats, percent: float) -> float:
    """The limit above which this share of healthy runs is reverted, at most."""
    peaks = np.sort(healthy.max(axis=1))
    allowed = int(len(peaks) * percent / 100)
    return float(peaks[len(peaks) - 1 - allowed])
