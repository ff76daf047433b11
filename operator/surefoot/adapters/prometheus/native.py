"""Native histograms: what one counted between two samples, and its bins on edges that stay."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import frexp, inf, isfinite, isnan, log2

from surefoot.stats.counters import NotANumber

Bin = tuple[float, float, float]
"""Lower bound, upper bound, observations. Which of the two bounds belongs to it is not kept: an
observation that is equal to a bound is as rare as it is small in effect."""
_DIGITS = 12
_NOISE = 1e-6
# Bins per doubling of the value, and the doublings, that values of a kind are put into. They do not
# follow the data, because evidence is gathered on the same edges from the first interval to the last.
DURATIONS = (8, -13, 10)
SCORES = (4, -4, 0)
BEYOND_SCORES = (1, 1, 10)


@dataclass(frozen=True, slots=True)
class Native:
    """One sample: all observations since the start, their sum, and the bins that hold any."""

    count: float
    total: float
    bins: tuple[Bin, ...]


NativeSample = tuple[float, Native]
"""Unix time in seconds, and the histogram then."""
NOTHING = Native(0.0, 0.0, ())


def increase(
    samples: Sequence[NativeSample],
    start: float,
    end: float,
    born: bool,
    resets: frozenset[float] = frozenset(),
) -> Native:
    """What one series observed within `(start, end]`; as `stats.counters.increase`, bin by bin.

    A sample in which any bin holds fewer than before is a reset: all of it counts. A change of the
    resolution is none: bins are held against each other where both samples know the bounds.
    Raises NotANumber for NaN, infinities and negative counts from the baseline on.
    """
    before = [sample for sample in samples if sample[0] <= start][-1:]
    inside = [sample for sample in samples if start < sample[0] <= end]
    if not before and born and inside:
        before = [(inside[0][0], NOTHING)]
    counted = before + inside
    if not all(_is_sound(found) for _, found in counted):
        raise NotANumber("a sample is not a finite number")
    steps = (
        found if time in resets else (since(earlier, found) or found)
        for (_, earlier), (time, found) in pairwise(counted)
    )
    return added(steps)


def reset_times(samples: Sequence[NativeSample]) -> frozenset[float]:
    """When the histogram started anew."""
    return frozenset(
        time for (_, earlier), (time, later) in pairwise(samples) if since(earlier, later) is None
    )


def _is_sound(found: Native) -> bool:
    counts = (found.count, *(count for _, _, count in found.bins))
    bounds = (bound for lower, upper, _ in found.bins for bound in (lower, upper))
    return (
        isfinite(found.total)
        and all(isfinite(count) and count >= 0 for count in counts)
        and not any(map(isnan, bounds))
    )


def since(earlier: Native, later: Native) -> Native | None:
    """What was observed between two samples; None where the later one started anew."""
    if later.count < earlier.count:
        return None
    bins = _grown(earlier.bins, later.bins)
    if bins is None:
        return None
    return Native(later.count - earlier.count, later.total - earlier.total, bins)


def _grown(earlier: Iterable[Bin], later: Iterable[Bin]) -> tuple[Bin, ...] | None:
    """Bin by bin where the later sample has all of the earlier one's, else on common bounds."""
    old = {(lower, upper): count for lower, upper, count in earlier}
    new = {(lower, upper): count for lower, upper, count in later}
    if old.keys() <= new.keys():
        grown = {bounds: count - old.get(bounds, 0.0) for bounds, count in new.items()}
    else:
        edges = common_edges([*earlier, *later])
        before, after = _cells(old, edges), _cells(new, edges)
        grown = {cell: after.get(cell, 0.0) - count for cell, count in before.items()}
        grown |= {cell: count for cell, count in after.items() if cell not in before}
    if any(count < -_NOISE for count in grown.values()):
        return None
    return tuple((lower, upper, count) for (lower, upper), count in grown.items() if count > 0)


