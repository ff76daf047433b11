"""How well scores tell positives from negatives, from buckets of labelled scores."""

from dataclasses import dataclass

from surefoot.stats.bins import decided_from
from surefoot.stats.measures import LabeledHistogram


@dataclass(frozen=True, slots=True)
class AUC:
    """The area under the ROC curve; the area of the unbinned scores is within ± `resolution`."""

    value: float
    resolution: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions against outcomes at one threshold: how many were right and wrong, each way."""

    true_positives: float
    false_positives: float
    true_negatives: float
    false_negatives: float

    @property
    def positives(self) -> float:
        """Cases with outcome 1."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> float:
        """Cases with outcome 0."""
        return self.true_negatives + self.false_positives


def area_under_curve(scores: LabeledHistogram) -> AUC | None:
    """P(s⁺ > s⁻) + ½·P(s⁺ = s⁻) for one positive and one negative drawn at random, between 0 and 1.

    The trapezoidal area under the ROC curve (J. A. Hanley & B. J. McNeil, "The Meaning and Use of
    the Area under a ROC Curve", 1982), scores in one bucket being ties. Half of the tied pairs'
    share is the `resolution`. None without a positive or without a negative.
    """
    pairs = scores.positives_total * scores.negatives_total
    if pairs <= 0:
        return None
    above = tied = negatives_below = 0.0
    for positives, negatives in zip(scores.positives, scores.negatives, strict=True):
        above += positives * negatives_below
        tied += positives * negatives
        negatives_below += negatives
    return AUC((above + 0.5 * tied) / pairs, 0.5 * tied / pairs)


def confusion(scores: LabeledHistogram, threshold: float) -> Confusion:
    """Decisions for a yes above `threshold`, a bucket edge; a score equal to it is a no, as `le`
    counts it. Raises NotAnEdge (a ValueError) that names the nearest edges for any other number."""
    first = decided_from(scores.edges, threshold)
    return Confusion(
        true_positives=sum(scores.positives[first:]),
        false_positives=sum(scores.negatives[first:]),
        true_negatives=sum(scores.negatives[:first]),
        false_negatives=sum(scores.positives[:first]),
    )


def accuracy(scores: LabeledHistogram, threshold: float) -> float | None:
    """The share of right decisions; None without scores. Raises NotAnEdge as `confusion` does."""
    found = confusion(scores, threshold)
    return _share(found.true_positives + found.true_negatives, scores.samples)


def precision(scores: LabeledHistogram, threshold: float) -> float | None:
    """The share of yes that came true; None without a yes. Raises NotAnEdge as `confusion` does."""
    found = confusion(scores, threshold)
    return _share(found.true_positives, found.true_positives + found.false_positives)


def recall(scores: LabeledHistogram, threshold: float) -> float | None:
    """The share of positives that got a yes; None without a positive. Raises NotAnEdge as
    `confusion` does."""
    found = confusion(scores, threshold)
    return _share(found.true_positives, found.positives)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
