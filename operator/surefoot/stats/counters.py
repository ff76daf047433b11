"""Exact increases of counters from raw samples: no rate, no extrapolation, resets counted."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import isfinite

Sample = tuple[float, float]
"""Unix time in seconds, and the counter's value then."""


class NotANumber(ValueError):
    """A sample that is NaN or infinite: nothing may be counted with it."""


def increase(
    samples: Sequence[Sample],
    start: float,
    end: float,
    born: bool,
    resets: frozenset[float] = frozenset(),
    may_fall: bool = False,
) -> float:
    """How much one series rose within `(start, end]`, from samples in the order of their times.

    The baseline is the last sample at or before `start`; without one it is zero if the series was
    `born` inside the window (see `born_from_zero`), else its first sample, of which nothing is
    known. A sample below the one before it is a reset: all of its value counts. `resets` adds the
    times at which a sibling series of the same object showed a reset (see `reset_times`). What
    `may_fall`, a sum of signed numbers, is reset at those times only.
    Raises NotANumber for NaN and infinities from the baseline on.
    """
    before = [sample for sample in samples if sample[0] <= start][-1:]
    inside = [sample for sample in samples if start < sample[0] <= end]
    if not before and born and inside:
        before = [(inside[0][0], 0.0)]
    counted = before + inside
    if not all(isfinite(value) for _, value in counted):
        raise NotANumber("a sample is not a finite number")
    return sum(
        value if (value < earlier and not may_fall) or time in resets else value - earlier
        for (_, earlier), (time, value) in pairwise(counted)
    )


def reset_times(samples: Sequence[Sample]) -> frozenset[float]:
    """When a counter fell, which a counter does only when it starts anew.

    The buckets of one histogram start anew together, but a bucket that has caught up by the next
    sample does not show it; the union over the buckets does.
    """
    return frozenset(time for (_, earlier), (time, value) in pairwise(samples) if value < earlier)


class Spans:
    """First and last sample times of the series of one target, in the order of the first ones."""

    def __init__(self, spans: Iterable[tuple[float, float]] = ()) -> None:
        inside = sorted(spans)
        self._begun = [begin for begin, _ in inside]
        self._last = list(accumulate((last for _, last in inside), max))

    def around(self, time: float) -> bool:
        """Whether any began before a time and ended then or later: each time is looked up, as there
        may be as many as series."""
        earlier = bisect_left(self._begun, time)
        return earlier > 0 and self._last[earlier - 1] >= time


def born_from_zero(first: float, others: Spans) -> bool:
    """Whether a series whose first sample is at `first` started at zero.

    `others` are the times of the first and last sample of other series of the same target. One that
    was there before `first` and is still there proves that the target was scraped while this series
    did not exist yet. Where all others end as this one begins, the target was relabelled or
    replaced, and its counters may be old.
    """
    return others.around(first)
