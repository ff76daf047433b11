"""One simulated release of one signal, judged by the engine's own functions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random

from surefoot.api.signal_status import SignalStatus
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import Verdict
from surefoot.engine import bets
from surefoot.engine.judge import Stand, judge
from surefoot.engine.questions import Answer, Reading
from surefoot.planning.course import Course, in_a_row, step_starts
from surefoot.planning.streams import Cell, Stream, merged
from surefoot.planning.today import Baseline, Today
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Measure

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is simulated: a signal of a release at today's traffic, and the stretches judged."""

    spec: ModelReleaseSpec
    signal: Signal
    today: Today
    baseline: Baseline
    course: Course

    def stream(self, seed: int, size: float) -> Stream:
        return Stream(Random(seed), self.signal, self.today, self.baseline, size)


@dataclass(frozen=True, slots=True)
class Found:
    """In which step, and how many seconds after the candidate's first request."""

    step: int
    at: float


def evidence_path(subject: Subject, seed: int, size: float) -> Iterator[float]:
    """W after each interval of the course."""
    stream = subject.stream(seed, size)
    test = bets.sequential_test(subject.signal, subject.spec)
    state: list[float] = []
    for slot in subject.course.slots:
        cell = stream.cell(slot.end - slot.start, slot.weight)
        interval: Interval[Measure] = Interval(
            _seconds(slot.end), slot.step, cell.incumbent, cell.candidate
        )
        bet = test.advance(state, interval)
        state = bet.state
        yield bet.value


def by_evidence(subject: Subject, seed: int, size: float, needed: float) -> Found | None:
    """When W first reaches `needed`; None where it never does within the steps."""
    path = evidence_path(subject, seed, size)
    for slot, value in zip(subject.course.slots, path, strict=True):
        if value >= needed:
            return Found(slot.step, slot.end)
    return None


def by_limit(subject: Subject, seed: int, size: float) -> Found | None:
    """When the signal's threshold first fails; None where it never does."""
    spec, slots = subject.spec, subject.course.slots
    signal = _counted(subject)
    stream, starts = subject.stream(seed, size), step_starts(spec)
    cells: list[Cell] = []
    before: SignalStatus | None = None
    step = -1
    for slot in slots:
        if slot.step != step:
            step, cells, before = slot.step, [], None
        cells.append(stream.cell(slot.end - slot.start, slot.weight))
        kept = ceil(signal.window.total_seconds() / (slot.end - slot.start))
        cells = cells[-kept:]
        at = slot.end + signal.delay.total_seconds()
        stand = _stand(spec, slot.step, starts[slot.step], at)
        found = judge(signal, stand, before, _answer(cells, stand.now))
        if found.verdict is Verdict.FAIL:
            return Found(slot.step, at)
        before = found.status
    return None


def _counted(subject: Subject) -> Signal:
    """The signal with `consecutive` in stretches of the course."""
    signal = subject.signal
    assert signal.threshold is not None
    many = in_a_row(subject.spec, signal, subject.course.slots)
    threshold = signal.threshold.model_copy(update={"consecutive": many})
    return signal.model_copy(update={"threshold": threshold})


def _stand(spec: ModelReleaseSpec, step: int, start: float, now: float) -> Stand:
    warm = _BEGINNING + spec.analysis.warmup
    return Stand(spec, step, _time(start), warm, _time(now))


def _answer(cells: list[Cell], now: datetime) -> Answer:
    new = Reading(merged([cell.candidate for cell in cells]), now)
    return Answer(new, Reading(merged([cell.incumbent for cell in cells]), now))


def _time(seconds: float) -> datetime:
    return _BEGINNING + timedelta(seconds=seconds)


def _seconds(at: float) -> float:
    return _time(at).timestamp()
