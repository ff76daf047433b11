"""Performance: how often the candidate errs more than the incumbent, and whether it ranks worse.

Accuracy, precision and recall are shares of cases, so one less each of them is a common proportion
of mistakes (`contrasts.proportion`). The AUC is a mean over pairs; its contrast is

    y = AUC_0 − AUC_1 − δ,    v = V(Ā, n0⁺, n0⁻) + V(Ā, n1⁺, n1⁻)

with the variance V of J. A. Hanley and B. J. McNeil (1982) at the arms' mean Ā, as it is under
equality.
"""

from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts, LabeledHistogram
from surefoot.stats.performance import AUC, area_under_curve, confusion
from surefoot.stats.scalarbet import Contrast, Reading

MIN_OF_EACH = 5.0
"""Fewer positives or negatives than this in an arm: the interval is not judged."""


def wrong_decisions(scores: LabeledHistogram, threshold: float) -> Counts:
    """1 − accuracy as counts. Raises NotAnEdge as `confusion` does."""
    found = confusion(scores, threshold)
    return Counts(found.false_positives + found.false_negatives, scores.samples)


def wrong_yes(scores: LabeledHistogram, threshold: float) -> Counts:
    """1 − precision as counts: how many of all yes did not come true."""
    found = confusion(scores, threshold)
    return Counts(found.false_positives, found.true_positives + found.false_positives)


def missed(scores: LabeledHistogram, threshold: float) -> Counts:
    """1 − recall as counts: how many of all positives got a no."""
    found = confusion(scores, threshold)
    return Counts(found.false_negatives, found.positives)


def auc_variance(area: float, positives: float, negatives: float) -> float:
    """The sampling variance of an AUC (Hanley and McNeil, 1982, their formula 1).

    `area` within (0, 1), both numbers at least 1. The area is kept one pair away from 0 and 1,
    where the formula would promise certainty.
    """
    least = 1.0 / (positives * negatives + 1.0)
    a = min(max(area, least), 1.0 - least)
    q1, q2 = a / (2.0 - a), 2.0 * a * a / (1.0 + a)
    spread = a * (1.0 - a) + (positives - 1.0) * (q1 - a * a) + (negatives - 1.0) * (q2 - a * a)
    return spread / (positives * negatives)


def auc_below(interval: Interval[LabeledHistogram], margin: float) -> Reading:
    """y above 0: the candidate's AUC is lower than the incumbent's by more than `margin`."""
    return _reading(interval, 1.0, -margin)


def auc_within(interval: Interval[LabeledHistogram], margin: float) -> Reading:
    """The mirror of `auc_below`: y = AUC_1 − AUC_0 + `margin`."""
    return _reading(interval, -1.0, margin)


def _reading(interval: Interval[LabeledHistogram], sign: float, offset: float) -> Reading:
    arms = [_area(arm) for arm in (interval.incumbent, interval.candidate)]
    old, new = arms
    contrast = None
    if old is not None and new is not None:
        mean = (old[0].value + new[0].value) / 2.0
        v = sum(auc_variance(mean, positives, negatives) for _, positives, negatives in (old, new))
        contrast = Contrast(sign * (old[0].value - new[0].value) + offset, v)
    return Reading(interval.end, interval.step, contrast)


def _area(arm: LabeledHistogram | None) -> tuple[AUC, float, float] | None:
    if arm is None or min((*arm.positives, *arm.negatives), default=-1.0) < 0:
        return None
    positives, negatives = arm.positives_total, arm.negatives_total
    if not (MIN_OF_EACH <= positives < float("inf") and MIN_OF_EACH <= negatives < float("inf")):
        return None
    found = area_under_curve(arm)
    return (found, positives, negatives) if found is not None else None
