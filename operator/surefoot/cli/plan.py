"""`kubectl surefoot plan`: what a release will be able to see, before it is applied."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context

from surefoot.api.durations import format_duration, parse_duration
from surefoot.api.spec import ModelReleaseSpec
from surefoot.cli.access import Access
from surefoot.cli.arms import Arms
from surefoot.cli.plan_traffic import Figures, Look, given, measured
from surefoot.cli.problem import Problem
from surefoot.cli.progress import progress
from surefoot.cli.releasefile import ReleaseFile, read
from surefoot.planning.forecast import Forecast, assemble
from surefoot.planning.today import Today
from surefoot.planning.work import Task, carry_out, tasks

_MOST_PROCESSES = 8
_OVER = "15m"


def forecast_of(spec: ModelReleaseSpec, today: Today, runs: int | None) -> Forecast:
    """Simulate on all cores, with a progress line. Raises `Problem` where a process dies."""
    todo = tasks(spec, today, runs)
    workers = min(len(todo), os.cpu_count() or 1, _MOST_PROCESSES)
    done: list[tuple[Task, object]] = []
    with progress("simulating", len(todo)) as advance:
        if workers < 2:
            for task in todo:
                done.append((task, carry_out(task)))
                advance(task.signal.name)
        else:
            done = _spread(todo, workers, advance)
    return assemble(spec, today, done)


def _spread(
    todo: list[Task], workers: int, advance: Callable[[str], None]
) -> list[tuple[Task, object]]:
    done = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(carry_out, task): task for task in todo}
        try:
            for future in as_completed(waiting):
                done.append((waiting[future], future.result()))
                advance(waiting[future].signal.name)
        except BrokenProcessPool:
            raise Problem(
                "A process of the simulation was ended from outside: is memory short?"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    traffic: float | None
    error_rate: float | None
    labelled: float
    over: str | None
    runs: int | None
    incumbent: str | None
    namespace: str | None


def run(file: str, asked: Asked, access: Access, output: str | None) -> None:
    """The whole command. Raises `Problem`."""
    _check(asked, access)
    release = read(file, access.release_class)
    if not release.spec.signals:
        raise Problem(f"{release.name} has no signals: there is nothing that a release could see")
    today, source = _today(release, asked, access)
    found = forecast_of(release.spec, today, asked.runs)
    _show(release.name, source, found, output)


def _check(asked: Asked, access: Access) -> None:
    """What only says how Prometheus is read has no place where it is not. Raises `Problem`."""
    if asked.traffic is None or access.address is not None:
        return
    options = {
        "--over": asked.over,
        "--incumbent": asked.incumbent,
        "--credentials": access.credentials,
    }
    if idle := [option for option, value in options.items() if value is not None]:
        raise Problem(
            f"With --traffic Prometheus is not read, so that {' and '.join(idle)} would do nothing: leave out "
            "one or the other, or pass --prometheus as well"
        )


def _today(release: ReleaseFile, asked: Asked, access: Access) -> tuple[Today, str]:
    """Today's traffic, and where it is from."""
    figures = Figures(asked.traffic, asked.error_rate, asked.labelled)
    if asked.traffic is not None and access.address is None:
        return given(release.spec, figures), "as given"
    over = _over(asked.over or _OVER)
    arms = Arms(release, lambda: access.connect(asked.namespace), asked.namespace, asked.incumbent)
    look = Look(arms.namespace, arms.incumbent, over, access)
    today, where = measured(release.spec, figures, look)
    return today, f"{arms.incumbent.workload} over the last {format_duration(over)}, from {where}"


def _over(text: str) -> timedelta:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise Problem(f"--over: {error}") from None
    if not timedelta(minutes=1) <= found <= timedelta(days=1):
        raise Problem("--over must be between 1m and 1d")
    return found


def _show(name: str, source: str, found: Forecast, output: str | None) -> None:
    from surefoot.cli import plan_page, plan_picture, plan_words, terminal

    if output == "json":
        terminal.dump(plan_words.as_json(name, source, found))
    elif output == "html":
        import typer

        typer.echo(plan_page.page(name, source, found), nl=False)
    else:
        terminal.draw(plan_picture.render(name, source, found))