def _cells(
    bins: dict[tuple[float, float], float], edges: Sequence[float]
) -> dict[tuple[float, float], float]:
    """Counts between neighbouring edges; an edge lies inside of no bin."""
    cells: dict[tuple[float, float], float] = {}
    limits = (-inf, *edges, inf)
    position = 0
    for (lower, upper), count in sorted(bins.items()):
        while _same(limits[position + 1]) <= _same(lower):
            position += 1
        cell = _cell(limits, position, upper)
        cells[cell] = cells.get(cell, 0.0) + count
    return cells


def _cell(limits: Sequence[float], position: int, upper: float) -> tuple[float, float]:
    last = position
    while _same(limits[last + 1]) < _same(upper):
        last += 1
    return limits[position], limits[last + 1]


def common_edges(bins: Sequence[Bin], wanted: Iterable[float] = ()) -> tuple[float, ...]:
    """The finite bounds of `bins`, or those that are `wanted`, which lie inside of no bin.

    At each of them it is known how many observations are at or below it.
    """
    bounds = [bound for lower, upper, _ in bins for bound in (lower, upper)]
    chosen = sorted({_same(edge) for edge in (wanted or bounds) if isfinite(edge)})
    blurred = list(_merged(sorted((_same(lower), _same(upper)) for lower, upper, _ in bins)))
    found: list[float] = []
    position = 0
    for edge in chosen:
        while position < len(blurred) and blurred[position][1] <= edge:
            position += 1
        if position == len(blurred) or edge <= blurred[position][0]:
            found.append(edge)
    return tuple(found)


def _merged(ranges: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Ranges that overlap in more than a bound, as one."""
    current: tuple[float, float] | None = None
    for low, high in ranges:
        if current is not None and low < current[1]:
            current = current[0], max(current[1], high)
            continue
        if current is not None:
            yield current
        current = low, high
    if current is not None:
        yield current


def added(many: Iterable[Native]) -> Native:
    """Several histograms as one; bins of different resolution stay beside each other."""
    count = total = 0.0
    bins: dict[tuple[float, float], float] = {}
    for each in many:
        count, total = count + each.count, total + each.total
        for lower, upper, number in each.bins:
            bins[lower, upper] = bins.get((lower, upper), 0.0) + number
    return Native(count, total, tuple((*bounds, number) for bounds, number in bins.items()))


def counts_on(found: Native, edges: Sequence[float]) -> tuple[float, ...]:
    """Observations per bucket of `edges` (+Inf last), none of which lies inside of a bin."""
    counts = [0.0] * (len(edges) + 1)
    position = 0
    for _, upper, count in sorted(found.bins):
        while position < len(edges) and edges[position] < _same(upper):
            position += 1
        counts[position] += count
    # What has no bin is NaN, which Prometheus counts, and which is above every edge.
    counts[-1] += max(0.0, found.count - sum(counts))
    return tuple(counts)


@cache
def grid(per_doubling: int, lowest: int, highest: int, divide_by: float = 1.0) -> tuple[float, ...]:
    """Powers of two and what is evenly between them, from 2^lowest to 2^highest.

    With `divide_by` the same in the histogram's unit: 1000 for milliseconds.
    """
    shift = frexp(divide_by)[1] if divide_by != 1.0 else 0
    steps = range((lowest + shift) * per_doubling, (highest + shift) * per_doubling + 1)
    return tuple(_same(2.0 ** (step / per_doubling)) for step in steps)


def is_exponential(bins: Iterable[Bin]) -> bool:
    """Whether all bounds are powers of 2^(2^-schema), and not of the exporter's choosing."""
    return all(
        _is_power_bin(abs(lower), abs(upper))
        for lower, upper, _ in bins
        if not lower <= 0 <= upper or lower == -inf
    )


def _is_power_bin(one: float, other: float) -> bool:
    low, high = min(one, other), max(one, other)
    if low == 0 or high == inf:
        return False
    width = log2(high / low)
    per_doubling = round(1 / width) if width <= 1 else 1
    steps = log2(high) * per_doubling
    return abs(steps - round(steps)) < _NOISE


def _same(bound: float) -> float:
    """A bound as it compares: servers differ in the last digit of a power of two."""
    return bound if not isfinite(bound) else float(f"{bound:.{_DIGITS}g}")
