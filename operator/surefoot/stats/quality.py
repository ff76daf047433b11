"""Plain shares: how complete a model's input is, and what its answers are worth."""

from surefoot.stats.measures import Quality, Ratio


def completeness(quality: Quality) -> float | None:
    """1 − missing / total, between 0 and 1; None where either is unknown or nothing was counted.

    The two counters are not read at one instant, so more may seem missing than there was: that is 0.
    """
    if quality.missing is None or quality.total is None or quality.total <= 0:
        return None
    return max(1.0 - quality.missing / quality.total, 0.0)


def business_ratio(ratio: Ratio) -> float | None:
    """What was counted out of its base; above 1 where one unit of the base counts for more. None
    without a base."""
    return ratio.numerator / ratio.denominator if ratio.denominator > 0 else None
