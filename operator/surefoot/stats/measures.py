"""What was measured of one arm over one window: counts, a histogram, labelled scores or a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests, and how many of them were bad."""

    bad: float
    total: float

    @property
    def samples(self) -> float:
        return self.total


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations per bucket (not cumulative). `counts` has one more entry than `edges`: +Inf.

    `edges` are finite upper bounds in the signal's base unit, rising; `total` is the sum of the
    observed values where it is known.
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...]
    total: float | None = None

    @property
    def samples(self) -> float:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class LabeledScores:
    """Scores whose outcome is known: how many, how many came true, and the sum of the scores."""

    positives: float
    score_sum: float
    total: float

    @property
    def samples(self) -> float:
        return self.total


@dataclass(frozen=True, slots=True)
class Scalar:
    """The one value of a PromQL query; it carries no sample count."""

    value: float

    @property
    def samples(self) -> float | None:
        return None


Measure = Counts | Histogram | LabeledScores | Scalar
