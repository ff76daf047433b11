"""The stated hope: closed intervals become an interval of the difference, each of them once."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from math import inf, isfinite

from surefoot.api.base import MOST_COUNTED
from surefoot.api.durations import format_duration
from surefoot.api.hypothesis import Better, Hypothesis, HypothesisStatus
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Hope, Outcome, SignalType
from surefoot.engine.compare import MOST_AT_ONCE, Span, first_start
from surefoot.engine.counted import counted, edge_of
from surefoot.engine.intervals import unanswered
from surefoot.engine.judge import Stand, rounded
from surefoot.engine.questions import Answer
from surefoot.stats import confidence
from surefoot.stats.confidence import Bounds, Sums
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Measure

# A forecast of more than a year is none.
_FORESEEN_S = 365 * 86_400.0


def signal_of(plan: ModelReleaseSpec) -> Signal | None:
    """The signal that is hoped for, where there is a hypothesis."""
    hope = plan.hypothesis
    return next((s for s in plan.signals if hope and s.name == hope.signal), None)


def spans(status: HypothesisStatus | None, stand: Stand) -> list[Span]:
    """The closed intervals that are still to be taken in, oldest first; as those of a comparison.

    They begin with the verified weight, after the warm-up and the label delay, and end with the
    steps: at 100 the incumbent has no requests.
    """
    signal = signal_of(stand.plan)
    if signal is None or not 0 <= stand.index < len(stand.plan.steps) or stand.since is None:
        return []
    length = stand.plan.analysis.evidence_interval
    anchor = first_start(signal, stand)
    start = max(anchor, status.until) if status is not None else anchor
    found: list[Span] = []
    while start + length <= stand.now and len(found) < MOST_AT_ONCE:
        found.append(Span(signal, start, start + length))
        start += length
    return found


def begin(status: HypothesisStatus | None, stand: Stand) -> HypothesisStatus | None:
    """The hypothesis of the spec; one that was changed begins anew."""
    hope, signal = stand.plan.hypothesis, signal_of(stand.plan)
    if hope is None or signal is None:
        return None
    key = _agreed(hope, signal, stand.plan)
    # Of a time that is yet to come: the clock was set back, and nothing would be seen until then.
    ahead = status is not None and status.until > stand.now + stand.plan.analysis.evidence_interval
    if status is not None and status.agreed == key and not ahead:
        return status
    expected = hope.improve_by.relative or hope.improve_by.absolute or 0.0
    return HypothesisStatus(
        signal=signal.name,
        expected=expected,
        relative=hope.improve_by.relative is not None,
        agreed=key,
        until=stand.now,
    )


def _agreed(hope: Hypothesis, signal: Signal, plan: ModelReleaseSpec) -> str:
    """Digest of what is estimated, without what it is only held against."""
    parts = [
        signal.dump() | {"threshold": None, "compare": None, "watch": None, "onBreach": None},
        hope.improve_by.relative is not None,
        hope.better,
        plan.analysis.evidence_interval.total_seconds(),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def take_in(
    status: HypothesisStatus, stand: Stand, answers: Mapping[str, Answer]
) -> HypothesisStatus:
    """The status after all answered intervals, in order, with its verdict."""
    for span in spans(status, stand):
        answer = answers.get(span.key)
        if answer is None or unanswered(answer):
            break
        interval: Interval[Measure] = Interval(
            span.end.timestamp(), stand.index, answer.incumbent.measure, answer.candidate.measure
        )
        state = _sound(span.signal, stand.plan, status, interval)
        update = {
            "until": span.end,
            "state": state,
            "intervals": min(status.intervals + 1, MOST_COUNTED),
        }
        status = status.model_copy(update=update)
    return judged(status, stand)


def _sound(
    signal: Signal,
    plan: ModelReleaseSpec,
    status: HypothesisStatus,
    interval: Interval[Measure],
) -> list[float]:
    """The state after the interval; numbers that no arithmetic bears were not measured."""
    try:
        state = _advanced(signal, plan, status, interval)
    except (ArithmeticError, ValueError):
        return status.state
    return state if all(map(isfinite, state)) else status.state


def _advanced(
    signal: Signal,
    plan: ModelReleaseSpec,
    status: HypothesisStatus,
    interval: Interval[Measure],
) -> list[float]:
    """Sums, and the edge of a latency; the first interval with requests only sets the scale."""
    sums, edge = _stored(status)
    if sums is None and signal.type is SignalType.LATENCY:
        edge = edge_of(interval.incumbent, signal.quantile or 0.99)
    counts = counted(signal, interval, edge)
    if sums is None:
        sums = confidence.begin(counts, _exposure(plan))
    else:
        sums = confidence.advance(sums, counts, relative=status.relative)
    return [] if sums is None else [*sums.to_floats(), *([] if edge is None else [edge])]


def _stored(status: HypothesisStatus) -> tuple[Sums | None, float | None]:
    """What was stored; a state that makes no sense counts as none."""
    numbers, rest = status.state[:7], status.state[7:]
    try:
        return Sums.from_floats(numbers), rest[0] if rest else None
    except ValueError:
        return None, None


def _exposure(plan: ModelReleaseSpec) -> float:
    """Σ weight·(1 − weight) over the planned intervals: how much is learnt from them."""
    length = plan.analysis.evidence_interval
    shares = ((step.weight / 100.0, step.hold / length) for step in plan.steps)
    return sum(w * (1.0 - w) * intervals for w, intervals in shares)


def judged(status: HypothesisStatus, stand: Stand) -> HypothesisStatus:
    """The interval and the verdict that follow from the sums."""
    plan, hope = stand.plan, stand.plan.hypothesis
    assert hope is not None
    signal = signal_of(plan)
    assert signal is not None
    falls = _falls(signal, hope)
    expected = hope.improve_by.relative or hope.improve_by.absolute or 0.0
    status = status.model_copy(update={"expected": expected})
    sums, _ = _stored(status)
    found = confidence.bounds(sums, relative=status.relative) if sums is not None else None
    over = stand.index >= len(plan.steps)
    if sums is None or found is None:
        text = "nothing could be compared" if over else "nothing was compared yet"
        return _concluded(status, Hope.NOT_DECIDABLE if over else Hope.TESTING, text)
    estimate, low, high = map(_bounded, _improvements(found, status.relative, falls))
    update = {"estimate": estimate, "low": low, "high": high}
    status = status.model_copy(
        update={name: each if each is None else rounded(each) for name, each in update.items()}
    )
    if low is not None and low >= expected:
        return _concluded(status, Hope.REACHED, "")
    if high is not None and high < expected:
        return _concluded(status, Hope.NOT_REACHED, "")
    if over:
        return _concluded(status, Hope.NOT_DECIDABLE, "")
    return _concluded(status, Hope.TESTING, _forecast(status, sums, plan, falls))


def _falls(signal: Signal, hope: Hypothesis) -> bool:
    """Whether less is better."""
    natural = signal.type in (SignalType.ERROR_RATE, SignalType.LATENCY)
    return natural or hope.better is Better.LOWER


def _improvements(
    found: Bounds, relative: bool, falls: bool
) -> tuple[float, float | None, float | None]:
    """Estimate, low and high of the improvement, from those of θ."""
    same, sign = (1.0 if relative else 0.0), (-1.0 if falls else 1.0)

    def better(theta: float | None) -> float | None:
        return None if theta is None else sign * (theta - same)

    estimate = sign * (found.estimate - same)
    low, high = (found.high, found.low) if falls else (found.low, found.high)
    return estimate, better(low), better(high)


def _bounded(value: float | None) -> float | None:
    """None for a ratio to next to nothing that no number can hold."""
    return value if value is not None and isfinite(value) else None


def _forecast(status: HypothesisStatus, sums: Sums, plan: ModelReleaseSpec, falls: bool) -> str:
    """How much longer it would take, if all goes on as it did."""
    same, sign = (1.0 if status.relative else 0.0), (-1.0 if falls else 1.0)
    target = same + sign * status.expected
    times = confidence.needed(sums, target, relative=status.relative) or inf
    more = (times - 1.0) * status.intervals * plan.analysis.evidence_interval.total_seconds()
    if not more <= _FORESEEN_S:
        return "with this traffic it will hardly be decided"
    minutes = timedelta(minutes=max(1, round(more / 60.0)))
    return f"if it goes on like this, it is decided after about {format_duration(minutes)} more"


def _concluded(status: HypothesisStatus, verdict: Hope, text: str) -> HypothesisStatus:
    update: dict[str, object] = {"verdict": verdict}
    status = status.model_copy(update=update)
    seen = f"{_figure(status, status.expected)} better expected of {status.signal}"
    if status.estimate is not None:
        low, high = (_figure(status, bound) for bound in (status.low, status.high))
        seen += f", {_figure(status, status.estimate)} seen ({low} to {high})"
    words = {
        Hope.TESTING: "not decided yet",
        Hope.REACHED: "reached",
        Hope.NOT_REACHED: "not reached",
        Hope.NOT_DECIDABLE: "not decidable with this traffic",
    }
    message = f"{words[verdict]}: {seen}"
    return status.model_copy(update={"message": f"{message}; {text}" if text else message})


def _figure(status: HypothesisStatus, value: float | None) -> str:
    if value is None or not isfinite(value):
        return "unbounded"
    return f"{100 * value:.3g} %" if status.relative else f"{value:.3g}"


def ended(status: ModelReleaseStatus) -> HypothesisStatus | None:
    """The hypothesis of a status: with the release over, what is not decided is not decidable."""
    hope, release = status.hypothesis, status.release
    over = release is not None and release.outcome in (Outcome.PROMOTED, Outcome.REVERTED)
    if hope is None or not over or hope.verdict is not Hope.TESTING:
        return hope
    return _concluded(hope, Hope.NOT_DECIDABLE, "")


def account(status: ModelReleaseStatus) -> str:
    """What is added to the last word on a release; nothing without a hypothesis, or before the first
    interval: what failed to start says nothing about it."""
    hope = status.hypothesis
    if hope is None or hope.intervals == 0:
        return ""
    if hope.verdict is Hope.TESTING:
        hope = _concluded(hope, Hope.NOT_DECIDABLE, "")
    return f". Hypothesis {hope.message}"
