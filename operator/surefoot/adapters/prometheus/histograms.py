"""Histograms, classic from their `_bucket` series or native: bins, on edges that both arms have."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.increases import Sheet, joined
from surefoot.adapters.prometheus.labels import Rest
from surefoot.adapters.prometheus.payload import Series
from surefoot.api.signal_status import MOST_EDGES
from surefoot.stats.measures import Histogram

Cumulative = Mapping[float, float]
Grid = tuple[float, ...]
_NOISE = 1e-6


@dataclass(frozen=True, slots=True)
class Natives:
    """What native histograms observed together, and the edges that it may be put on."""

    found: native.Native
    wanted: Grid


Observed = list[Cumulative] | Natives
"""One mapping per exported classic histogram, or all native ones together."""


class UnsoundBuckets(ValueError):
    """Buckets that do not make up a histogram; the message ends a sentence."""


class EdgesDisagree(UnsoundBuckets):
    """Histograms whose bucket edges differ, where the difference matters."""


def cumulative(sheet: Sheet, buckets: Iterable[Series]) -> list[Cumulative]:
    """Observations at or below each edge in the window, one mapping per exported histogram.

    Raises UnsoundBuckets and NotANumber.
    """
    exported: dict[Rest, dict[float, Series]] = defaultdict(dict)
    for series in buckets:
        labels = series.labels
        edge, rest = labels.edge, labels.rest
        if edge is None:
            le = labels.get("le")
            said = f"le={le!r}, which is no number" if le is not None else "no label le"
            raise UnsoundBuckets(f"has a bucket with {said}: keep it when relabelling")
        buckets_of_one = exported[rest]
        if edge in buckets_of_one:
            samples = joined(buckets_of_one[edge].samples, series.samples)
            series = Series(labels, samples)
        buckets_of_one[edge] = series
    _check_number(len({edge for each in exported.values() for edge in each} - {inf}))
    return [_risen(sheet, each) for each in exported.values()]


def _check_number(edges: int) -> None:
    """Raises UnsoundBuckets for more edges than a status can keep, and a tick can compare."""
    if edges > MOST_EDGES:
        raise UnsoundBuckets(f"has {edges} bucket edges: export at most {MOST_EDGES}")


def _risen(sheet: Sheet, by_edge: Mapping[float, Series]) -> Cumulative:
    if inf not in by_edge:
        raise UnsoundBuckets('has no bucket le="+Inf": export it, or keep it when relabelling')
    if len(by_edge) == 1:
        raise UnsoundBuckets('has only the bucket le="+Inf": export finite edges')
    found = sheet.risen_together(by_edge)
    risen = {edge: found[edge] for edge in sorted(found)}
    if any(above < below - _NOISE for below, above in pairwise(risen.values())):
        raise UnsoundBuckets("has buckets that fall as their edges rise: check its exporter")
    return risen


def native_of(sheet: Sheet, series: Sequence[Series], grid: Grid) -> Natives:
    """Native histograms in the window. Raises UnsoundBuckets and NotANumber.

    Bounds of the exporter's choosing are edges themselves; only those of buckets that ever held an
    observation are known.
    """
    found = sheet.observed(series)
    seen = [each for one in series for _, sample in one.natives for each in sample.bins]
    if seen and not native.is_exponential(seen):
        wanted = native.common_edges(seen)
        _check_number(len(wanted))
        return Natives(found, wanted)
    return Natives(found, grid)


def edges_of(*arms: Observed) -> Grid:
    """Every finite edge that any classic histogram of these arms has, rising; of native ones those
    at which all of them are known."""
    natives = [arm for arm in arms if isinstance(arm, Natives)]
    if natives:
        wanted = {edge for each in natives for edge in each.wanted}
        return native.common_edges([b for each in natives for b in each.found.bins], wanted)
    classic = [arm for arm in arms if not isinstance(arm, Natives)]
    return tuple(sorted({edge for arm in classic for each in arm for edge in each if edge < inf}))


def binned(arm: Observed, edges: Grid, divide_by: float = 1.0) -> Histogram:
    """The arm's histograms as one, on `edges`. Raises EdgesDisagree."""
    if len(edges) > MOST_EDGES:
        text = f"has other bucket edges than another one, {len(edges)} together"
        raise EdgesDisagree(text)
    scaled = tuple(edge / divide_by for edge in edges)
    if isinstance(arm, Natives):
        if not edges:
            raise EdgesDisagree("has no bucket edge that the other histograms have, too")
        counts = native.counts_on(arm.found, edges)
        return Histogram(scaled, counts, arm.found.total / divide_by)
    places = {edge: place for place, edge in enumerate((*edges, inf))}
    filled = [_filled(each, places) for each in arm]
    at_most = map(sum, zip(*filled, strict=True)) if filled else [0.0] * (len(edges) + 1)
    counts = tuple(max(0.0, above - below) for below, above in pairwise([0.0, *at_most]))
    return Histogram(scaled, counts)


def _filled(risen: Cumulative, places: Mapping[float, int]) -> list[float]:
    """Cumulative counts at every edge; an absent bucket counts as empty where that is proven.

    It is when nothing was observed between the neighbours it has: then each bin between them is 0.
    Else the observations may lie on either side of the edge, and any choice would be invented drift.
    `places` are those of all edges, +Inf among them, in their order.
    """
    if len(risen) == len(places):
        return list(risen.values())
    below = 0.0
    filled: list[float] = []
    for edge, found in risen.items():
        missing = places[edge] - len(filled)
        if missing and found - below > _NOISE:
            first = next(each for each, place in places.items() if place == len(filled))
            raise EdgesDisagree(f"has no bucket edge {first:g}, which another one has")
        # One step for each bucket that is there, however many edges the others have.
        filled += [below] * missing
        filled.append(found)
        below = found
    return filled
