"""CountBet: is the candidate's rate of a rare event above the margin? From counts of both arms.

Arm 0 is the incumbent, arm 1 the candidate; interval t has n_a requests of which k_a are bad.
The null lets the candidate's rate be r_t times the incumbent's,

    r_t = r0·(1 + ν²)·max(1, û_{t−1})^ρ,    log û = log((k1 + φ)/(E + φ))·E/(E + 10),

E = r0·n1·(k0 + φ)/n0. ν allows for rates that differ between arms by chance, ρ for a disturbance
of one arm that outlasts an interval. Four bets: two kinds, each at two sizes.

- conditional, on the split of all events (J. Przyborowski, H. Wilenski, 1940):
  e = 1 + λ(k1/μ − 1), μ = π(k0 + k1), π = r_t·n1/(r_t·n1 + n0);
- ratio: e = 1 + λ(k1·n0/(r_t·n1·(k0 + φ)) − 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from surefoot.stats import evidence
from surefoot.stats.evidence import DEFAULT_PLAN, Interval, Plan, Wealth, ceil_digits, floor_digits
from surefoot.stats.measures import Counts

PHI = 2.0
PERSISTENCE = 0.3
SHRINKAGE = 10.0
GAINS = (1.5, 3.0)
MEMORY = 0.9
REVERT_NOISE, PROMOTE_NOISE = 0.1, 0.3
MAX_STAKE = 0.9
_NOTHING = evidence.fresh(2 * len(GAINS))


@dataclass(frozen=True, slots=True)
class CountParams:
    """`ratio` is r0 = 1 + revert margin; `noise` is ν, the allowed spread between healthy arms."""

    ratio: float = 1.1
    noise: float = REVERT_NOISE
    plan: Plan = DEFAULT_PLAN


def promotion(margin: float, plan: Plan) -> CountParams:
    """The mirrored test: with `Interval.swapped`, its null is a candidate worse by `margin`."""
    return CountParams(1.0 / (1.0 + margin), PROMOTE_NOISE, plan)


@dataclass(frozen=True, slots=True)
class CountState:
    """Evidence so far. `end`: Unix seconds of the last interval that was taken in.

    `excess` is max(1, û) of the last live interval; `rate` the incumbent's smoothed past rate,
    None before the first live interval. Everything but `end` has six significant digits.
    """

    wealth: Wealth = _NOTHING
    excess: float = 1.0
    rate: float | None = None
    end: float = 0.0

    def to_floats(self) -> list[float]:
        """`[end, excess, rate or −1, reserve, live, step, R…]`, about 100 bytes as JSON."""
        rate = -1.0 if self.rate is None else self.rate
        return [self.end, self.excess, rate, *self.wealth.to_floats()]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "CountState":
        """The state that was stored; ValueError for what cannot have been."""
        end, excess, rate, *rest = floats
        if not (isfinite(end) and isfinite(excess) and isfinite(rate)):
            raise ValueError("stored evidence has to be finite")
        wealth = Wealth.from_floats(rest)
        past = None if rate < 0 else floor_digits(rate)
        return cls(wealth, max(1.0, ceil_digits(excess)), past, end)


def value(state: CountState) -> float:
    """W, the evidence that the rate is above the margin: 1 at the start."""
    return evidence.value(state.wealth)


def advance(state: CountState, interval: Interval[Counts], params: CountParams) -> CountState:
    """The state after one more interval. One that is not newer than the last changes nothing;
    one without traffic in an arm, or with counts that are no counts, moves only `end`.
    """
    if not interval.end > state.end:
        return state
    arms = _arms(interval)
    if arms is None:
        return CountState(state.wealth, state.excess, state.rate, interval.end)
    n0, k0, n1, k1 = arms
    ratio = params.ratio * (1.0 + params.noise**2) * state.excess**PERSISTENCE
    factors = [
        *_conditional(n0, k0, n1, k1, ratio),
        *_ratio(n0, k0, n1, k1, ratio, state.rate),
    ]
    wealth = evidence.grow(state.wealth, factors, interval.step, params.plan)
    excess = ceil_digits(max(1.0, _excess(n0, k0, n1, k1, params.ratio)))
    return CountState(wealth, excess, _smoothed(state.rate, n0, k0), interval.end)


def _arms(interval: Interval[Counts]) -> tuple[float, float, float, float] | None:
    """(n0, k0, n1, k1) where both arms had traffic and every number makes sense."""
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None:
        return None
    for arm in (old, new):
        if not (isfinite(arm.total) and arm.total >= 1 and 0 <= arm.bad <= arm.total):
            return None
    return old.total, old.bad, new.total, new.bad


def _stake(gain: float, events: float) -> float:
    """λ: what a bet on a rate of `gain` times the null's risks, given the expected events."""
    edge = (gain - 1.0) * events
    return min(MAX_STAKE, edge / (edge + PHI))


def _conditional(n0: float, k0: float, n1: float, k1: float, ratio: float) -> list[float]:
    """Factors of the bets on the candidate's part of all events; 1 without events."""
    expected = ratio * n1 / (ratio * n1 + n0) * (k0 + k1)
    if expected <= 0:
        return [1.0] * len(GAINS)
    return [1.0 + _stake(gain, expected) * (k1 / expected - 1.0) for gain in GAINS]


def _ratio(
    n0: float, k0: float, n1: float, k1: float, ratio: float, rate: float | None
) -> list[float]:
    """Factors of the bets on the ratio of rates; 1 until there is a past rate to size them."""
    if rate is None:
        return [1.0] * len(GAINS)
    events = rate / (1.0 / (ratio * n1) + 1.0 / n0)
    seen = k1 * n0 / (ratio * n1 * (k0 + PHI))
    return [1.0 + _stake(gain, events) * (seen - 1.0) for gain in GAINS]


def _excess(n0: float, k0: float, n1: float, k1: float, ratio: float) -> float:
    """û: how far the candidate was above the margin in this interval, shrunk at low counts."""
    expected = ratio * n1 * (k0 + PHI) / n0
    shrink = expected / (expected + SHRINKAGE)
    return float(((k1 + PHI) / (expected + PHI)) ** shrink)


def _smoothed(rate: float | None, n0: float, k0: float) -> float:
    """The incumbent's rate, exponentially smoothed; φ more events at first, so it is not zero."""
    if rate is None:
        return floor_digits((k0 + PHI) / n0)
    return floor_digits(MEMORY * rate + (1.0 - MEMORY) * k0 / n0)
