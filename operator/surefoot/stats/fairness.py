"""Whether declared groups are treated alike: how far the rates of a yes differ between them."""

from dataclasses import dataclass

from surefoot.stats.bins import decided_from
from surefoot.stats.measures import Counts, GroupRates, Histogram, LabeledHistogram
from surefoot.stats.performance import confusion


@dataclass(frozen=True, slots=True)
class Disparity:
    """A difference between groups, or None; the note names the groups, or says why there is none."""

    value: float | None
    note: str


def demographic_parity_ratio(rates: GroupRates) -> Disparity:
    """The lowest over the highest share of a yes, between 0 and 1: 1 is equal treatment.

    A common limit is 0.8, the four-fifths rule (29 CFR 1607.4 D). No value where a group has no
    samples, where fewer than two groups are declared, or where no group has a single yes.
    """
    if problem := _problem(rates):
        return Disparity(None, problem)
    low, high = _extremes(rates)
    if high[1] <= 0:
        return Disparity(None, "no group has a single yes, so there is no ratio")
    return Disparity(low[1] / high[1], _named(low, high))


def rate_difference(rates: GroupRates) -> Disparity:
    """The highest less the lowest rate, between 0 and 1: 0 is equal treatment.

    Of true positive rates it is the equal opportunity difference (M. Hardt et al., "Equality of
    Opportunity in Supervised Learning", 2016), of false positive rates the difference in those. No
    value where a group has no samples, or where fewer than two groups are declared.
    """
    if problem := _problem(rates):
        return Disparity(None, problem)
    low, high = _extremes(rates)
    return Disparity(high[1] - low[1], _named(low, high))


def selected(scores: Histogram, threshold: float) -> Counts:
    """Of one group's scores, how many are above `threshold`, a bucket edge. Raises NotAnEdge."""
    first = decided_from(scores.edges, threshold)
    return Counts(bad=sum(scores.counts[first:]), total=scores.samples)


def true_positives(scores: LabeledHistogram, threshold: float) -> Counts:
    """Of one group's positives, how many are above `threshold`, a bucket edge. Raises NotAnEdge."""
    found = confusion(scores, threshold)
    return Counts(bad=found.true_positives, total=found.positives)


def false_positives(scores: LabeledHistogram, threshold: float) -> Counts:
    """Of one group's negatives, how many are above `threshold`, a bucket edge. Raises NotAnEdge."""
    found = confusion(scores, threshold)
    return Counts(bad=found.false_positives, total=found.negatives)


def _problem(rates: GroupRates) -> str:
    missing = [name for name, counts in rates.groups if counts.total <= 0]
    if missing:
        return f"no samples of {'group' if len(missing) == 1 else 'groups'} {', '.join(missing)}"
    return "" if len(rates.groups) > 1 else "a comparison needs two groups or more"


def _extremes(rates: GroupRates) -> tuple[tuple[str, float], tuple[str, float]]:
    """The group with the lowest rate and the one with the highest; ties go to the first by name."""
    shares = sorted((name, counts.bad / counts.total) for name, counts in rates.groups)
    return min(shares, key=lambda share: share[1]), max(shares, key=lambda share: share[1])


def _named(low: tuple[str, float], high: tuple[str, float]) -> str:
    return f"lowest: {low[0]} with {low[1]:.3g}, highest: {high[0]} with {high[1]:.3g}"
