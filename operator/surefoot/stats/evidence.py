"""Betting wealth with an unknown onset: evidence against "the candidate is no worse", kept small.

Each bet multiplies its wealth R by a factor e with E[e] ≤ 1 under the null. Nobody knows when a
candidate turns bad, so the stake is not laid at once: w_t of it joins at interval t, Σ w_t ≤ 1,

    R_t = (R_{t−1} + w_t)·e_t,    W_t = mean over the bets of R_t + 1 − Σ_{s≤t} w_s.

W starts at 1 and is a nonnegative supermartingale under the null, so P(ever W ≥ 1/α) ≤ α
(J. Ville, 1939). docs/statistics.md has the proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from math import isfinite
from typing import Generic, TypeVar

DIGITS = 6
CEILING = 1e15
"""Wealth above this is cut off: it is more than any budget asks for, and cutting is safe."""

FIRST, STEPS, LENGTH, TAIL = 0.5, 0.3, 0.15, 0.05
"""How the stake is spread: first live interval, weight steps, planned length, all time."""

_DOWN = Context(prec=DIGITS, rounding=ROUND_FLOOR)
_UP = Context(prec=DIGITS, rounding=ROUND_CEILING)
_T = TypeVar("_T", covariant=True)


def floor_digits(value: float) -> float:
    """The largest number of six significant digits that is not above `value` (finite)."""
    return float(_DOWN.create_decimal(repr(value)))


def ceil_digits(value: float) -> float:
    """The smallest number of six significant digits that is not below `value` (finite)."""
    return float(_UP.create_decimal(repr(value)))


@dataclass(frozen=True, slots=True)
class Interval(Generic[_T]):
    """What both arms did in one closed interval. `end` is in Unix seconds and identifies it.

    `step` numbers the weight steps from 0 and never falls. An arm is None where it was not
    measured; such an interval neither adds nor takes evidence.
    """

    end: float
    step: int
    incumbent: _T | None
    candidate: _T | None

    def swapped(self) -> "Interval[_T]":
        """The same interval with the arms exchanged, as the mirrored test for promotion sees it."""
        return Interval(self.end, self.step, self.candidate, self.incumbent)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of the release beforehand, and how much caution is asked for.

    `budget` is α (β for promotion); `min_adverse` is M: fewer than M adverse intervals never
    reach 1/α. `steps` and `intervals` are the planned numbers of weight steps and of evidence
    intervals; a release that overruns them stays valid.
    """

    steps: int = 5
    intervals: int = 60
    budget: float = 0.05
    min_adverse: int = 3

    @property
    def cap(self) -> float:
        """The damper: no interval multiplies wealth by more than (1/α)^(1/M)."""
        return float((1.0 / self.budget) ** (1.0 / self.min_adverse))


DEFAULT_PLAN = Plan()


@dataclass(frozen=True, slots=True)
class Wealth:
    """R of each bet, the stake not yet laid, live intervals so far, and the last weight step."""

    bets: tuple[float, ...]
    reserve: float = 1.0
    live: int = 0
    step: int = -1

    def to_floats(self) -> list[float]:
        """`[reserve, live, step, R…]`, each of six significant digits."""
        return [self.reserve, self.live, self.step, *self.bets]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "Wealth":
        """The wealth that was stored. Numbers of more digits are rounded down, never up.

        Raises ValueError for anything that cannot have been stored.
        """
        reserve, live, step, *bets = floats
        if not all(isfinite(number) for number in floats) or min(reserve, live, *bets) < 0:
            raise ValueError("stored evidence has to be finite and not negative")
        if not bets or reserve > 1:
            raise ValueError("stored evidence needs a bet, and a reserve of at most 1")
        rounded = tuple(floor_digits(min(bet, CEILING)) for bet in bets)
        return cls(rounded, floor_digits(reserve), int(live), int(step))


def fresh(bets: int) -> Wealth:
    """Nothing laid yet: W = 1."""
    return Wealth((0.0,) * bets)


def value(wealth: Wealth) -> float:
    """W: 1 at the start; 1/α or more proves at level α that the null is false."""
    return sum(wealth.bets) / len(wealth.bets) + wealth.reserve


def onset(wealth: Wealth, step: int, plan: Plan) -> float:
    """w_t: the share of the stake that joins at the next live interval, at weight step `step`."""
    j = wealth.live + 1
    share = TAIL / (j * (j + 1))
    if j == 1:
        share += FIRST
    if step > wealth.step and step < plan.steps:
        share += STEPS / plan.steps
    if j <= plan.intervals:
        share += LENGTH / plan.intervals
    return min(share, wealth.reserve)


def grow(wealth: Wealth, factors: Sequence[float], step: int, plan: Plan) -> Wealth:
    """Wealth after one live interval in which bet i multiplies by `factors[i]` (≥ 0).

    Rounded down to six digits here, so that what goes on is what a restart would read.
    """
    joined = onset(wealth, step, plan)
    cap = plan.cap
    bets = tuple(
        floor_digits(min((bet + joined) * min(factor, cap), CEILING))
        for bet, factor in zip(wealth.bets, factors, strict=True)
    )
    reserve = floor_digits(wealth.reserve - joined)
    return Wealth(bets, reserve, wealth.live + 1, max(step, wealth.step))
