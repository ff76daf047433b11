"""Fairness: a ScalarBet on the disparate impact DI, the lowest selection rate over the highest.

    y = log DI_0 − log(rate_a1/rate_b1) + log(1 − δ)

where (a, b) are the candidate's groups with the lowest and the highest past rate. The ratio of any
pair that is named beforehand is at least DI_1, so y has a mean of at most 0 while
DI_1 ≥ (1 − δ)·DI_0. The interval's own lowest over highest would not do: noise alone makes that
ratio small in the arm with fewer requests. For the incumbent it is used, where it is on the safe
side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from surefoot.stats import scalarbet
from surefoot.stats.evidence import Interval, floor_digits
from surefoot.stats.measures import Counts
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
MIN_REQUESTS = 10.0
"""Fewer requests than this in a group of either arm: the interval is not judged."""

Groups = tuple[Counts, ...]
"""Per declared group, in the order of declaration: `bad` counts the selected, `total` all."""

_OFFSET = log(1.0 - 0.1)


@dataclass(frozen=True, slots=True)
class FairnessParams:
    """`offset` is log(1 − δ) to revert, or −log(1 − δ) to promote on the swapped interval."""

    offset: float = _OFFSET
    scalar: ScalarParams = DEFAULT_PARAMS


def revert(margin: float, scalar: ScalarParams) -> FairnessParams:
    """Evidence that DI of the candidate is below (1 − `margin`) times the incumbent's."""
    return FairnessParams(log(1.0 - margin), scalar)


def promotion(margin: float, scalar: ScalarParams) -> FairnessParams:
    """With `Interval.swapped`: evidence that it is above (1 − `margin`) times the incumbent's."""
    return FairnessParams(-log(1.0 - margin), scalar)


@dataclass(frozen=True, slots=True)
class FairnessState:
    """Evidence, and the judged arm's fading counts per group: (selected, total)."""

    bet: ScalarState = NOTHING
    past: tuple[tuple[float, float], ...] = ()

    def to_floats(self) -> list[float]:
        """The ScalarState, then selected and total of each group: about 120 bytes for two."""
        return [*self.bet.to_floats(), *(number for pair in self.past for number in pair)]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "FairnessState":
        """The state that was stored; ValueError for what cannot have been."""
        rest = tuple(map(floor_digits, floats[SIZE:]))
        if len(rest) % 2 or min(rest, default=0.0) < 0:
            raise ValueError("stored groups have to be pairs and not negative")
        past = tuple(zip(rest[::2], rest[1::2], strict=True))
        return cls(ScalarState.from_floats(floats[:SIZE]), past)


def value(state: FairnessState) -> float:
    """W, the evidence that the candidate is less fair than the margin allows."""
    return scalarbet.value(state.bet)


def advance(
    state: FairnessState, interval: Interval[Groups], params: FairnessParams
) -> FairnessState:
    """The state after one more interval; rules as in `scalarbet.advance`.

    The first judged interval only names the groups. Another number of groups names them anew.
    """
    if not interval.end > state.bet.end:
        return state
    old, new = interval.incumbent, interval.candidate
    contrast, past = None, state.past
    if old is not None and new is not None and _enough(old, new):
        if len(past) == len(new):
            contrast = _contrast(past, old, new, params.offset)
        else:
            past = ((0.0, 0.0),) * len(new)
        past = tuple(
            (floor_digits(MEMORY * k + now.bad), floor_digits(MEMORY * n + now.total))
            for (k, n), now in zip(past, new, strict=True)
        )
    reading = Reading(interval.end, interval.step, contrast)
    return FairnessState(scalarbet.advance(state.bet, reading, params.scalar), past)


def _enough(old: Groups, new: Groups) -> bool:
    same = len(old) == len(new) and len(new) > 1
    return same and all(
        cell.total >= MIN_REQUESTS and 0 <= cell.bad <= cell.total for cell in (*old, *new)
    )


def _rate(selected: float, total: float) -> float:
    """A rate that is never 0: half an event is added, as in the empirical logit."""
    return (selected + 0.5) / (total + 1.0)


def _log_variance(cell: Counts) -> float:
    rate = _rate(cell.bad, cell.total)
    return max(1.0 - rate, 0.5 / (cell.total + 1.0)) / (rate * cell.total)


def _contrast(
    past: Sequence[tuple[float, float]], old: Groups, new: Groups, offset: float
) -> Contrast:
    """y with the pair that the past names, and the sampling variance of its four rates."""
    order = sorted(range(len(past)), key=lambda group: _rate(*past[group]))
    a, b = order[0], order[-1]
    ranked = sorted(old, key=lambda cell: _rate(cell.bad, cell.total))
    low, high = ranked[0], ranked[-1]
    old_impact = log(_rate(low.bad, low.total) / _rate(high.bad, high.total))
    pair = log(_rate(new[a].bad, new[a].total) / _rate(new[b].bad, new[b].total))
    v = sum(map(_log_variance, (low, high, new[a], new[b])))
    return Contrast(old_impact - pair + offset, v)
