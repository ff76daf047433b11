"""What the engine asks of Prometheus, and the shape of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from surefoot.api.signals import Signal
from surefoot.stats.measures import Measure


@dataclass(frozen=True, slots=True)
class ArmRef:
    """One side of a release as metrics know it."""

    workload: str
    service: str
    port: int


_SWAPPED = "~incumbent"


def evidence_key(name: str, end: datetime) -> str:
    """How the answer about a closed interval of a signal is called."""
    return f"{name}@{end.timestamp():.3f}"


@dataclass(frozen=True, slots=True)
class Question:
    """One signal over one window, for both arms. `start` is where the window may begin at the
    earliest (a weight step, the end of warm-up, plus the label delay); it ends now.

    With an `end` it is a closed interval of evidence instead, from `start` on and no window.
    `matchers` are labels with their values that every query must carry.
    A compared PromQL query is asked once more for the incumbent in the candidate's place: `swapped`.
    """

    signal: Signal
    namespace: str
    candidate: ArmRef
    incumbent: ArmRef
    start: datetime
    end: datetime | None = None
    matchers: tuple[tuple[str, str], ...] = ()
    swapped: bool = False

    @property
    def key(self) -> str:
        """What its answer is found by: the signal's name, for an interval with its end."""
        name = self.signal.name
        key = name if self.end is None else evidence_key(name, self.end)
        return key + _SWAPPED if self.swapped else key

    def per_arm(self) -> tuple["Question", ...]:
        """This question, and its twin where a query knows of one arm at a time only."""
        if self.signal.query is None or self.signal.compare is None:
            return (self,)
        twin = replace(self, candidate=self.incumbent, incumbent=self.candidate, swapped=True)
        return (self, twin)


class ProblemKind(StrEnum):
    """Why there is no answer. `EMPTY` is missing data, the others are failures to ask."""

    EMPTY = "Empty"
    NOT_A_NUMBER = "NotANumber"
    UNREACHABLE = "Unreachable"
    TIMEOUT = "Timeout"
    QUERY = "Query"
    PARTIAL = "Partial"
    EDGES = "Edges"
    LOAD = "Load"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an arm has no measure, in one sentence that names what to look at."""

    kind: ProblemKind
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer for one arm: a measure with the time of its newest sample, or a problem.

    `note` says how it was read where that is not sample by sample.
    """

    measure: Measure | None = None
    newest: datetime | None = None
    problem: Problem | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Both arms' readings of one question."""

    candidate: Reading
    incumbent: Reading


def answer_to(answers: Mapping[str, Answer], key: str) -> Answer | None:
    """The answer about both arms, put together where each was asked for on its own."""
    found, twin = answers.get(key), answers.get(key + _SWAPPED)
    if found is None or twin is None:
        return found
    return Answer(found.candidate, twin.candidate)
