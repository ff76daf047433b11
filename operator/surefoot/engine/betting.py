"""The shapes of sequential tests: each takes a stored state and an interval, and gives both back.

A stored state that makes no sense counts as none. `swapped` tests see the arms exchanged, which
turns "worse than the margin" into "not worse than it".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol, TypeVar

from surefoot.stats import calibrationbet, countbet, driftbet, fairnessbet, latencybet, scalarbet
from surefoot.stats.calibration import bucket_scores
from surefoot.stats.calibrationbet import CalibrationParams, CalibrationState
from surefoot.stats.contrasts import Bins
from surefoot.stats.countbet import CountParams, CountState
from surefoot.stats.driftbet import DriftParams, DriftState
from surefoot.stats.evidence import Interval
from surefoot.stats.fairnessbet import FairnessParams, FairnessState, Groups
from surefoot.stats.latencybet import LatencyState
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
)
from surefoot.stats.scalarbet import Reading, ScalarParams, ScalarState

MOST_BINS = 40
"""More bins of a histogram than this are merged before a bet that remembers each."""
_A = TypeVar("_A")
_B = TypeVar("_B")


@dataclass(frozen=True, slots=True)
class Bet:
    """The state after an interval, as it is stored, and its evidence W."""

    state: list[float]
    value: float


class SequentialTest(Protocol):
    """One comparison's test."""

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """The test after one more closed interval."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """CountBet on counts."""

    params: CountParams
    swapped: bool = False

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """Rules as in `countbet.advance`."""
        found = _stored(CountState.from_floats, state) or CountState()
        found = countbet.advance(found, _seen(only(interval, Counts), self.swapped), self.params)
        return Bet(found.to_floats(), countbet.value(found))


@dataclass(frozen=True, slots=True)
class Latency:
    """CountBets on exceedances; the first interval with an incumbent only fixes the edges."""

    params: CountParams
    quantile: float
    swapped: bool = False

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """Rules as in `latencybet.advance`."""
        both = only(interval, Histogram)
        found = _stored(LatencyState.from_floats, state)
        if found is not None:
            found = latencybet.advance(found, _seen(both, self.swapped), self.params)
        else:
            old = both.incumbent
            if old is None or old.samples <= 0 or not old.edges:
                return Bet([], 1.0)
            found = latencybet.begin(old, self.quantile, interval.end)
        return Bet(found.to_floats(), latencybet.value(found))


@dataclass(frozen=True, slots=True)
class Drift:
    """The directed ScalarBet on histograms."""

    params: DriftParams

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """Rules as in `driftbet.advance`."""
        found = _stored(DriftState.from_floats, state) or DriftState()
        found = driftbet.advance(found, mapped(interval, _coarse), self.params)
        return Bet(found.to_floats(), driftbet.value(found))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Three ScalarBets on the gaps between outcomes and scores."""

    params: CalibrationParams

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """Rules as in `calibrationbet.advance`."""
        found = _stored(CalibrationState.from_floats, state) or CalibrationState()
        found = calibrationbet.advance(found, mapped(interval, bins_of), self.params)
        return Bet(found.to_floats(), calibrationbet.value(found))


@dataclass(frozen=True, slots=True)
class Fairness:
    """The ScalarBet on the lowest rate over the highest."""

    params: FairnessParams
    swapped: bool = False

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """Rules as in `fairnessbet.advance`."""
        found = _stored(FairnessState.from_floats, state) or FairnessState()
        both = _seen(mapped(interval, _groups_of), self.swapped)
        found = fairnessbet.advance(found, both, self.params)
        return Bet(found.to_floats(), fairnessbet.value(found))


@dataclass(frozen=True, slots=True)
class Scalars:
    """A ScalarBet on a contrast that one interval's measures are enough for."""

    contrast: Callable[[Interval[Measure]], Reading]
    params: ScalarParams

    def advance(self, state: Sequence[float], interval: Interval[Measure]) -> Bet:
        """Rules as in `scalarbet.advance`."""
        found = _stored(ScalarState.from_floats, state) or ScalarState()
        found = scalarbet.advance(found, self.contrast(interval), self.params)
        return Bet(found.to_floats(), scalarbet.value(found))


def only(interval: Interval[Measure], kind: type[_A]) -> Interval[_A]:
    """The interval with arms of one kind of measure; another kind was not measured."""
    return mapped(interval, lambda arm: arm if isinstance(arm, kind) else None)


def mapped(interval: Interval[Measure], change: Callable[[Measure], _B | None]) -> Interval[_B]:
    """The interval with each arm's measure changed to what a test takes."""
    arms = (
        change(arm) if arm is not None else None for arm in (interval.incumbent, interval.candidate)
    )
    return Interval(interval.end, interval.step, *arms)


def bins_of(measure: Measure) -> Bins | None:
    """Scores with outcomes by bin; one bin where only their sums are known.

    A bucket's sum of scores is its count times its estimated mean score.
    """
    match measure:
        case LabeledScores():
            return (measure,)
        case LabeledHistogram():
            rows = zip(bucket_scores(measure), measure.positives, measure.counts, strict=True)
            cells = [LabeledScores(yes, s * n, n) for s, yes, n in rows]
            return tuple(map(_together, _neighbours(cells)))
        case _:
            return None


def _coarse(measure: Measure) -> Histogram | None:
    """The histogram with neighbouring bins merged until a status can keep a number for each."""
    if not isinstance(measure, Histogram):
        return None
    edges = [group[-1] for group in _neighbours([*measure.edges, inf])][:-1]
    counts = [sum(group) for group in _neighbours(measure.counts)]
    return Histogram(tuple(edges), tuple(counts), measure.total)


def _neighbours(bins: Sequence[_A]) -> list[Sequence[_A]]:
    """At most MOST_BINS groups, by their place alone: the same for both arms and all intervals."""
    size = -(-len(bins) // MOST_BINS)
    return [bins[at : at + size] for at in range(0, len(bins), size)]


def _together(cells: Sequence[LabeledScores]) -> LabeledScores:
    return LabeledScores(
        sum(cell.positives for cell in cells),
        sum(cell.score_sum for cell in cells),
        sum(cell.total for cell in cells),
    )


def _groups_of(measure: Measure) -> Groups | None:
    if not isinstance(measure, GroupRates):
        return None
    return tuple(counts for _, counts in measure.groups)


def _seen(interval: Interval[_A], swapped: bool) -> Interval[_A]:
    return interval.swapped() if swapped else interval


def _stored(read: Callable[[Sequence[float]], _A], state: Sequence[float]) -> _A | None:
    try:
        return read(state)
    except ValueError:
        return None
