"""From answers to verdicts: every signal against its threshold, never a pass on missing data."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite

from surefoot.api.base import MOST_COUNTED
from surefoot.api.durations import format_duration
from surefoot.api.plain import one_line
from surefoot.api.signal_status import FrozenBins, SignalStatus
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import OnBreach, SignalType, Verdict
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.engine.values import Value, value_of
from surefoot.stats.measures import Quality
from surefoot.stats.quality import completeness

_NO_DATA = (ProblemKind.EMPTY, ProblemKind.NOT_A_NUMBER)


@dataclass(frozen=True, slots=True)
class Judged:
    """One signal's new status, its verdict, and whether samples cover this interval."""

    signal: Signal
    status: SignalStatus
    verdict: Verdict
    covered: bool

    @property
    def gates(self) -> bool:
        """Whether it has a say in this step at all."""
        return self.signal.on_breach is not OnBreach.OBSERVE and self.verdict >= Verdict.PASS

    def overruled(self, verdict: Verdict, reason: str, covered: bool = True) -> "Judged":
        """Another verdict on the same numbers; what was not covered before is not now."""
        update = {"verdict": verdict.label, "reason": one_line(reason)}
        status = self.status.model_copy(update=update)
        return Judged(self.signal, status, verdict, self.covered and covered)


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the release stands while it is judged. `index` −1 is weight 0, `count` the bake."""

    plan: ModelReleaseSpec
    index: int
    since: datetime | None
    warm_at: datetime | None
    now: datetime


def rounded(value: float) -> float:
    """Three significant digits: what status shows, and no write for noise below that."""
    found = float(f"{value:.3g}")
    return found if isfinite(found) else value


def limit_text(signal: Signal) -> str:
    """The limit as people write it: `≤ 0.05`, `≥ 0.9` or `0.9 … 1.1`."""
    if signal.type is SignalType.DATA_QUALITY:
        age = f"≤ {format_duration(signal.max_age)}" if signal.max_age is not None else ""
        share = f"≥ {signal.min_completeness:g}" if signal.min_completeness is not None else ""
        return ", ".join(filter(None, (age, share)))
    if signal.threshold is None:
        return ""
    low, high = signal.threshold.min, signal.threshold.max
    if low is not None and high is not None:
        return f"{low:g} … {high:g}"
    return f"≥ {low:g}" if low is not None else f"≤ {high:g}"


def judges_from(signal: Signal, plan: ModelReleaseSpec) -> int | None:
    """The first step whose hold covers label delay and window; `len(steps)` is the bake.

    Without a label delay every step is judged, on as much of the window as the step has lasted.
    """
    if not signal.delay:
        return 0
    needed = signal.delay + signal.window
    return next((i for i in range(len(plan.steps) + 1) if plan.hold_of(i) >= needed), None)


def is_due(signal: Signal, plan: ModelReleaseSpec, index: int) -> bool:
    """Whether this step is long enough for the signal to judge it."""
    return not signal.delay or plan.hold_of(index) >= signal.delay + signal.window


def from_text(signal: Signal, plan: ModelReleaseSpec) -> str:
    """`judges_from` in words."""
    first = judges_from(signal, plan)
    if first is None:
        return "watch" if signal.watch is not None else "never"
    return "bake" if first == len(plan.steps) else f"step {first + 1}/{len(plan.steps)}"


def window_start(signal: Signal, stand: Stand) -> datetime:
    """Where the signal's window may begin: never before the step, its warm-up and label delay."""
    start = stand.since or stand.now
    if stand.warm_at is not None and signal.type is not SignalType.ERROR_RATE:
        start = max(start, stand.warm_at)
    return start + signal.delay


def _whole(samples: float | None) -> int | None:
    """Samples as a status may carry them: no more than what floats count exactly."""
    if samples is None or not isfinite(samples):
        return None
    return int(min(max(samples, 0.0), 2.0**53))


def _blank(signal: Signal, stand: Stand) -> SignalStatus:
    return SignalStatus(
        name=signal.name,
        type=signal.type,
        limit=limit_text(signal),
        judges_from=from_text(signal, stand.plan),
        verdict=Verdict.NOT_DUE.label,
    )


def not_applicable(signal: Signal, stand: Stand, reason: str) -> Judged:
    """There is nothing that the signal could be held against: it gates nothing."""
    return _verdict(signal, _blank(signal, stand), Verdict.NOT_APPLICABLE, reason)


