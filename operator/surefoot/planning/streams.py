"""What both arms would count in a stretch of time, drawn at random around a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from random import Random

from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalType
from surefoot.engine.margins import worse_is_lower
from surefoot.planning.draws import Wander, binomial, multinomial, poisson
from surefoot.planning.shifts import middles_of, shifted, slower
from surefoot.planning.today import Baseline, Today
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Ratio,
)

LOAD, SHARED, OWN = 0.15, 0.25, 0.1
"""Standard deviations of what wanders: the traffic, both arms' error rates together, each by itself."""
_KEEP_LOAD, _KEEP_SHARED, _KEEP_OWN = 0.8, 0.7, 0.6
_SLOWNESS = 0.2
"""Durations wander by this share of what error rates do."""
_FINE = 50.0
_LOWEST = 0.95
"""How far a ratio falls at most: nothing can be said of the logarithm of none."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Both arms in one stretch of time."""

    incumbent: Measure
    candidate: Measure


class Stream:
    """One simulated release: ask it for cells in the order of time.

    The candidate is worse by `size` from its first request on (see `shifts`).
    """

    def __init__(
        self, rng: Random, signal: Signal, today: Today, baseline: Baseline, size: float = 0.0
    ) -> None:
        self._rng, self._rps, self._each = rng, today.rps, baseline.per_request
        bad = shifted(signal, baseline.measure, _signed(signal, size)) if size else baseline.measure
        self._arms = (_Arm(signal, baseline.measure), _Arm(signal, bad))
        self._load = Wander(rng, LOAD, _KEEP_LOAD)
        self._shared = Wander(rng, SHARED, _KEEP_SHARED)
        self._own = (Wander(rng, OWN, _KEEP_OWN), Wander(rng, OWN, _KEEP_OWN))

    def cell(self, seconds: float, weight: int) -> Cell:
        """The next `seconds`, with `weight` percent of the requests at the candidate."""
        samples = self._rps * seconds * self._each * self._load.next()
        shared, part = self._shared.next(), weight / 100.0
        # At 100 the candidate is held against what the incumbent showed while it had traffic.
        parts = (1.0 - part if part < 1.0 else 1.0, part)
        drawn = [
            arm.draw(self._rng, poisson(self._rng, samples * share), shared * own.next())
            for arm, own, share in zip(self._arms, self._own, parts, strict=True)
        ]
        return Cell(drawn[0], drawn[1])


def _signed(signal: Signal, size: float) -> float:
    """A ratio gets worse upwards or downwards, as its comparison or its limit says."""
    if signal.type is not SignalType.BUSINESS:
        return size
    limit = signal.threshold
    falls = limit is not None and limit.max is None
    return -min(_LOWEST, size) if worse_is_lower(signal) or falls else size


class _Arm:
    """Draws of one arm. Histograms at a few degrees of slowness are kept: they cost most."""

    def __init__(self, signal: Signal, measure: Measure) -> None:
        self._latency = signal.quantile is not None
        self._measure = measure
        self._kept: dict[int, tuple[float, ...]] = {}

    def draw(self, rng: Random, n: int, factor: float) -> Measure:
        """`n` samples; `factor` is by what rates (or, less so, durations) wander now."""
        match self._measure:
            case Counts(bad, total):
                rate = min(1.0, bad / total * factor) if total > 0 else 0.0
                return Counts(float(binomial(rng, n, rate)), float(n))
            case Ratio(numerator, denominator):
                rate = numerator / denominator if denominator > 0 else 0.0
                found = binomial(rng, n, rate) if rate <= 1 else poisson(rng, n * rate)
                return Ratio(float(found), float(n))
            case Histogram():
                return self._histogram(rng, n, factor)
            case LabeledHistogram():
                return _labelled(rng, n, self._measure)
            case LabeledScores():
                return _scores(rng, n, self._measure)
            case _:
                assert isinstance(self._measure, GroupRates)
                return _groups(rng, n, self._measure)

    def _histogram(self, rng: Random, n: int, factor: float) -> Histogram:
        assert isinstance(self._measure, Histogram)
        at = round(_FINE * _SLOWNESS * log(factor)) if self._latency else 0
        if at not in self._kept:
            self._kept[at] = _shares(slower(self._measure, 1.0 + at / _FINE).counts)
        counts = multinomial(rng, n, self._kept[at])
        total = None
        if self._measure.total is not None:
            middles = middles_of(self._measure.edges)
            total = sum(c * m for c, m in zip(counts, middles, strict=True))
        return Histogram(self._measure.edges, counts, total)


def _shares(counts: Sequence[float]) -> tuple[float, ...]:
    whole = sum(counts)
    return tuple(count / whole for count in counts) if whole > 0 else (1.0, *[0.0] * len(counts))


def _labelled(rng: Random, n: int, base: LabeledHistogram) -> LabeledHistogram:
    cells = multinomial(rng, n, _shares((*base.positives, *base.negatives)))
    half = len(base.positives)
    positives, negatives = cells[:half], cells[half:]
    middles = middles_of(base.edges)
    score_sum = sum(m * (a + b) for m, a, b in zip(middles, positives, negatives, strict=True))
    return LabeledHistogram(base.edges, positives, negatives, score_sum)


def _scores(rng: Random, n: int, base: LabeledScores) -> LabeledScores:
    share = base.positives / base.total if base.total > 0 else 0.0
    mean = base.score_sum / base.total if base.total > 0 else 0.0
    return LabeledScores(float(binomial(rng, n, share)), mean * n, float(n))


def _groups(rng: Random, n: int, base: GroupRates) -> GroupRates:
    sizes = multinomial(rng, n, _shares([counts.total for _, counts in base.groups]))
    return GroupRates(
        tuple(
            (name, Counts(float(binomial(rng, int(m), c.bad / c.total if c.total else 0.0)), m))
            for (name, c), m in zip(base.groups, sizes, strict=True)
        )
    )


def merged(measures: Sequence[Measure]) -> Measure:
    """The same arm over several stretches (at least one) as over one."""
    first = measures[0]
    if len(measures) == 1:
        return first
    match first:
        case Counts():
            return Counts(_sum(measures, "bad"), _sum(measures, "total"))
        case Ratio():
            return Ratio(_sum(measures, "numerator"), _sum(measures, "denominator"))
        case LabeledScores():
            parts = (_sum(measures, name) for name in ("positives", "score_sum", "total"))
            return LabeledScores(*parts)
        case Histogram(edges, _, total):
            whole = _sum(measures, "total") if total is not None else None
            return Histogram(edges, _columns(measures, "counts"), whole)
        case LabeledHistogram(edges, _, _, score_sum):
            whole = _sum(measures, "score_sum") if score_sum is not None else None
            return LabeledHistogram(
                edges, _columns(measures, "positives"), _columns(measures, "negatives"), whole
            )
        case GroupRates(groups):
            lists = [m.groups for m in measures if isinstance(m, GroupRates)]
            return GroupRates(
                tuple(
                    (
                        name,
                        Counts(sum(g[i][1].bad for g in lists), sum(g[i][1].total for g in lists)),
                    )
                    for i, (name, _) in enumerate(groups)
                )
            )
        case _:
            return measures[-1]


def _sum(measures: Sequence[Measure], name: str) -> float:
    return float(sum(getattr(measure, name) for measure in measures))


def _columns(measures: Sequence[Measure], name: str) -> tuple[float, ...]:
    return tuple(map(sum, zip(*(getattr(m, name) for m in measures), strict=True)))
