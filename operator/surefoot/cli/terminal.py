"""Where the plugin meets a terminal or a pipe: sessions, drawings, JSON, sentences."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console, RenderableType

from surefoot.cli.kube import Cluster, connect
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean

_ENDLESS = 4000


@contextmanager
def session(
    namespace: str | None, context: str | None, kubeconfig: str | None
) -> Iterator[Cluster]:
    """A cluster to talk to; what goes wrong with it ends the program with one sentence."""
    with told():
        yield connect(namespace, context, kubeconfig)


@contextmanager
def told() -> Iterator[None]:
    """A `Problem` ends the program with its sentence, and an interrupt without any."""
    try:
        yield
    except Problem as problem:
        typer.echo(f"Error: {problem}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def console() -> Console:
    """Standard output; in a pipe without colours, and so wide that no row wraps."""
    found = Console(highlight=False, markup=False, emoji=False)
    if found.is_terminal:
        return found
    return Console(highlight=False, markup=False, emoji=False, no_color=True, width=_ENDLESS)


def draw(drawing: RenderableType) -> None:
    """Print a drawing; in a pipe without the blanks that pad a table's last column."""
    to = console()
    if to.is_terminal:
        to.print(drawing)
        return
    with to.capture() as captured:
        to.print(drawing)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def say(text: object, err: bool = False) -> None:
    """Print one sentence that may carry someone else's words."""
    typer.echo(clean(text), err=err)


def dump(value: object) -> None:
    """Print JSON, escaped to ASCII, so that nothing in it can act on a terminal."""
    typer.echo(json.dumps(value, indent=2))
