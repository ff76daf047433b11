"""Steps that are too short for their signals, each in a sentence that says how long they must be."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor

from surefoot.api.durations import format_duration
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import OnBreach, SignalType
from surefoot.engine.judge import is_due, judges_from
from surefoot.planning.course import MOST_INTERVALS
from surefoot.planning.today import Baseline, Today
from surefoot.stats.measures import GroupRates


@dataclass(frozen=True, slots=True)
class Warning:
    """`step` counts from 0 (the bake is one past the last), None: the whole release.

    `needed_s`: how many seconds the step's hold (or with `window`, the signal's window) must have.
    """

    text: str
    signal: str | None = None
    step: int | None = None
    needed_s: float | None = None
    window: bool = False


def warnings_of(spec: ModelReleaseSpec, today: Today) -> list[Warning]:
    """All that can be told from durations and traffic alone, without a simulation."""
    found = [*_warmup(spec), *_intervals(spec)]
    for signal in spec.signals:
        found += _labels(spec, signal)
        baseline = today.baselines.get(signal.name)
        if baseline is not None:
            found += _samples(spec, signal, today.rps, baseline)
    return found


def length_text(seconds: float) -> str:
    """A duration as it is written in the resource, rounded up to what people would write."""
    unit = 1 if seconds < 120 else 60 if seconds < 7200 else 900
    return format_duration(timedelta(seconds=ceil(seconds / unit - 1e-9) * unit))


def step_name(spec: ModelReleaseSpec, index: int) -> str:
    """`step 2 (5 % for 1h)`, or `the bake (24h)`."""
    hold = format_duration(spec.hold_of(index))
    if index >= len(spec.steps):
        return f"the bake ({hold})"
    return f"step {index + 1} ({spec.weight_of(index)} % for {hold})"


def _warmup(spec: ModelReleaseSpec) -> list[Warning]:
    warm, first = spec.analysis.warmup, spec.steps[0].hold
    blind = [s.name for s in spec.signals if s.type is not SignalType.ERROR_RATE]
    if first > warm or not spec.signals:
        return []
    what = ", ".join(blind) if blind else "no comparison"
    least = warm + spec.analysis.min_adverse_intervals * spec.analysis.evidence_interval
    text = (
        f"step 1 is over before the warm-up of {format_duration(warm)} is: in it {what} cannot be "
        f"judged; hold it for at least {length_text(least.total_seconds())}"
        if blind
        else f"step 1 is over before the warm-up of {format_duration(warm)} is: nothing is compared "
        f"in it; hold it for at least {length_text(least.total_seconds())}"
    )
    return [Warning(text, None, 0, least.total_seconds())]


def _intervals(spec: ModelReleaseSpec) -> list[Warning]:
    """A step that closes fewer intervals than a revert takes adds evidence, but finds nothing by itself."""
    if not any(s.compare is not None and s.on_breach is OnBreach.REVERT for s in spec.signals):
        return []
    length = spec.analysis.evidence_interval.total_seconds()
    least = spec.analysis.min_adverse_intervals
    warm, begin, found = spec.analysis.warmup.total_seconds(), 0.0, []
    for index, step in enumerate(spec.steps):
        hold = step.hold.total_seconds()
        cold = min(hold, max(0.0, warm - begin))
        begin += hold
        whole = floor((hold - cold) / length + 1e-9)
        needed = cold + least * length
        if whole < least and (index > 0 or hold > warm):
            text = (
                f"{step_name(spec, index)} closes {whole} intervals of evidence, and a revert by "
                f"comparison takes at least {least}: hold it for {length_text(needed)} or longer"
            )
            found.append(Warning(text, None, index, needed))
        if whole > MOST_INTERVALS:
            text = (
                f"{step_name(spec, index)}: only its first "
                f"{length_text(cold + MOST_INTERVALS * length)} were simulated; it will see more"
            )
            found.append(Warning(text, None, index))
    return found


def _labels(spec: ModelReleaseSpec, signal: Signal) -> list[Warning]:
    if not signal.delay:
        return []
    needed = signal.delay + signal.window
    late = [i for i in range(len(spec.steps) + 1) if not is_due(signal, spec, i)]
    if not late:
        return []
    both = (
        f"the label delay of {format_duration(signal.delay)} and the window of "
        f"{format_duration(signal.window)}"
    )
    seconds, first = needed.total_seconds(), judges_from(signal, spec)
    if first is None:
        text = (
            f"{signal.name} never judges: neither a step nor the bake is as long as {both} together; "
            f"make one of them {length_text(seconds)} or longer, the bake best"
        )
        return [Warning(text, signal.name, len(spec.steps), seconds)]
    names = ", ".join(str(i + 1) for i in late if i < len(spec.steps))
    where = "the bake" if first == len(spec.steps) else f"step {first + 1}"
    text = (
        f"{signal.name} only watches in steps {names} and first judges in {where}: a step must be "
        f"{length_text(seconds)} long for {both}"
    )
    return [Warning(text, signal.name, late[0], seconds)]


def _samples(
    spec: ModelReleaseSpec, signal: Signal, rps: float, baseline: Baseline
) -> list[Warning]:
    """Steps in which a limit never has `minSamples`, or has them only after the hold."""
    if signal.threshold is None or signal.on_breach is OnBreach.OBSERVE:
        return []
    wanted, window = signal.threshold.min_samples, signal.window.total_seconds()
    warm, begin, found = spec.analysis.warmup.total_seconds(), 0.0, []
    if signal.type is SignalType.ERROR_RATE:
        warm = 0.0
    for index in range(len(spec.steps) + 1):
        hold = spec.hold_of(index).total_seconds()
        late = min(hold, max(0.0, warm - begin)) + signal.delay.total_seconds()
        begin += hold
        rate = rps * spec.weight_of(index) / 100.0 * baseline.per_request * _smallest(baseline)
        if rate <= 0.0 or not is_due(signal, spec, index) or late >= hold:
            continue
        name, needed = step_name(spec, index), wanted / rate
        have = f"{signal.name} has about {rate * min(window, hold - late):,.0f} of its {wanted:,} samples"
        if needed > window:
            text = (
                f"{name}: {have} within its window of {length_text(window)}, so that it never passes "
                f"there; make the window {length_text(needed)} or longer, or minSamples at most "
                f"{max(1, floor(0.8 * rate * window)):,}"
            )
            found.append(Warning(text, signal.name, index, needed, window=True))
        elif needed > hold - late:
            text = (
                f"{name}: {have} when its hold is over, and will make it wait; hold it for "
                f"{length_text(needed + late)} or longer"
            )
            found.append(Warning(text, signal.name, index, needed + late))
    return found


def _smallest(baseline: Baseline) -> float:
    """The share of the samples that the smallest group has: a minimum holds for each."""
    measure = baseline.measure
    if not isinstance(measure, GroupRates):
        return 1.0
    whole = sum(counts.total for _, counts in measure.groups)
    return measure.samples / whole if whole > 0 else 0.0
