"""Whether scores mean what they say: observed against expected positives."""

from surefoot.stats.measures import LabeledScores


def calibration_in_the_large(scores: LabeledScores) -> float | None:
    """Observed over expected positives (Σ outcomes / Σ scores): 1 is calibrated, below 1 the
    scores are too high. None where no positives are expected, so that there is no ratio.
    """
    if scores.score_sum <= 0:
        return None
    return scores.positives / scores.score_sum
