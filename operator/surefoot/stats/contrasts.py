"""What each signal feeds to its test, where one interval's counts are all that is needed.

Each function has a twin for promotion: `…_within` turns the contrast round, so that evidence says
"not worse than the promote margin". Signals that learn a direction from past intervals have a
module of their own: latencybet, driftbet, calibrationbet and fairnessbet.
"""

from math import isfinite, log

from surefoot.stats.drift import EdgesDiffer, population_stability_index
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts, Histogram, LabeledScores, Scalar
from surefoot.stats.scalarbet import Contrast, Reading


def exceedances(interval: Interval[Histogram], edge: float) -> Interval[Counts]:
    """Counts of the observations above `edge`, which has to be one of each arm's edges.

    An arm that has no such edge was not measured: the edges were changed under way.
    """
    return Interval(
        interval.end,
        interval.step,
        _above(interval.incumbent, edge),
        _above(interval.candidate, edge),
    )


def _above(arm: Histogram | None, edge: float) -> Counts | None:
    if arm is None or edge not in arm.edges:
        return None
    first = arm.edges.index(edge) + 1
    return Counts(sum(arm.counts[first:]), arm.samples)


def proportion(interval: Interval[Counts], margin: float) -> Reading:
    """A common proportion (above 5 %): y = p̂1 − p̂0 − `margin`, an absolute difference.

    v = p(1 − p)(1/n1 + 1/n0) with the pooled proportion p, one event and one non-event added.
    """
    return _reading(interval, _difference(interval, 1.0, -margin))


def proportion_within(interval: Interval[Counts], margin: float) -> Reading:
    """The mirror of `proportion`: y = p̂0 − p̂1 + `margin`."""
    return _reading(interval, _difference(interval, -1.0, margin))


def _difference(interval: Interval[Counts], sign: float, offset: float) -> Contrast | None:
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None or not (old.total > 0 and new.total > 0):
        return None
    share = (old.bad + new.bad + 1.0) / (old.total + new.total + 2.0)
    y = sign * (new.bad / new.total - old.bad / old.total) + offset
    return Contrast(y, share * (1.0 - share) * (1.0 / new.total + 1.0 / old.total))


def gauge(interval: Interval[Scalar], margin: float, log_ratio: bool = False) -> Reading:
    """Any scalar: y = x1 − x0 − `margin`, or ln(x1/x0) − `margin` (both have to be positive).

    A gauge has no sampling variance. Its margin (> 0) is the unit: v = margin². Bet on it with
    `ScalarParams(sampled=False)`.
    """
    return _reading(interval, _gap(interval, margin, log_ratio, 1.0))


def gauge_within(interval: Interval[Scalar], margin: float, log_ratio: bool = False) -> Reading:
    """The mirror of `gauge`: y = `margin` − (x1 − x0), or − ln(x1/x0)."""
    return _reading(interval, _gap(interval, margin, log_ratio, -1.0))


def _gap(
    interval: Interval[Scalar], margin: float, log_ratio: bool, sign: float
) -> Contrast | None:
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None or not (isfinite(old.value) and isfinite(new.value)):
        return None
    if log_ratio and not (old.value > 0 and new.value > 0):
        return None
    gap = log(new.value) - log(old.value) if log_ratio else new.value - old.value
    return Contrast(sign * (gap - margin), margin * margin)


def drift_within(interval: Interval[Histogram], margin: float) -> Reading:
    """For promotion: y = `margin` − PSI of the interval, which noise only makes larger.

    v = 4·margin·s + 2(B − 1)·s², s = 1/n1 + 1/n0: the variance of a noncentral χ² times s.
    """
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None or not (old.samples > 0 and new.samples > 0):
        return _reading(interval, None)
    try:
        found = population_stability_index(new, old)
    except EdgesDiffer:
        return _reading(interval, None)
    s = 1.0 / new.samples + 1.0 / old.samples
    v = 4.0 * margin * s + 2.0 * (found.bins - 1) * s * s
    return _reading(interval, Contrast(margin - found.value, v) if found.bins > 1 else None)


Bins = tuple[LabeledScores, ...]
"""Scores with outcomes, by bin of the score. Both arms have the same bins."""


Gaps = tuple[tuple[float, ...], float]


def calibration_gaps(interval: Interval[Bins]) -> Gaps | None:
    """(d_b, v): per bin (positives − Σ scores)/n of the candidate less that of the incumbent.

    v is the variance of Σ d_b if scores are probabilities: Σ S_b(1 − S_b/n_b)/n² of both arms, S_b
    being the bin's sum of scores. None where an arm has no scores or the numbers of bins differ.
    """
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None or len(old) != len(new):
        return None
    n0, n1 = sum(b.total for b in old), sum(b.total for b in new)
    if not (n0 > 0 and n1 > 0):
        return None
    gaps = tuple(
        (b.positives - b.score_sum) / n1 - (a.positives - a.score_sum) / n0
        for a, b in zip(old, new, strict=True)
    )
    if not all(map(isfinite, gaps)):
        return None
    return gaps, sum(map(_spread, old)) / n0**2 + sum(map(_spread, new)) / n1**2


def _spread(cell: LabeledScores) -> float:
    return cell.score_sum * (1.0 - cell.score_sum / cell.total) if cell.total > 0 else 0.0


def calibration_within(interval: Interval[Bins], margin: float) -> Reading:
    """For promotion: y = `margin` − Σ|d_b|, which noise only makes smaller."""
    found = calibration_gaps(interval)
    if found is None:
        return _reading(interval, None)
    gaps, v = found
    return _reading(interval, Contrast(margin - sum(map(abs, gaps)), v))


def _reading(interval: Interval[object], contrast: Contrast | None) -> Reading:
    return Reading(interval.end, interval.step, contrast)
