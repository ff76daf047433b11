"""ScalarBet: is a contrast between the arms above zero? For anything that is no rare count.

The contrast y has the margin subtracted already, so its mean is at most 0 under the null; v is its
sampling variance. With u = y/√v,

    z_t = (u_t − ρ·s·max(0, u_{t−1}))/σ̂_{t−1},    e = 2/(1 + exp(−2λz)),    λ ∈ {0.3, 1}.

e(z) + e(−z) = 2, so E[e] ≤ 1 wherever z is distributed symmetrically about a value of at most 0,
whatever its scale: no variance has to be known. σ̂² is half the mean of past squared successive
differences (J. von Neumann, 1941), with a prior of 1 that weighs five of them. s is the share of the
noise that may persist: all of it for a gauge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, sqrt

from surefoot.stats import evidence
from surefoot.stats.evidence import DEFAULT_PLAN, Plan, Wealth, ceil_digits

SLOPES = (0.3, 1.0)
PERSISTENCE = 0.6
PRIOR_WEIGHT = 5.0
_NOTHING = evidence.fresh(len(SLOPES))
LARGEST = 1e6
"""|u| is cut off here, so that no single reading can make the scale unusable for good."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """`y` minus its margin, in the signal's unit, and `v`, its sampling variance (> 0)."""

    y: float
    v: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The contrast of one closed interval. `end` in Unix seconds; `contrast` None: not measured."""

    end: float
    step: int
    contrast: Contrast | None


@dataclass(frozen=True, slots=True)
class ScalarParams:
    """`sampled`: v is a sampling variance, so that only what comes on top of it may persist."""

    plan: Plan = DEFAULT_PLAN
    sampled: bool = True


@dataclass(frozen=True, slots=True)
class ScalarState:
    """Evidence so far, the last u, the sum of halved squared differences and their number.

    `end`: Unix seconds of the last interval that was taken in. Everything else has six
    significant digits.
    """

    wealth: Wealth = _NOTHING
    last: float = 0.0
    squares: float = 0.0
    pairs: int = 0
    end: float = 0.0

    def to_floats(self) -> list[float]:
        """`[end, last, squares, pairs, reserve, live, step, R…]`, about 80 bytes as JSON."""
        return [self.end, self.last, self.squares, self.pairs, *self.wealth.to_floats()]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "ScalarState":
        """The state that was stored; ValueError for what cannot have been."""
        end, last, squares, pairs, *rest = floats
        if not (isfinite(end) and isfinite(last)) or not 0 <= min(squares, pairs) < float("inf"):
            raise ValueError("stored evidence has to be finite, and its scale not negative")
        wealth = Wealth.from_floats(rest)
        return cls(wealth, ceil_digits(last), ceil_digits(squares), int(pairs), end)


NOTHING = ScalarState()
DEFAULT_PARAMS = ScalarParams()
SIZE = len(NOTHING.to_floats())
"""How many floats a ScalarState is stored as."""


def value(state: ScalarState) -> float:
    """W, the evidence that the contrast is above its margin: 1 at the start."""
    return evidence.value(state.wealth)


def advance(state: ScalarState, reading: Reading, params: ScalarParams) -> ScalarState:
    """The state after one more interval. One that is not newer than the last changes nothing;
    one without a contrast, or with one that is no number, moves only `end`.
    """
    if not reading.end > state.end:
        return state
    u = _standardised(reading.contrast)
    if u is None:
        return ScalarState(state.wealth, state.last, state.squares, state.pairs, reading.end)
    variance = (PRIOR_WEIGHT + state.squares) / (PRIOR_WEIGHT + state.pairs)
    lasting = _lasting(variance) if params.sampled else 1.0
    z = (u - PERSISTENCE * lasting * max(0.0, state.last)) / sqrt(variance)
    factors = [_factor(slope * z) for slope in SLOPES]
    wealth = evidence.grow(state.wealth, factors, reading.step, params.plan)
    squares, pairs = state.squares, state.pairs
    if state.wealth.live:
        squares, pairs = ceil_digits(squares + 0.5 * (u - state.last) ** 2), pairs + 1
    return ScalarState(wealth, ceil_digits(u), squares, pairs, reading.end)


def _standardised(contrast: Contrast | None) -> float | None:
    if contrast is None or not isfinite(contrast.y) or not 0 < contrast.v < float("inf"):
        return None
    return max(-LARGEST, min(LARGEST, contrast.y / sqrt(contrast.v)))


def _lasting(variance: float) -> float:
    """s, the share of AR(1) noise with correlation ρ on top of sampling noise of variance 1.

    Successive differences see τ²(1 − ρ) of such noise: σ̂² = 1 + τ²(1 − ρ), s = τ²/(1 + τ²).
    """
    return max(0.0, variance - 1.0) / (max(1.0, variance) - PERSISTENCE)


def _factor(x: float) -> float:
    """2/(1 + exp(−2x)), without overflow."""
    return 2.0 / (1.0 + exp(-2.0 * max(-300.0, x)))
