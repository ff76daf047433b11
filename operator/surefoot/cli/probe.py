"""What each signal of a release would read from Prometheus now, through the operator's own code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.payload import Result, Vector
from surefoot.adapters.prometheus.wants import Ask
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import SignalType
from surefoot.cli.lookalikes import belongs, hint
from surefoot.engine.judge import Stand, judge, judges_from
from surefoot.engine.questions import Answer, ArmRef, ProblemKind, Question, Reading
from surefoot.engine.tick import source_of
from surefoot.engine.values import value_of
from surefoot.stats.measures import Measure


@dataclass(frozen=True, slots=True)
class ArmFound:
    """What was found of one arm. `series` is None where a query gives no series; `hint` says where to
    look when there are none."""

    series: int | None
    samples: float | None
    value: float | None
    note: str
    newest: datetime | None
    problem: str | None
    missing: bool
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One signal: what was asked, both arms, and what the operator would say of it."""

    signal: Signal
    queries: tuple[str, ...]
    candidate: ArmFound
    incumbent: ArmFound
    limit: str
    verdict: str
    reason: str

    @property
    def readable(self) -> bool:
        """Whether a release may rely on it: the incumbent's numbers are there, and the candidate's
        are, too, or are only not there yet."""
        awaited = self.candidate.problem is None or self.candidate.missing
        return awaited and self.incumbent.problem is None


class _Recorder:
    """Asks, and remembers what."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.results: dict[str, Result] = {}
        self.queries: list[str] = []

    async def __call__(self, query: str, at: float) -> Result:
        self.queries.append(query)
        found = await self._ask(query, at)
        self.results[query] = found
        return found


async def probe(
    ask: Ask,
    spec: ModelReleaseSpec,
    namespace: str,
    arms: tuple[ArmRef, ArmRef],
    now: datetime,
    scrape_interval: timedelta,
) -> list[Found]:
    """Every signal over its window that ends now. `arms` are candidate and incumbent."""
    found, source = [], source_of(spec)
    forced = source.forced if source is not None else ()
    for signal in spec.signals:
        asked = Question(signal, namespace, *arms, now - signal.window, matchers=forced)
        found.append(await _one(ask, spec, asked, now, scrape_interval))
    return found


async def _one(
    ask: Ask, spec: ModelReleaseSpec, asked: Question, now: datetime, scrape_interval: timedelta
) -> Found:
    recorder, signal = _Recorder(ask), asked.signal
    answer = (await collect(recorder, [asked], now, scrape_interval))[asked.key]
    if signal.query is not None:
        answer = await _both(recorder, asked, answer, now, scrape_interval)
    judged = judge(signal, _stand(spec, signal, now), None, answer)
    candidate, incumbent = (
        _arm(signal, reading, baseline, _counted(asked, recorder.results, of), of)
        for of, reading, baseline in (
            ("candidate", answer.candidate, answer.incumbent.measure),
            ("incumbent", answer.incumbent, answer.incumbent.measure),
        )
    )
    return Found(
        signal,
        tuple(dict.fromkeys(recorder.queries)),
        await _with_hint(ask, asked, candidate, "candidate", now),
        await _with_hint(ask, asked, incumbent, "incumbent", now),
        judged.status.limit,
        judged.status.verdict,
        judged.status.reason,
    )


async def _both(
    ask: Ask, asked: Question, answer: Answer, now: datetime, scrape_interval: timedelta
) -> Answer:
    """A PromQL query is about the candidate; with the arms swapped it shows what the incumbent gives,
    which is how a mistake in it can be seen before the candidate has traffic."""
    swapped = replace(asked, candidate=asked.incumbent, incumbent=asked.candidate)
    other = (await collect(ask, [swapped], now, scrape_interval))[swapped.key]
    return Answer(answer.candidate, other.candidate)


def _stand(spec: ModelReleaseSpec, signal: Signal, now: datetime) -> Stand:
    """In the first step that the signal judges, its whole window long."""
    index = judges_from(signal, spec)
    return Stand(spec, index or 0, now - signal.window - signal.delay, None, now)


def _arm(
    signal: Signal, reading: Reading, baseline: Measure | None, series: int | None, of: str
) -> ArmFound:
    value = value_of(signal, reading.measure, None, baseline)
    drifts = signal.type is SignalType.DRIFT and of == "incumbent"
    problem = reading.problem
    return ArmFound(
        series=series,
        samples=reading.measure.samples if reading.measure is not None else None,
        value=None if drifts else value.number,
        note="what the candidate is held against" if drifts else value.note,
        newest=reading.newest,
        problem=problem.message if problem else None,
        missing=problem is not None and problem.kind is ProblemKind.EMPTY,
    )


def _counted(asked: Question, results: dict[str, Result], of: str) -> int | None:
    """How many series of this arm Prometheus gave; None for a query of the user's."""
    if asked.signal.query is not None:
        return None
    given = [each for each in results.values() if not isinstance(each, Vector)]
    return sum(belongs(asked, series.labels, of) for result in given for series in result)


async def _with_hint(
    ask: Ask, asked: Question, found: ArmFound, of: str, now: datetime
) -> ArmFound:
    if not found.missing or asked.signal.query is not None:
        return found
    return replace(found, hint=await hint(ask, asked, of, now))


def unreadable(found: Sequence[Found]) -> list[str]:
    """Names of the signals that cannot be read."""
    return [each.signal.name for each in found if not each.readable]
