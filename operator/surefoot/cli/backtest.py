"""`kubectl surefoot backtest`: what would have been decided on what Prometheus recorded."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.wants import Ask
from surefoot.api.base import is_label
from surefoot.api.durations import format_duration, parse_duration
from surefoot.api.spec import BackendRef, Candidate, ModelReleaseSpec, WorkloadRef
from surefoot.api.vocabulary import Outcome, SignalType
from surefoot.cli.access import Access
from surefoot.cli.arms import Arms
from surefoot.cli.halves import Halves, Shared, distinct, twin
from surefoot.cli.problem import Problem
from surefoot.cli.progress import Advance, progress
from surefoot.cli.prometheus import open_prometheus
from surefoot.cli.reading import clean
from surefoot.cli.releasefile import ReleaseFile, read
from surefoot.cli.replay import Collect, Replay, placed
from surefoot.cli.shift_option import Shifts, parse_shifts, with_shifts
from surefoot.engine.questions import Answer, ArmRef, Question

LONGEST = timedelta(days=60)

# Pods can only be dealt into halves where their samples are read, so long windows are read in full.
EVERY_SAMPLE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    start: str
    end: str | None
    shifts: Sequence[str]
    aa: bool
    splits: int
    incumbent: str | None
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """What is replayed: a release from `start` to `end`; `said` are the shifts as they were written,
    `where` is who recorded it."""

    release: ReleaseFile
    namespace: str
    incumbent: ArmRef
    candidate: ArmRef
    start: datetime
    end: datetime
    shifts: Shifts = field(default_factory=dict)
    said: tuple[str, ...] = ()
    where: str = ""

    @property
    def interval(self) -> timedelta:
        return self.release.spec.analysis.interval

    @property
    def ticks(self) -> int:
        return int((self.end - self.start) / self.interval) + 1


@dataclass(frozen=True, slots=True)
class Split:
    """One A/A split, and the release that it went through."""

    seed: int
    replay: Replay


def run(file: str, asked: Asked, access: Access, output: str | None) -> None:
    """The whole command. Raises `Problem`."""
    past = _past(read(file, access.release_class), asked, access)
    if asked.aa:
        past, splits = asyncio.run(_aa(past, asked, access))
        _show_aa(past, splits, output)
    else:
        past, replay = asyncio.run(_once(past, access))
        _show(past, replay, output)


def time_of(text: str, now: datetime, option: str) -> datetime:
    """A time as RFC 3339 has it (UTC without a zone), or how long ago: 3h. Raises `Problem`."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(
            f"{option} {clean(text)!r} is no time: write 2026-01-05T09:00:00Z, or how long ago: 3h"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _past(release: ReleaseFile, asked: Asked, access: Access) -> Past:
    now = datetime.now(UTC)
    start = time_of(asked.start, now, "--from")
    end = time_of(asked.end, now, "--to") if asked.end is not None else now
    if not start < end <= now + timedelta(minutes=1):
        raise Problem("--from must be before --to, and --to not in the future")
    if end - start > LONGEST:
        raise Problem(f"--from … --to spans more than {format_duration(LONGEST)}: choose less")
    if not release.spec.signals:
        raise Problem(f"{release.name} has no signals: there is nothing to judge by")
    shifts = parse_shifts(asked.shifts, release.spec)
    arms = Arms(release, lambda: access.connect(asked.namespace), asked.namespace, asked.incumbent)
    arm = arms.incumbent
    if arm.workload == arms.candidate.workload and not asked.aa:
        raise Problem(f"{arm.workload} is the candidate itself: pass --incumbent with what served")
    said = tuple(asked.shifts)
    return Past(release, arms.namespace, arm, arms.candidate, start, end, shifts, said)


async def _once(past: Past, access: Access) -> tuple[Past, Replay]:
    async with open_prometheus(access, past.release.spec) as prometheus:
        past = replace(past, where=prometheus.where)
        collected = collecting(prometheus.ask, prometheus.scrape_interval, past.shifts)
        replay = replay_of(past, past.release.spec, past.candidate, collected)
        with progress("replaying", past.ticks) as advance:
            await play([replay], past, advance)
        return past, replay


