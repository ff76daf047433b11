"""How large a regression has to be so that nine releases in ten see it: a ladder of sizes, and a curve.

Every rung of the ladder is simulated a few times. A logistic curve through all of them tells the
size that is seen with 90 %: it needs a tenth of the runs that each size by itself would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from surefoot.api.vocabulary import SignalType

RUNGS = 24
CHANCE = 0.9
_LOGIT = log(CHANCE / (1.0 - CHANCE))
_STEEPEST = 40.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """The smallest and the largest size tried, and the one that requests are counted for."""

    low: float
    high: float
    reference: float

    def ladder(self) -> list[float]:
        """Rungs at equal ratios, the largest first."""
        ratio = (self.low / self.high) ** (1.0 / (RUNGS - 1))
        return [self.high * ratio**i for i in range(RUNGS)]


SIZES = {
    SignalType.ERROR_RATE: Sizes(0.1, 30.0, 1.0),
    SignalType.LATENCY: Sizes(0.02, 4.0, 0.2),
    SignalType.DRIFT: Sizes(0.02, 3.0, 0.25),
    SignalType.CALIBRATION: Sizes(0.005, 0.5, 0.05),
    SignalType.PERFORMANCE: Sizes(0.02, 1.0, 0.25),
    SignalType.FAIRNESS: Sizes(0.03, 0.9, 0.3),
    SignalType.BUSINESS: Sizes(0.02, 5.0, 0.2),
}


@dataclass(frozen=True, slots=True)
class Rung:
    """Of `runs` releases with a regression of this size, so many saw it."""

    size: float
    runs: int
    hits: int


def smallest_seen(rungs: Sequence[Rung]) -> float | None:
    """The size that is seen with 90 %; None where even the largest is not.

    P(seen) = 1/(1 + exp(−a − b·ln size)), by maximum likelihood with a weak prior on b (half a hit
    and half a miss at both ends), which keeps it finite where hits and misses do not overlap.
    """
    top = max(rungs, key=lambda rung: rung.size)
    if top.hits < CHANCE * top.runs:
        return None
    bottom = min(rungs, key=lambda rung: rung.size)
    points = [(log(r.size), float(r.hits), float(r.runs)) for r in rungs]
    points += [(log(bottom.size) - 1.0, 0.0, 0.5), (log(top.size) + 1.0, 0.5, 0.5)]
    level, slope = _fitted(points)
    if slope <= 0.0:
        return None
    size = exp((_LOGIT - level) / slope)
    return min(max(size, bottom.size), top.size)


def _fitted(points: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """(a, b) of the logistic curve through (x, hits, runs), by damped Newton steps."""
    middle = sum(x for x, _, _ in points) / len(points)
    a, b, best = 0.0, 1.0, _likelihood(points, middle, 0.0, 1.0)
    for _ in range(60):
        da, db = _newton(points, middle, a, b)
        scale = 1.0
        while scale > 1e-6:
            trial = (a + scale * da, min(_STEEPEST, b + scale * db))
            found = _likelihood(points, middle, *trial)
            if found >= best:
                break
            scale *= 0.5
        else:
            break
        gained, (a, b), best = found - best, trial, found
        if gained < 1e-10:
            break
    return a - b * middle, b


def _newton(
    points: Sequence[tuple[float, float, float]], middle: float, a: float, b: float
) -> tuple[float, float]:
    g0 = g1 = h00 = h01 = h11 = 0.0
    for x, hits, runs in points:
        z = x - middle
        p = _logistic(a + b * z)
        gap, weight = hits - runs * p, runs * p * (1.0 - p)
        g0, g1 = g0 + gap, g1 + gap * z
        h00, h01, h11 = h00 + weight, h01 + weight * z, h11 + weight * z * z
    h00, h11 = h00 + 1e-6, h11 + 1e-6
    whole = h00 * h11 - h01 * h01
    return (h11 * g0 - h01 * g1) / whole, (h00 * g1 - h01 * g0) / whole


def _likelihood(
    points: Sequence[tuple[float, float, float]], middle: float, a: float, b: float
) -> float:
    total = 0.0
    for x, hits, runs in points:
        p = min(max(_logistic(a + b * (x - middle)), 1e-12), 1.0 - 1e-12)
        total += hits * log(p) + (runs - hits) * log(1.0 - p)
    return total


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + exp(-x)) if x > -700.0 else 0.0


def at_most(hits: int, runs: int, confidence: float = 0.95) -> float:
    """The largest chance with which so few hits are still plausible (C. Clopper, E. Pearson, 1934)."""
    if hits >= runs:
        return 1.0
    low, high = hits / runs, 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _below(hits, runs, middle) > 1 - confidence else (low, middle)
    return high


def _below(hits: int, runs: int, chance: float) -> float:
    """P(at most `hits` of `runs`), summed from the end at which no term underflows."""
    if chance > 0.5:
        return 1.0 - _below(runs - hits - 1, runs, 1.0 - chance)
    odds, term = chance / (1.0 - chance), (1.0 - chance) ** runs
    total = term
    for k in range(hits):
        term *= odds * (runs - k) / (k + 1)
        total += term
    return total
