"""Latency: two CountBets on how many requests took longer than a bucket edge.

A quantile has no counts, an exceedance has. The edges are the `le` nearest below the incumbent's
quantile (weight 0.75) and the next lower one (0.25), fixed before the first bet: an edge that was
chosen from the counts it is judged by would favour one arm.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from surefoot.stats import countbet
from surefoot.stats.contrasts import exceedances
from surefoot.stats.countbet import CountParams, CountState
from surefoot.stats.evidence import Interval
from surefoot.stats.latency import quantile
from surefoot.stats.measures import Histogram

NEAR, FAR = 0.75, 0.25


@dataclass(frozen=True, slots=True)
class LatencyState:
    """The two edges, in seconds as exported, and the evidence at each."""

    near_edge: float
    far_edge: float
    near: CountState
    far: CountState

    def to_floats(self) -> list[float]:
        """Edges, then both CountStates: about 220 bytes as JSON. Edges are not rounded."""
        return [self.near_edge, self.far_edge, *self.near.to_floats(), *self.far.to_floats()]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "LatencyState":
        """The state that was stored; ValueError for what cannot have been."""
        near_edge, far_edge, *rest = floats
        half = len(rest) // 2
        near, far = CountState.from_floats(rest[:half]), CountState.from_floats(rest[half:])
        return cls(near_edge, far_edge, near, far)


def begin(incumbent: Histogram, q: float, end: float) -> LatencyState:
    """Fix the edges by what the incumbent showed until `end` (Unix seconds); bets come after it.

    The lowest edge serves where none is below. Raises ValueError for an empty histogram.
    """
    edges = incumbent.edges
    found = quantile(incumbent, q)
    near = max(0, bisect_right(edges, found.value) - 1)
    state = CountState(end=end)
    return LatencyState(edges[near], edges[max(0, near - 1)], state, state)


def value(state: LatencyState) -> float:
    """W, the evidence that more requests than the margin allows are slow."""
    return NEAR * countbet.value(state.near) + FAR * countbet.value(state.far)


def advance(
    state: LatencyState, interval: Interval[Histogram], params: CountParams
) -> LatencyState:
    """The state after one more interval; rules as in `countbet.advance`.

    For promotion pass `interval.swapped()` and `countbet.promotion(…)`: the edges stay.
    """
    near = countbet.advance(state.near, exceedances(interval, state.near_edge), params)
    far = countbet.advance(state.far, exceedances(interval, state.far_edge), params)
    return LatencyState(state.near_edge, state.far_edge, near, far)
