"""Drift between the arms: a ScalarBet on the direction in which past scores have moved.

With bin shares p1, p0 and any weights w_b fixed before the interval, Σ w_b(p1b − p0b) is at most
√PSI·√(Σ w_b²·π_b), π = (p1 + p0)/2: Cauchy and Schwarz, and ln(p1/p0) ≥ 2(p1 − p0)/(p1 + p0)
for p1 ≥ p0. With √x ≤ (x + 1)/2 follows that

    y = Σ w_b(p̂1b − p̂0b) − ½√δ·(Σ w_b²·π̂_b + 1)

has a mean of at most 0 whenever PSI ≤ δ, whatever w is. w is the past log-ratio of shares, scaled
to Σ w_b²·π_b = 1. Bets are made only while the past PSI, less what noise adds to it, is above δ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from surefoot.stats import scalarbet
from surefoot.stats.evidence import Interval, floor_digits
from surefoot.stats.measures import Histogram
from surefoot.stats.scalarbet import (
    DEFAULT_PARAMS,
    NOTHING,
    SIZE,
    Contrast,
    Reading,
    ScalarParams,
    ScalarState,
)

MEMORY = 0.95
"""What an interval keeps of the counts before it: about twenty intervals are remembered."""


@dataclass(frozen=True, slots=True)
class DriftParams:
    """`margin` is δ, the PSI that is still acceptable."""

    margin: float = 0.1
    scalar: ScalarParams = DEFAULT_PARAMS


@dataclass(frozen=True, slots=True)
class DriftState:
    """Evidence, and the fading counts per bin of both arms (six significant digits)."""

    bet: ScalarState = NOTHING
    incumbent: tuple[float, ...] = ()
    candidate: tuple[float, ...] = ()

    def to_floats(self) -> list[float]:
        """The ScalarState, then both arms' bins: about 400 bytes as JSON for 20 bins."""
        return [*self.bet.to_floats(), *self.incumbent, *self.candidate]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "DriftState":
        """The state that was stored; ValueError for what cannot have been."""
        bins = tuple(map(floor_digits, floats[SIZE:]))
        if len(bins) % 2 or min(bins, default=0.0) < 0:
            raise ValueError("stored bins have to be of two arms and not negative")
        half = len(bins) // 2
        return cls(ScalarState.from_floats(floats[:SIZE]), bins[:half], bins[half:])


def value(state: DriftState) -> float:
    """W, the evidence that the PSI between the arms is above the margin."""
    return scalarbet.value(state.bet)


def advance(state: DriftState, interval: Interval[Histogram], params: DriftParams) -> DriftState:
    """The state after one more interval; rules as in `scalarbet.advance`.

    Arms whose edges differ were not measured. A new number of bins starts the past anew.
    """
    if not interval.end > state.bet.end:
        return state
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None or not _comparable(old, new):
        missing = Reading(interval.end, interval.step, None)
        return DriftState(
            scalarbet.advance(state.bet, missing, params.scalar), state.incumbent, state.candidate
        )
    if len(old.counts) != len(state.incumbent):
        state = DriftState(state.bet, (0.0,) * len(old.counts), (0.0,) * len(old.counts))
    contrast = _contrast(state, old, new, params.margin)
    bet = scalarbet.advance(
        state.bet, Reading(interval.end, interval.step, contrast), params.scalar
    )
    return DriftState(bet, _faded(state.incumbent, old), _faded(state.candidate, new))


def _comparable(old: Histogram, new: Histogram) -> bool:
    return old.edges == new.edges and all(
        0 < arm.samples < float("inf") and min(arm.counts) >= 0 for arm in (old, new)
    )


def _faded(past: Sequence[float], arm: Histogram) -> tuple[float, ...]:
    return tuple(
        floor_digits(MEMORY * before + now) for before, now in zip(past, arm.counts, strict=True)
    )


def _contrast(state: DriftState, old: Histogram, new: Histogram, margin: float) -> Contrast | None:
    """y and its variance at the past shares; None while the past shows no drift above `margin`."""
    direction = _direction(state.incumbent, state.candidate, margin)
    if direction is None:
        return None
    weights, spread = direction
    n0, n1 = old.samples, new.samples
    linear = penalty = 0.0
    for w, a, b in zip(weights, old.counts, new.counts, strict=True):
        p0, p1 = a / n0, b / n1
        linear += w * (p1 - p0)
        penalty += w * w * 0.5 * (p1 + p0)
    y = linear - 0.5 * sqrt(margin) * (penalty + 1.0)
    return Contrast(y, spread * (1.0 / n0 + 1.0 / n1))


def _direction(
    incumbent: Sequence[float], candidate: Sequence[float], margin: float
) -> tuple[list[float], float] | None:
    """(w, Var_π w) from past counts, Σ w²π = 1; None where PSI less its bias is not above δ.

    Shares are shrunk towards the pooled ones by half an observation per bin. Noise adds
    (B − 1)(1/n1 + 1/n0) to a PSI (Yurdakul, 2018).
    """
    n0, n1, bins = sum(incumbent), sum(candidate), len(incumbent)
    if n0 <= 0 or n1 <= 0:
        return None
    prior, whole = 0.5 * bins, n0 + n1 + 0.5 * bins
    ratios, mixed, psi = [], [], 0.0
    for a, b in zip(incumbent, candidate, strict=True):
        pooled = (a + b + 0.5) / whole
        p0, p1 = (a + prior * pooled) / (n0 + prior), (b + prior * pooled) / (n1 + prior)
        ratios.append(log(p1 / p0))
        mixed.append(0.5 * (p1 + p0))
        psi += (p1 - p0) * ratios[-1]
    if psi - (bins - 1) * (1.0 / n0 + 1.0 / n1) <= margin:
        return None
    norm = sqrt(sum(w * w * share for w, share in zip(ratios, mixed, strict=True)))
    weights = [w / norm for w in ratios]
    mean = sum(w * share for w, share in zip(weights, mixed, strict=True))
    return weights, max(1.0 - mean * mean, 1e-9)
