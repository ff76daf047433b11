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
from surefoot.cli.arms import Arms
from surefoot.cli.kube import connect
from surefoot.cli.plan_traffic import Figures, Look, given, measured
from surefoot.cli.problem import Problem
from surefoot.cli.progress import progress
from surefoot.cli.releasefile import ReleaseFile, read
from surefoot.planning.forecast import Forecast, assemble
from surefoot.planning.today import Today
from surefoot.planning.work import Task, carry_out, tasks

_MOST_PROCESSES = 8


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
    over: str
    runs: int | None
    prometheus: str | None
    incumbent: str | None


def run(
    file: str, asked: Asked, output: str | None, access: tuple[str | None, str | None, str | None]
) -> None:
    """The whole command. Raises `Problem`."""
    release = read(file)
    if not release.spec.signals:
        raise Problem(f"{release.name} has no signals: there is nothing that a release could see")
    today, source = _today(release, asked, access)
    found = forecast_of(release.spec, today, asked.runs)
    _show(release.name, source, found, output)


def _today(
    release: ReleaseFile, asked: Asked, access: tuple[str | None, str | None, str | None]
) -> tuple[Today, str]:
    figures = Figures(asked.traffic, asked.error_rate, asked.labelled)
    if asked.traffic is not None and asked.prometheus is None:
        return given(release.spec, figures), "as given"
    namespace, context, kubeconfig = access
    over = _over(asked.over)
    arms = Arms(
        release, lambda: connect(namespace, context, kubeconfig), namespace, asked.incumbent
    )
    look = Look(arms.namespace, arms.incumbent, over, asked.prometheus, context, kubeconfig)
    source = f"{arms.incumbent.workload} over the last {format_duration(over)}"
    return measured(release.spec, figures, look), source


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
        terminal.dump(plan_words.as_json(name, found))
    elif output == "html":
        import typer

        typer.echo(plan_page.page(name, source, found), nl=False)
    else:
        terminal.draw(plan_picture.render(name, source, found))
