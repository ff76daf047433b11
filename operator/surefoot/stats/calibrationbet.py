"""Calibration: three ScalarBets on how far outcomes lie from scores, candidate less incumbent.

d_b is the gap of bin b (see `contrasts.calibration_gaps`). Two bets look for scores that are all
too low or all too high, ±Σ d_b − δ; the third for a wrong shape, Σ sign_b·d_b − δ with the signs
of the past gaps: at most Σ|d_b| − δ on average, whatever the signs are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from surefoot.stats import scalarbet
from surefoot.stats.contrasts import Bins, Gaps, calibration_gaps
from surefoot.stats.evidence import Interval, floor_digits
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


@dataclass(frozen=True, slots=True)
class CalibrationParams:
    """`margin` is δ: the additional gap that is acceptable, as a difference of probabilities."""

    margin: float = 0.01
    scalar: ScalarParams = DEFAULT_PARAMS


@dataclass(frozen=True, slots=True)
class CalibrationState:
    """Evidence of the three bets, and the fading Σ d_b/v of each bin.

    Dividing by the interval's variance v makes an interval count by how many labels it has.
    """

    low: ScalarState = NOTHING
    high: ScalarState = NOTHING
    shape: ScalarState = NOTHING
    gaps: tuple[float, ...] = ()

    def to_floats(self) -> list[float]:
        """Three ScalarStates, then the gaps: about 300 bytes as JSON for 10 bins."""
        bets = (self.low, self.high, self.shape)
        return [*(number for bet in bets for number in bet.to_floats()), *self.gaps]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "CalibrationState":
        """The state that was stored; ValueError for what cannot have been."""
        low, high, shape = (
            ScalarState.from_floats(floats[i * SIZE : (i + 1) * SIZE]) for i in range(3)
        )
        return cls(low, high, shape, tuple(map(floor_digits, floats[3 * SIZE :])))


def value(state: CalibrationState) -> float:
    """W, the evidence that the candidate's calibration is worse by more than the margin."""
    return sum(map(scalarbet.value, (state.low, state.high, state.shape))) / 3.0


def advance(
    state: CalibrationState, interval: Interval[Bins], params: CalibrationParams
) -> CalibrationState:
    """The state after one more interval; rules as in `scalarbet.advance`.

    The first interval has no past signs. Another number of bins than before starts them anew.
    """
    if not interval.end > state.low.end:
        return state
    found = calibration_gaps(interval)
    contrasts = _contrasts(state.gaps, found, params.margin)
    low, high, shape = (
        scalarbet.advance(bet, Reading(interval.end, interval.step, contrast), params.scalar)
        for bet, contrast in zip((state.low, state.high, state.shape), contrasts, strict=True)
    )
    return CalibrationState(low, high, shape, _remembered(state.gaps, found))


def _contrasts(
    past: Sequence[float], found: Gaps | None, margin: float
) -> tuple[Contrast | None, Contrast | None, Contrast | None]:
    """What the three bets see of an interval."""
    if found is None:
        return None, None, None
    gaps, v = found
    total, shape = sum(gaps), None
    if len(past) == len(gaps):
        along = sum(d if sign >= 0 else -d for sign, d in zip(past, gaps, strict=True))
        shape = Contrast(along - margin, v)
    return Contrast(total - margin, v), Contrast(-total - margin, v), shape


def _remembered(past: Sequence[float], found: Gaps | None) -> tuple[float, ...]:
    """The past gaps, faded, with this interval's added where it has a variance."""
    if found is None or found[1] <= 0:
        return tuple(past)
    gaps, v = found
    before = past if len(past) == len(gaps) else (0.0,) * len(gaps)
    return tuple(floor_digits(MEMORY * g + d / v) for g, d in zip(before, gaps, strict=True))
