"""The parts of a forecast that are simulated, each by itself: what a step sees, what finding out costs,
how often a healthy release is stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from zlib import crc32

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import OnBreach
from surefoot.planning.course import Course, evidence_course, limit_course, requests_until
from surefoot.planning.power import SIZES, at_most
from surefoot.planning.search import smallest_by_step
from surefoot.planning.simulate import Found, Subject, by_evidence, by_limit, evidence_path
from surefoot.planning.today import Today
from surefoot.stats import combine

_LADDER_WORK, _OTHER_WORK = 720, 8_000
"""About how many intervals are simulated: a long release gets fewer runs of each size."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the simulated releases, and what that says at most (95 % confidence)."""

    hits: int
    runs: int

    @property
    def share(self) -> float:
        return self.hits / self.runs if self.runs else 0.0

    @property
    def at_most(self) -> float:
        return at_most(self.hits, self.runs)


@dataclass(frozen=True, slots=True)
class Finding:
    """A regression of the reference size: how many releases found it within the steps, and, at the
    median, after how many seconds and candidate requests (None: fewer than half did)."""

    size: float
    found: Share
    seconds: float | None
    requests: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """A part of the work that can be done by itself, in another process if need be."""

    spec: ModelReleaseSpec
    signal: Signal
    today: Today
    kind: str
    runs: int | None

    @property
    def subject(self) -> Subject:
        evidence = self.kind in ("evidence", "healthy")
        course = evidence_course(self.spec) if evidence else limit_course(self.spec, self.signal)
        baseline = self.today.baselines[self.signal.name]
        return Subject(self.spec, self.signal, self.today, baseline, course)

    @property
    def seed(self) -> int:
        """Fixed: the same release gets the same forecast."""
        return crc32(f"{self.signal.name} {self.kind}".encode()) << 24


def tasks(spec: ModelReleaseSpec, today: Today, runs: int | None = None) -> list[Task]:
    """What is to be simulated. `runs`: releases per size, by default fewer for long releases."""
    found = []
    for signal in spec.signals:
        if signal.name not in today.baselines or signal.type not in SIZES:
            continue
        kinds = [
            *(["evidence", "healthy"] if compares(signal) else []),
            *(["limit", "healthy-limit"] if signal.threshold is not None else []),
            "finding",
        ]
        found += [Task(spec, signal, today, kind, runs) for kind in kinds]
    return found


def compares(signal: Signal) -> bool:
    """Whether its evidence may revert."""
    return signal.compare is not None and signal.on_breach is OnBreach.REVERT


def carry_out(task: Task) -> object:
    """What a task finds; `assemble` knows what to make of it."""
    return _WORK[task.kind](task)


def needed_alone(spec: ModelReleaseSpec, signal: Signal) -> float:
    """The W at which one signal's evidence reverts by itself, whatever the others say."""
    counted = [s.name for s in spec.signals if compares(s)]
    return 1.0 / spec.analysis.false_revert_budget / combine.even_shares(counted)[signal.name]


def _runs(task: Task, slots: int, work: int, least: int, most: int) -> int:
    if task.runs is not None:
        return max(least, task.runs)
    return max(least, min(most, work // max(1, slots)))


def _sizes(task: Task) -> object:
    """The smallest size of each step, by evidence or by the limit."""
    subject = task.subject
    steps = sorted({slot.step for slot in subject.course.slots})
    if not steps:
        return {}
    until = {step: replace(subject, course=_until(subject.course, step)) for step in steps}
    needed = needed_alone(task.spec, task.signal) if task.kind == "evidence" else 0.0

    def seen(seed: int, size: float, last: int) -> int | None:
        found = _once(until[last], task.seed + seed, size, needed)
        return found.step if found is not None else None

    runs = _runs(task, len(subject.course.slots), _LADDER_WORK, 4, 12)
    ladder = SIZES[task.signal.type].ladder()
    return smallest_by_step(seen, ladder, steps, runs, lambda: None)


def _until(course: Course, step: int) -> Course:
    return Course(tuple(slot for slot in course.slots if slot.step <= step), course.cut)


def _once(subject: Subject, seed: int, size: float, needed: float) -> Found | None:
    return by_evidence(subject, seed, size, needed) if needed else by_limit(subject, seed, size)


def _healthy(task: Task) -> object:
    """W of healthy releases after each interval."""
    subject = task.subject
    runs = _runs(task, len(subject.course.slots), _OTHER_WORK, 60, 400)
    return [list(evidence_path(subject, task.seed + run, 0.0)) for run in range(runs)]


def _healthy_limit(task: Task) -> object:
    """How many healthy releases a limit stops."""
    subject = task.subject
    runs = _runs(task, len(subject.course.slots), _OTHER_WORK, 60, 400)
    return Share(sum(by_limit(subject, task.seed + i, 0.0) is not None for i in range(runs)), runs)


def _finding(task: Task) -> object:
    """When a regression of the reference size is found, by whichever way is first."""
    size, spec = SIZES[task.signal.type].reference, task.spec
    ways: list[Callable[[int], Found | None]] = []
    slots = 1
    if compares(task.signal):
        evidence = replace(task, kind="evidence").subject
        needed, slots = needed_alone(spec, task.signal), len(evidence.course.slots)
        ways.append(lambda seed: by_evidence(evidence, seed, size, needed))
    if task.signal.threshold is not None:
        limit = task.subject
        slots = max(slots, len(limit.course.slots))
        ways.append(lambda seed: by_limit(limit, seed, size))
    runs = _runs(task, slots, _OTHER_WORK, 50, 200)
    times = sorted(_first([way(task.seed + run) for way in ways]) for run in range(runs))
    hits = sum(time < float("inf") for time in times)
    middle = median(times)
    if middle == float("inf"):
        return Finding(size, Share(hits, runs), None, None)
    return Finding(size, Share(hits, runs), middle, requests_until(spec, task.today.rps, middle))


def _first(found: Sequence[Found | None]) -> float:
    return min((each.at for each in found if each is not None), default=float("inf"))


_WORK: Mapping[str, Callable[[Task], object]] = {
    "evidence": _sizes,
    "limit": _sizes,
    "healthy": _healthy,
    "healthy-limit": _healthy_limit,
    "finding": _finding,
}
