"""What was measured of one arm over one window, one class for each kind of answer."""

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
class LabeledHistogram:
    """Scores in [0, 1] whose outcome is known, per bucket (not cumulative), apart by outcome.

    `edges` are finite upper bounds, rising; `positives` (outcome 1) and `negatives` (outcome 0) have
    one more entry each: +Inf. `score_sum` is the sum of all scores where it is known.
    """

    edges: tuple[float, ...]
    positives: tuple[float, ...]
    negatives: tuple[float, ...]
    score_sum: float | None = None

    @property
    def counts(self) -> tuple[float, ...]:
        """Scores per bucket, of either outcome."""
        return tuple(a + b for a, b in zip(self.positives, self.negatives, strict=True))

    @property
    def positives_total(self) -> float:
        return sum(self.positives)

    @property
    def negatives_total(self) -> float:
        return sum(self.negatives)

    @property
    def samples(self) -> float:
        return self.positives_total + self.negatives_total


@dataclass(frozen=True, slots=True)
class GroupRates:
    """For every declared group, in how many cases (`bad`) out of how many (`total`) the model said
    yes. Which cases count depends on the metric: all, or those with one outcome."""

    groups: tuple[tuple[str, Counts], ...]

    @property
    def samples(self) -> float:
        """Those of the smallest group: a minimum number of samples holds for each."""
        return min((counts.total for _, counts in self.groups), default=0.0)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much two counters rose: what is counted, and out of what."""

    numerator: float
    denominator: float

    @property
    def samples(self) -> float:
        return self.denominator


@dataclass(frozen=True, slots=True)
class Quality:
    """The state of a model's input: seconds since its last update, and how many of `total` values
    were missing. None for what was not measured; it carries no sample count."""

    age_s: float | None = None
    missing: float | None = None
    total: float | None = None

    @property
    def samples(self) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Scalar:
    """The one value of a PromQL query; it carries no sample count."""

    value: float

    @property
    def samples(self) -> float | None:
        return None


Measure = (
    Counts | GroupRates | Histogram | LabeledHistogram | LabeledScores | Quality | Ratio | Scalar
)
