"""Today's traffic for a forecast: from Prometheus where it is asked, else given or assumed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.wants import Ask
from surefoot.api.durations import format_duration
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import SignalType
from surefoot.cli.access import Access
from surefoot.cli.problem import Problem
from surefoot.cli.prometheus import open_prometheus
from surefoot.engine.questions import Answer, ArmRef, Question
from surefoot.engine.tick import source_of
from surefoot.planning.today import Baseline, Today, assumed
from surefoot.stats.measures import Counts, Measure

_PER_REQUEST = (SignalType.ERROR_RATE, SignalType.LATENCY, SignalType.DRIFT)
"""Types that have a sample for every request, the best first."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the options say of the traffic; None is read or assumed. `labelled`: the share of requests
    whose outcome comes back."""

    rps: float | None = None
    error_rate: float | None = None
    labelled: float = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """Where and how Prometheus is asked: `over` is how much of the past is read."""

    namespace: str
    incumbent: ArmRef
    over: timedelta
    access: Access = field(default_factory=Access)


DEFAULT_ERROR_RATE = 0.005


def given(spec: ModelReleaseSpec, figures: Figures) -> Today:
    """From the options alone. `figures.rps` must be there."""
    if figures.rps is None:
        raise ValueError("the requests per second are not given")
    rate = figures.error_rate if figures.error_rate is not None else DEFAULT_ERROR_RATE
    found = {s.name: assumed(s, rate, figures.labelled) for s in spec.signals}
    if figures.error_rate is None:
        text = f"an error rate of {DEFAULT_ERROR_RATE:g}"
        for signal in spec.signals:
            base = found[signal.name]
            if base is not None and signal.type is SignalType.ERROR_RATE:
                found[signal.name] = replace(base, assumed=text)
    return Today(figures.rps, {name: base for name, base in found.items() if base is not None})


def measured(spec: ModelReleaseSpec, figures: Figures, look: Look) -> tuple[Today, str]:
    """What the incumbent showed lately, and whom that is from; what Prometheus has no samples of is
    assumed. Raises `Problem`."""
    answers, where = asyncio.run(_ask(spec, look))
    return today_of(spec, figures, look, answers), where


async def _ask(spec: ModelReleaseSpec, look: Look) -> tuple[Mapping[str, Answer], str]:
    async with open_prometheus(look.access, spec) as prometheus:
        answers = await read(spec, look, prometheus.ask, prometheus.scrape_interval)
        return answers, prometheus.where


async def read(
    spec: ModelReleaseSpec, look: Look, ask: Ask, scrape_interval: timedelta
) -> Mapping[str, Answer]:
    """Answers about the incumbent by signal name."""
    now = datetime.now(UTC)
    questions, source = {}, source_of(spec)
    forced = source.forced if source is not None else ()
    for signal in spec.signals:
        end = now - scrape_interval - signal.delay
        questions[signal.name] = Question(
            signal,
            look.namespace,
            look.incumbent,
            look.incumbent,
            end - look.over,
            end,
            matchers=forced,
        )
    # One look: every sample of it is read, however long it reaches back.
    asked = list(questions.values())
    answers = await collect(ask, asked, now, scrape_interval, look.over)
    return {name: answers[question.key] for name, question in questions.items()}


def today_of(
    spec: ModelReleaseSpec, figures: Figures, look: Look, answers: Mapping[str, Answer]
) -> Today:
    """From answers to baselines. Raises `Problem` where the traffic is neither given nor measured."""
    seconds = look.over.total_seconds()
    seen = _rps(spec, answers, seconds)
    rps = figures.rps if figures.rps is not None else seen
    if rps is None:
        raise Problem(_no_traffic(spec, look, answers))
    fallback = given(spec, replace(figures, rps=rps))
    found = dict(fallback.baselines)
    for signal in spec.signals:
        reading = answers[signal.name].incumbent
        measure = reading.measure
        fixed = signal.type is SignalType.ERROR_RATE and figures.error_rate is not None
        if measure is not None and measure.samples and signal.name in found and not fixed:
            sound, note = _sound(measure)
            found[signal.name] = Baseline(sound, measure.samples / seconds / (seen or rps), note)
        elif reading.problem is not None and signal.name in found and not fixed:
            old = found[signal.name]
            found[signal.name] = replace(old, assumed=f"{old.assumed} ({reading.problem.message})")
    return Today(rps, found)


def _sound(measure: Measure) -> tuple[Measure, str]:
    """Without a single error there is nothing to double: one is taken, and said so."""
    if isinstance(measure, Counts) and measure.bad < 1:
        return Counts(
            1.0, measure.total
        ), f"1 error in {measure.total:,.0f} requests; none was seen"
    return measure, ""


def _rps(spec: ModelReleaseSpec, answers: Mapping[str, Answer], seconds: float) -> float | None:
    for kind in _PER_REQUEST:
        for signal in spec.signals:
            measure = answers[signal.name].incumbent.measure
            if signal.type is kind and measure is not None and measure.samples:
                return measure.samples / seconds
    return None


def _no_traffic(spec: ModelReleaseSpec, look: Look, answers: Mapping[str, Answer]) -> str:
    problems = [answers[s.name].incumbent.problem for s in spec.signals]
    said = next((problem.message for problem in problems if problem is not None), "no requests")
    return (
        f"Prometheus has no traffic of {look.incumbent.workload} in the last "
        f"{format_duration(look.over)} ({said}): pass --traffic with the requests per second"
    )
