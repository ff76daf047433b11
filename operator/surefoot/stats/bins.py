"""Buckets: where they begin and end, which are merged, and whether two histograms compare."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isclose

from surefoot.stats.measures import Histogram, LabeledHistogram

MIN_EXPECTED = 5.0
CROWDED = 0.5


class EdgesDiffer(ValueError):
    """The two histograms have different bucket edges, so their bins cannot be compared."""


class NotAnEdge(ValueError):
    """A decision threshold that lies inside of a bucket, which does not tell its two sides apart."""


def check_comparable(p: Histogram, q: Histogram) -> None:
    """Raises EdgesDiffer, and ValueError for a histogram without observations."""
    if p.edges != q.edges:
        raise EdgesDiffer("the histograms have different bucket edges")
    if p.samples <= 0 or q.samples <= 0:
        raise ValueError("a comparison needs observations in both histograms")


def filled(p: Histogram, q: Histogram) -> int:
    """How many buckets hold an observation of either arm."""
    return sum(a + b > 0 for a, b in zip(p.counts, q.counts, strict=True))


def merged(p: Histogram, q: Histogram) -> Iterator[tuple[float, float]]:
    """Adjacent bins, merged until each expects enough; at least one is returned.

    From the lowest edge up: a bin is closed as soon as `(p_b + q_b)·min(n, m)/(n + m) ≥ 5`, which
    is what the smaller arm expects in it if both arms have the pooled distribution; what is left
    over at the top joins the last bin.
    """
    n, m = p.samples, q.samples
    scale = min(n, m) / (n + m)
    closed: list[tuple[float, float]] = []
    a = b = 0.0
    for p_count, q_count in zip(p.counts, q.counts, strict=True):
        a, b = a + p_count, b + q_count
        if (a + b) * scale >= MIN_EXPECTED:
            closed.append((a, b))
            a = b = 0.0
    last = closed.pop() if closed else (0.0, 0.0)
    yield from closed
    yield last[0] + a, last[1] + b


def bucket_ranges(edges: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """(lower, upper) of every bucket, in the histogram's unit.

    The open buckets are given ends as Prometheus gives them for quantiles: the first begins at 0,
    or has no width where its edge is not positive; the last has no width, so what lies above the
    last finite edge counts as if it lay at that edge.
    """
    if not edges:
        return ((0.0, 0.0),)
    return tuple(pairwise((min(0.0, edges[0]), *edges, edges[-1])))


def probability_ranges(edges: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """(lower, upper) of every bucket of a score in [0, 1]: the first begins at 0, the last ends at
    1, and edges outside of it are moved to its end."""
    inside = (min(max(edge, 0.0), 1.0) for edge in edges)
    return tuple(pairwise((0.0, *inside, 1.0)))


def decided_from(edges: Sequence[float], threshold: float) -> int:
    """The first bucket that lies above `threshold`: scores equal to an edge are below it, as `le`
    counts them. Raises NotAnEdge, naming the nearest edges, where `threshold` is not an edge."""
    for index, edge in enumerate(edges):
        if isclose(edge, threshold, rel_tol=1e-9, abs_tol=1e-12):
            return index + 1
    below = [edge for edge in edges if edge < threshold][-1:]
    above = [edge for edge in edges if edge > threshold][:1]
    nearest = " and ".join(f"{edge:g}" for edge in below + above)
    said = f"the nearest: {nearest}" if nearest else "the histogram has no finite edge"
    raise NotAnEdge(f"the decision threshold {threshold:g} is not a bucket edge ({said})")


def heavy_bucket(histogram: Histogram | LabeledHistogram, over: float = CROWDED) -> int | None:
    """The bucket that holds more than this share of all observations; None where none does."""
    counts = histogram.counts
    heaviest = max(range(len(counts)), key=lambda index: counts[index])
    return heaviest if counts[heaviest] > over * histogram.samples else None


def bucket_name(edges: Sequence[float], index: int) -> str:
    """A bucket in words, by its edges."""
    if not edges:
        return "it has no finite edge"
    if index == 0:
        return f"up to {edges[0]:g}"
    if index == len(edges):
        return f"above {edges[-1]:g}"
    return f"{edges[index - 1]:g} to {edges[index]:g}"