def judge(signal: Signal, stand: Stand, before: SignalStatus | None, answer: Answer) -> Judged:
    """The verdict on one signal from one answer; it says so if the samples were not all read."""
    found = _judged(signal, stand, before, answer)
    if not answer.candidate.note or found.status.value is None:
        return found
    reason = one_line(f"{found.status.reason} ({answer.candidate.note})")
    return replace(found, status=found.status.model_copy(update={"reason": reason}))


def _judged(signal: Signal, stand: Stand, before: SignalStatus | None, answer: Answer) -> Judged:
    frozen = before.frozen if before else None
    incumbent = value_of(signal, answer.incumbent.measure, frozen, None)
    status = _blank(signal, stand).model_copy(
        update={
            "incumbent_value": rounded(incumbent.number) if incumbent.number is not None else None,
            "frozen": frozen,
            "breaches": before.breaches if before else 0,
            "sampled_at": before.sampled_at if before else None,
        }
    )
    if stand.index < 0:
        return _at_zero(signal, status, answer.incumbent)
    reading = answer.candidate
    if reading.problem is not None and _is_awaited(signal, stand):
        return _without(signal, status, reading.problem)
    value = value_of(signal, reading.measure, frozen, answer.incumbent.measure)
    samples = reading.measure.samples if reading.measure else None
    status = status.model_copy(
        update={
            "value": rounded(value.number) if value.number is not None else None,
            "samples": _whole(samples),
        }
    )
    if not is_due(signal, stand.plan, stand.index):
        text = f"watched only: this step is shorter than the label delay and the window of {signal.name}"
        # Labels that are not there yet are no gap; a Prometheus that does not answer is one.
        asked = reading.problem is None or reading.problem.kind in _NO_DATA
        return _verdict(signal, status, Verdict.NOT_DUE, text, covered=asked)
    if window_start(signal, stand) > stand.now:
        wait = "warming up" if not signal.delay else "waiting for labels of this step"
        return _verdict(signal, status, Verdict.NO_DATA, wait)
    wanted = signal.threshold.min_samples if signal.threshold is not None else 1
    if status.samples is not None and status.samples < wanted:
        text = f"{status.samples} of {wanted} samples so far"
        return _verdict(signal, status, Verdict.NO_DATA, text, covered=status.samples > 0)
    if isinstance(reading.measure, Quality):
        return _against_quality(signal, status, reading.measure)
    if signal.threshold is None:
        return _compared_only(signal, stand, status, value, answer.incumbent)
    return _against_limit(signal, status, value, incumbent, reading)


def _against_quality(signal: Signal, status: SignalStatus, measure: Quality) -> Judged:
    """Both limits of DataQuality; without a number that a limit needs there is no verdict."""
    faults: list[str] = []
    if signal.max_age is not None:
        if measure.age_s is None or not isfinite(measure.age_s):
            return _verdict(signal, status, Verdict.NO_DATA, "no last update", covered=False)
        if measure.age_s > signal.max_age.total_seconds():
            faults.append(f"{measure.age_s:.0f} s old, maxAge is {format_duration(signal.max_age)}")
    if signal.min_completeness is not None:
        complete = completeness(measure)
        if complete is None:
            return _verdict(
                signal, status, Verdict.NO_DATA, "no value in the window", covered=False
            )
        if complete < signal.min_completeness:
            faults.append(f"{complete:.3g} complete, the limit is ≥ {signal.min_completeness:g}")
    if faults:
        return _verdict(signal, status, Verdict.FAIL, "; ".join(faults))
    return _verdict(signal, status, Verdict.PASS, "within its limits")


def _compared_only(
    signal: Signal, stand: Stand, status: SignalStatus, value: Value, incumbent: Reading
) -> Judged:
    """Without a limit there is nothing to cross: the evidence decides, and samples must be there."""
    if value.number is None:
        return _verdict(signal, status, Verdict.NO_DATA, value.note or "no value", covered=False)
    if stand.index >= len(stand.plan.steps):
        text = "the incumbent has no traffic to compare with"
        return _verdict(signal, status, Verdict.NOT_APPLICABLE, text)
    if incumbent.problem is not None:
        return _without(signal, status, incumbent.problem)
    return _verdict(signal, status, Verdict.PASS, "compared with the incumbent")


def _is_awaited(signal: Signal, stand: Stand) -> bool:
    """Whether an answer should be there by now: not before its labels are, nor in too short a step."""
    return is_due(signal, stand.plan, stand.index) and window_start(signal, stand) <= stand.now