def collecting(ask: Ask, scrape_interval: timedelta, shifts: Shifts) -> Collect:
    """Answers at a past time, with the shifts in them."""

    async def collected(asked: Sequence[Question], now: datetime) -> Mapping[str, Answer]:
        answers = await collect(ask, asked, now, scrape_interval, EVERY_SAMPLE)
        return with_shifts(answers, asked, shifts)

    return collected


def replay_of(past: Past, spec: ModelReleaseSpec, candidate: ArmRef, collected: Collect) -> Replay:
    """A release that is applied at the start."""
    name = past.release.name
    return Replay(name, past.namespace, spec, candidate, past.incumbent, past.start, collected)


async def play(replays: Sequence[Replay], past: Past, advance: Advance) -> None:
    """Let time pass for all of them together, until all have ended or it is over."""
    now = past.start
    while now <= past.end and any(not replay.ended for replay in replays):
        for replay in replays:
            if not replay.ended:
                await replay.step(now)
        advance(now.strftime("%H:%M"))
        now += past.interval


async def _aa(past: Past, asked: Asked, access: Access) -> tuple[Past, list[Split]]:
    async with open_prometheus(access, past.release.spec) as prometheus:
        past = replace(past, where=prometheus.where)
        with progress(f"replaying {asked.splits} splits", past.ticks) as advance:
            return past, await splits_of(
                past, asked.splits, prometheus.ask, prometheus.scrape_interval, advance
            )


async def splits_of(
    past: Past, count: int, ask: Ask, scrape_interval: timedelta, advance: Advance
) -> list[Split]:
    """As many different splits as there are, at most `count`, each a release of its own. Raises
    `Problem` where there is nothing to split."""
    shared, arm = Shared(ask), twin(past.incumbent)
    spec = _splittable(past.release.spec, arm)
    halves = {seed: Halves(past.incumbent, seed) for seed in range(count)}
    made = {
        seed: replay_of(
            past, spec, arm, collecting(half.over(shared), scrape_interval, past.shifts)
        )
        for seed, half in halves.items()
    }
    await play(list(made.values()), past, advance)
    if (lonely := next(iter(halves.values())).lonely) is not None:
        raise Problem(
            f"{clean(lonely)} alone exports what a signal reads of {past.incumbent.workload}: an A/A "
            "split needs two pods (of the proxy, for a proxy's metrics)"
        )
    return [Split(seed, made[seed]) for seed in distinct(halves)]


def _splittable(spec: ModelReleaseSpec, arm: ArmRef) -> ModelReleaseSpec:
    """With the second half for a candidate, and without what cannot be split: a query of the user's."""
    signals = [signal for signal in spec.signals if signal.type is not SignalType.PROMQL]
    if not signals:
        raise Problem("Only PromQL signals are there, and a query of yours cannot be split by pod")
    if not (is_label(arm.workload) and is_label(arm.service)):
        raise Problem(f"{clean(arm.workload)} is too long a name for an A/A split")
    candidate = Candidate(
        version="aa",
        workload_ref=WorkloadRef(name=arm.workload),
        backend_ref=BackendRef(name=arm.service, port=placed(arm).port),
    )
    return spec.model_copy(update={"signals": signals, "candidate": candidate})


def reverted(splits: Sequence[Split]) -> int:
    """How many of the splits were given up."""
    return sum(split.replay.outcome is Outcome.REVERTED for split in splits)


def _show(past: Past, replay: Replay, output: str | None) -> None:
    from surefoot.cli import backtest_picture, terminal

    if output:
        terminal.dump(backtest_picture.as_json(past, replay))
    else:
        terminal.draw(backtest_picture.render(past, replay))


def _show_aa(past: Past, splits: Sequence[Split], output: str | None) -> None:
    from surefoot.cli import backtest_picture, terminal

    if output:
        terminal.dump(backtest_picture.aa_json(past, splits))
    else:
        terminal.draw(backtest_picture.render_aa(past, splits))
