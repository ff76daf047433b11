"""A release's time table: which stretches of each step are judged, by evidence and by limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import SignalType
from surefoot.engine.judge import is_due

MOST_INTERVALS = 240
"""Of one step; what a longer one would still find is left out, so that nothing is promised too much."""
PARTS = 4
"""A window is simulated in this many stretches."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of a step. Times in seconds since the candidate's first request; `judged`: what
    ends here is looked at."""

    step: int
    weight: int
    start: float
    end: float
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Course:
    """All stretches of a release in their order; `cut` names the steps that were too long for all."""

    slots: tuple[Slot, ...]
    cut: tuple[int, ...] = ()


def step_starts(spec: ModelReleaseSpec) -> list[float]:
    """When each step begins, and the bake, in seconds since the candidate's first request."""
    found = [0.0]
    for step in spec.steps:
        found.append(found[-1] + step.hold.total_seconds())
    return found


def requests_until(spec: ModelReleaseSpec, rps: float, at: float) -> float:
    """How many requests the candidate has had at that many seconds."""
    starts = step_starts(spec)
    found = 0.0
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else float("inf")
        found += rps * spec.weight_of(index) / 100.0 * max(0.0, min(at, end) - start)
    return found


def evidence_course(spec: ModelReleaseSpec) -> Course:
    """The closed intervals of every step: whole ones, from its start or from the end of warm-up."""
    length = spec.analysis.evidence_interval.total_seconds()
    warm, starts = spec.analysis.warmup.total_seconds(), step_starts(spec)
    slots: list[Slot] = []
    cut: list[int] = []
    for index, step in enumerate(spec.steps):
        begin, end = max(starts[index], warm), starts[index + 1]
        count = int((end - begin) / length + 1e-9) if end > begin else 0
        if count > MOST_INTERVALS:
            cut.append(index)
        for i in range(min(count, MOST_INTERVALS)):
            start = begin + i * length
            slots.append(Slot(index, step.weight, start, start + length))
    return Course(tuple(slots), tuple(cut))


def limit_course(spec: ModelReleaseSpec, signal: Signal) -> Course:
    """Stretches of a quarter of the signal's window, in the steps and the bake that it judges."""
    window = signal.window.total_seconds()
    length = max(window / PARTS, spec.analysis.interval.total_seconds())
    starts = step_starts(spec)
    ends = [*starts[1:], starts[-1] + spec.bake.total_seconds()]
    late = 0.0 if signal.type is SignalType.ERROR_RATE else spec.analysis.warmup.total_seconds()
    slots: list[Slot] = []
    cut: list[int] = []
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if not is_due(signal, spec, index):
            continue
        begin = max(start, late)
        last = end - signal.delay.total_seconds()
        count = int((last - begin) / length + 1e-9) if last > begin else 0
        if count > MOST_INTERVALS:
            cut.append(index)
        for i in range(min(count, MOST_INTERVALS)):
            at = begin + i * length
            slots.append(Slot(index, spec.weight_of(index), at, at + length))
    return Course(tuple(slots), tuple(cut))


def in_a_row(spec: ModelReleaseSpec, signal: Signal, slots: Sequence[Slot]) -> int:
    """`threshold.consecutive` evaluations, counted in stretches of the course (at least one)."""
    if signal.threshold is None or not slots:
        return 1
    length = slots[0].end - slots[0].start
    lasting = (signal.threshold.consecutive - 1) * spec.analysis.interval.total_seconds()
    return 1 + ceil(lasting / length - 0.5) if lasting > 0.5 * length else 1