def _verdict(
    signal: Signal, status: SignalStatus, verdict: Verdict, reason: str, covered: bool = True
) -> Judged:
    update = {"verdict": verdict.label, "reason": one_line(reason)}
    return Judged(signal, status.model_copy(update=update), verdict, covered)


def _at_zero(signal: Signal, status: SignalStatus, incumbent: Reading) -> Judged:
    """At weight 0 only the incumbent is read: the release may not start blind."""
    if incumbent.problem is None:
        return _verdict(signal, status, Verdict.NOT_DUE, "the candidate has no traffic yet")
    return _without(signal, status, incumbent.problem)


def _without(signal: Signal, status: SignalStatus, problem: Problem) -> Judged:
    if problem.kind in _NO_DATA:
        return _verdict(signal, status, Verdict.NO_DATA, problem.message, covered=False)
    if problem.kind is ProblemKind.EDGES:
        return _verdict(signal, status, Verdict.INCONCLUSIVE, problem.message, covered=False)
    return _verdict(signal, status, Verdict.ERROR, problem.message, covered=False)


def crosses(signal: Signal, value: float, at_least: bool = False) -> bool:
    """Whether a value is outside of the threshold; `at_least` says that it is above the number."""
    assert signal.threshold is not None
    low, high = signal.threshold.min, signal.threshold.max
    if low is not None and value < low and not at_least:
        return True
    return high is not None and (value > high or (at_least and value >= high))


def _against_limit(
    signal: Signal, status: SignalStatus, value: Value, incumbent: Value, reading: Reading
) -> Judged:
    """The value beside its limit, with the count of crossings in a row."""
    if value.number is None:
        return _verdict(signal, status, Verdict.NO_DATA, value.note or "no value", covered=False)
    fresh = (
        status.sampled_at is None or reading.newest is None or reading.newest > status.sampled_at
    )
    crossed = crosses(signal, value.number, value.at_least)
    if _undecided(signal, value, crossed):
        return _verdict(signal, status, Verdict.INCONCLUSIVE, value.note)
    breaches = (status.breaches + fresh if crossed else 0) if fresh else status.breaches
    breaches = min(breaches, MOST_COUNTED)
    earlier = status.breaches
    status = status.model_copy(
        update={"breaches": breaches, "sampled_at": reading.newest or status.sampled_at}
    )
    if not crossed:
        text = (
            f"TransientDeviation: crossed {earlier} times, clean again" if earlier else value.note
        )
        return _verdict(signal, status, Verdict.PASS, text or "within its limit")
    text = _breach_text(signal, status, value, incumbent)
    assert signal.threshold is not None
    if breaches < signal.threshold.consecutive:
        text = f"{text} ({breaches} of {signal.threshold.consecutive} in a row)"
        return _verdict(signal, status, Verdict.INCONCLUSIVE, text)
    return _verdict(signal, status, Verdict.FAIL, text)


def _undecided(signal: Signal, value: Value, crossed: bool) -> bool:
    """Whether the number alone does not tell on which side of the limit the value is."""
    if crossed:
        return not value.significant
    assert value.number is not None
    assert signal.threshold is not None
    low, high = signal.threshold.min, signal.threshold.max
    return value.at_least and (high is not None or (low is not None and value.number < low))


def _breach_text(signal: Signal, status: SignalStatus, value: Value, incumbent: Value) -> str:
    at_least = "at least " if value.at_least else ""
    text = f"{at_least}{value.number:.3g}, the limit is {status.limit}"
    if status.samples is not None:
        text += f", {status.samples} samples"
    if incumbent.number is not None:
        text += f"; incumbent {incumbent.number:.3g}"
        if crosses(signal, incumbent.number, incumbent.at_least):
            text += " (SharedDeviation: it is outside of the limit, too)"
    return text


def freeze(signal: Signal, status: SignalStatus, answer: Answer) -> SignalStatus:
    """Keep the incumbent's bins before it loses its traffic, for signals held against it."""
    measure = answer.incumbent.measure
    if signal.type is not SignalType.DRIFT or measure is None or signal.baseline == "Reference":
        return status
    edges, counts = getattr(measure, "edges", ()), getattr(measure, "counts", ())
    bins = FrozenBins(edges=edges, counts=counts, total=getattr(measure, "total", None))
    return status.model_copy(update={"frozen": bins})


def elapsed_since(before: datetime | None, now: datetime, interval: timedelta) -> float:
    """Seconds of a hold that one evaluation covers: never negative, at most two intervals."""
    if before is None:
        return 0.0
    return min(max((now - before).total_seconds(), 0.0), 2 * interval.total_seconds())
