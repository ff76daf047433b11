"""Kayenta's rule: Mann-Whitney on one number per minute and arm, for all runs of a cell at once.

A running score, as in `judge_peers`: the metric fails where it is above the tolerance. Where there
is a choice of number, it is one that helps Kayenta. NaN is a minute without a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from tests.bench import judge_traffic as traffic
from tests.bench.judge_traffic import MINUTES, Arms, Floats, Stream

Direction = Literal["high", "low", "either"]
TOLERANCE = 0.25
LOOK_MINUTES = 10
_CONFIDENCE = NormalDist().inv_cdf(1 - 0.02 / 2)
_AT_ONCE = 100
"""Runs whose differences are sorted together: what fits into a cache."""


def mann_whitney(old: Floats, new: Floats, direction: Direction = "high") -> Floats:
    """Kayenta's classifier every ten minutes on all minutes so far; numbers are (runs, minutes).

    The metric is High if the lower end of the 98 % interval of the Hodges-Lehmann estimate is above
    a quarter of the estimate's size; the score is their quotient. Low mirrors it.
    """
    seen = np.isfinite(old) & np.isfinite(new)
    arms = np.where(seen, old, np.nan), np.where(seen, new, np.nan)
    out = np.full(old.shape, -np.inf)
    for end in range(LOOK_MINUTES, MINUTES + 1, LOOK_MINUTES):
        a, b = (_trimmed(arm[:, :end]) for arm in arms)
        for first in range(0, len(out), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            out[some, end - 1] = _quotients(b[some], a[some], direction)
    return np.asarray(np.maximum.accumulate(out, axis=1))


def _trimmed(values: Floats) -> Floats:
    """NaN for what lies three interquartile ranges outside, as Kayenta's IQRDetector removes it."""
    ranked, count = np.sort(values, axis=1), np.isfinite(values).sum(axis=1)
    low, high = (_between(ranked, share * np.maximum(count - 1, 0)) for share in (0.25, 0.75))
    reach = np.where(count >= 4, 3 * (high - low), 0.0)[:, None]
    inside = (values >= low[:, None] - reach) & (values <= high[:, None] + reach)
    return np.where(inside | ~(reach > 0), values, np.nan)


def _between(ranked: Floats, place: Floats) -> Floats:
    """Each row's value at a fractional place, interpolated linearly."""
    rows, below = np.arange(len(ranked)), np.floor(place).astype(int)
    above = np.ceil(place).astype(int)
    start = ranked[rows, below]
    return np.asarray(start + (ranked[rows, above] - start) * (place - below))


def _quotients(new: Floats, old: Floats, direction: Direction) -> Floats:
    """Confidence limit over |estimate|, by the normal approximation of the rank sum."""
    gaps = np.sort((new[:, :, None] - old[:, None, :]).reshape(len(new), -1), axis=1)
    a, b = (np.isfinite(arm).sum(axis=1) for arm in (new, old))
    pairs, rows = a * b, np.arange(len(gaps))
    estimate = np.abs(_between(gaps, np.maximum(pairs - 1, 0) / 2))
    spread = _CONFIDENCE * np.sqrt(pairs * (a + b + 1) / 12)
    rank = np.maximum(0, (pairs / 2 - spread).astype(int))
    low, high = gaps[rows, rank], gaps[rows, np.maximum(pairs - 1 - rank, 0)]
    side = {"high": low, "low": -high, "either": np.maximum(low, -high)}[direction]
    known = (a >= 4) & (b >= 4) & (estimate > 0)
    return np.where(known, side / np.where(known, estimate, 1.0), -np.inf)


def p99(buckets: Floats) -> Floats:
    """Seconds, by linear interpolation in the bucket as `histogram_quantile` does."""
    edges = np.array([0.0, *traffic.LATENCY_EDGES])
    below = np.cumsum(buckets, axis=-1)
    rank = 0.99 * below[..., -1:]
    found = (below < rank).sum(axis=-1, keepdims=True)
    at = np.minimum(found, len(edges) - 2)
    count = np.take_along_axis(buckets, at, axis=-1)
    start = np.take_along_axis(below, at, axis=-1) - count
    inside = np.where(found > at, 1.0, (rank - start) / np.maximum(count, 1))
    value = edges[at] + (edges[at + 1] - edges[at]) * inside
    return np.asarray(np.where(rank > 0, value, np.nan)[..., 0])


def psi(counts: Floats, expected: Floats) -> Floats:
    """PSI of each minute against the `expected` shares, less what noise adds, (B − 1)/n.

    Half an observation is added per bin, so that an empty one does not decide.
    """
    n, bins = counts.sum(axis=-1), counts.shape[-1]
    p = (counts + 0.5 * bins * expected) / (n[..., None] + 0.5 * bins)
    value = ((p - expected) * np.log(p / expected)).sum(axis=-1)
    return np.where(n > 0, value - (bins - 1) / np.maximum(n, 1), np.nan)


def gap(found: Arms) -> Floats:
    """Mean label less mean score."""
    k, n = found
    return _ratio((k - n * traffic.bin_scores()).sum(axis=-1), n.sum(axis=-1))


def gap_by_bin(found: Arms) -> Floats:
    """The calibration error over the bins of scores, less what noise adds to it."""
    k, n = found
    middle = traffic.bin_scores()
    noise = np.sqrt(2 / np.pi * n * middle * (1 - middle))
    return _ratio((np.abs(k - n * middle) - noise).sum(axis=-1), n.sum(axis=-1))


def impact(found: Arms) -> Floats:
    """The smaller group's selection rate over the larger one's: the pair is named beforehand."""
    k, n = found
    return _ratio(k[..., 1] * n[..., 0], k[..., 0] * n[..., 1])


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.where(below > 0, above / np.maximum(below, 1e-9), np.nan))


def _each(number: Callable[[Any], Floats]) -> Callable[[Any], Arms]:
    return lambda drawn: (number(drawn[0]), number(drawn[1]))


def _psi_of_both(buckets: Arms) -> Arms:
    hour = buckets[0].sum(axis=1, keepdims=True)
    expected = hour / hour.sum(axis=-1, keepdims=True)
    return psi(buckets[0], expected), psi(buckets[1], expected)


@dataclass(frozen=True)
class Number:
    """What Kayenta is given of a signal, and on which side of the incumbent's it is bad."""

    name: str
    words: str
    of: Callable[[Any], Arms]
    direction: Direction

    def score(self, stream: Stream, drawn: Any) -> Floats:
        """The running score on what was drawn for the signal."""
        old, new = (np.where(stream.judged, arm, np.nan) for arm in self.of(drawn))
        return mann_whitney(old, new, self.direction)


NUMBERS = {
    "latency": (
        Number("p99", "from the minute's buckets as `histogram_quantile` does", _each(p99), "high"),
    ),
    "drift": (
        Number(
            "PSI",
            "of the arm's minute against the incumbent's whole hour, as if that were known"
            " beforehand, smoothed and less what noise adds to it",
            _psi_of_both,
            "high",
        ),
    ),
    "calibration": (
        Number("gap", "mean label less mean score, bad on either side", _each(gap), "either"),
        Number(
            "gap by bin",
            "the error over ten bins of scores, less what noise adds to it",
            _each(gap_by_bin),
            "high",
        ),
    ),
    "fairness": (
        Number(
            "ratio",
            "selection rate of the group with the fault over the other's, as if known beforehand",
            _each(impact),
            "low",
        ),
    ),
}
"""Per signal. Gaps in one direction are told by the first number, in both by the second."""
