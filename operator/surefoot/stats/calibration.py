"""Whether scores mean what they say: observed against expected outcomes, overall and by bucket.

A bucket's mean score is not exported. It is estimated by a point of the bucket (`bucket_scores`),
and is wrong by at most half of the bucket's width where that point is its centre.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import sqrt

from surefoot.stats.bins import MIN_EXPECTED, probability_ranges
from surefoot.stats.chance import (
    HALF_NORMAL_MEAN,
    HALF_NORMAL_VARIANCE,
    largest_quantile,
    matched_quantile,
)
from surefoot.stats.measures import LabeledHistogram, LabeledScores

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """A gap between observed and expected shares, and how far it can be trusted.

    `null_cut` is what a calibrated model exceeds in 5 % of all cases by chance. `resolution` is how
    far the value can be off because scores inside of a bucket are not told apart. `bias` is what
    was subtracted from the plain value.
    """

    value: float
    null_cut: float
    resolution: float
    bias: float = 0.0

    @property
    def significant(self) -> bool:
        """Whether the value is more than what noise alone reaches."""
        return self.value > self.null_cut


def calibration_in_the_large(scores: LabeledScores) -> float | None:
    """Observed over expected positives (Σ outcomes / Σ scores): 1 is calibrated, below 1 the
    scores are too high. None where no positives are expected, so that there is no ratio.
    """
    if scores.score_sum <= 0:
        return None
    return scores.positives / scores.score_sum


def expected_calibration_error(scores: LabeledHistogram) -> CalibrationError | None:
    """ECE = Σ (n_b/N)·|pos_b/n_b − s_b|, less what chance adds; None without scores.

    For a calibrated model pos_b − n_b·s_b is close to normal with variance n_b·s_b(1 − s_b), and
    E|x| = √(2/π)·σ, so the plain sum (M. P. Naeini et al., "Obtaining Well Calibrated Probabilities
    Using Bayesian Binning", 2015) averages √(2/π)·Σ √(n_b·s_b(1 − s_b)) / N and not 0. That bias is
    subtracted, down to 0. A model that is off is biased by less, so its value comes out too small
    by at most `bias`. The cut is the 95 % quantile of the same sum, less the bias.
    """
    total = scores.samples
    if total <= 0:
        return None
    bins = list(_bins(scores))
    plain = sum(abs(b.positives - b.expected) for b in bins) / total
    mean = HALF_NORMAL_MEAN * sum(sqrt(b.variance) for b in bins)
    cut = matched_quantile(mean, HALF_NORMAL_VARIANCE * sum(b.variance for b in bins))
    bias = mean / total
    slack = sum(b.slack for b in bins) / total
    return CalibrationError(max(plain - bias, 0.0), cut / total - bias, slack, bias)


def maximum_calibration_error(scores: LabeledHistogram) -> CalibrationError | None:
    """MCE = max_b |pos_b/n_b − s_b| over bins that expect 5 of either outcome; None without scores.

    Adjacent buckets are merged, from the lowest up, until they do (else one score in a bucket of its
    own makes the maximum); what is left over joins the last bin. The cut is what the largest of the
    bins' gaps exceeds in 5 % for a calibrated model, each gap being normal with variance
    Σ n·s(1 − s) / n².
    """
    if scores.samples <= 0:
        return None
    bins = _expecting_enough(list(_bins(scores)))
    worst = max(bins, key=lambda b: abs(b.gap))
    cut = largest_quantile([sqrt(b.variance) / b.count for b in bins])
    return CalibrationError(abs(worst.gap), cut, worst.slack / worst.count)


def brier_score(scores: LabeledHistogram) -> float | None:
    """The mean of (s − y)², between 0 and 1, lower is better; None without scores.

    (G. W. Brier, "Verification of Forecasts Expressed in Terms of Probability", 1950.) All scores of
    a bucket count as s_b. What is lost is the variance of the scores within a bucket, less twice
    their covariance with the outcomes there (D. B. Stephenson et al., "Two Extra Components in the
    Brier Score Decomposition", 2008): at most twice the error of s_b, a bucket's width at centres.
    """
    total = scores.samples
    if total <= 0:
        return None
    rows = zip(bucket_scores(scores), scores.positives, scores.negatives, strict=True)
    return sum(yes * (1 - s) ** 2 + no * s**2 for s, yes, no in rows) / total


def bucket_scores(scores: LabeledHistogram) -> tuple[float, ...]:
    """s_b, the estimated mean score of every bucket within [0, 1].

    The same fraction t of the way through each bucket: t = ½, or, where the sum of all scores is
    known, the t at which Σ n_b·s_b equals it. A sum that no t reaches (scores outside of [0, 1]) is
    not used. s_b is within max(t, 1 − t) widths of the bucket's true mean.
    """
    ranges = probability_ranges(scores.edges)
    t = _fraction(scores, ranges)
    return tuple(lower + t * (upper - lower) for lower, upper in ranges)


def _fraction(scores: LabeledHistogram, ranges: Sequence[tuple[float, float]]) -> float:
    rows = list(zip(scores.counts, ranges, strict=True))
    least = sum(count * lower for count, (lower, _) in rows)
    room = sum(count * (upper - lower) for count, (lower, upper) in rows)
    if scores.score_sum is None or room <= 0:
        return 0.5
    t = (scores.score_sum - least) / room
    return min(max(t, 0.0), 1.0) if -ROUNDING <= t <= 1.0 + ROUNDING else 0.5


@dataclass(frozen=True, slots=True)
class _Bin:
    """Sums over the scores of one or more buckets; `slack` is how far `expected` can be off."""

    count: float
    positives: float
    expected: float
    variance: float
    slack: float

    @property
    def gap(self) -> float:
        return (self.positives - self.expected) / self.count

    @property
    def expects_enough(self) -> bool:
        return min(self.expected, self.count - self.expected) >= MIN_EXPECTED

    def __add__(self, other: "_Bin") -> "_Bin":
        return _Bin(
            self.count + other.count,
            self.positives + other.positives,
            self.expected + other.expected,
            self.variance + other.variance,
            self.slack + other.slack,
        )


def _bins(scores: LabeledHistogram) -> Iterator[_Bin]:
    """The buckets that hold a score."""
    ranges = probability_ranges(scores.edges)
    t = _fraction(scores, ranges)
    for n, positives, (low, up) in zip(scores.counts, scores.positives, ranges, strict=True):
        if n > 0:
            s, slack = low + t * (up - low), max(t, 1 - t) * (up - low)
            yield _Bin(n, positives, n * s, n * s * (1 - s), n * slack)


def _expecting_enough(bins: Sequence[_Bin]) -> list[_Bin]:
    closed: list[_Bin] = []
    open_: list[_Bin] = []
    joined: _Bin | None = None
    for one in bins:
        open_.append(one)
        joined = one if joined is None else joined + one
        if joined.expects_enough:
            closed.append(joined)
            open_, joined = [], None
    rest = closed[-1:] + open_
    return [*closed[:-1], reduce(_Bin.__add__, rest)]
