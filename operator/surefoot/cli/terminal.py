"""Where the plugin meets a terminal or a pipe: sessions, drawings, JSON, sentences."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

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
        say(f"Error: {problem}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


class _Harmless:
    """A drawing in which no words of others act on the terminal, wherever they come from."""

    def __init__(self, drawing: RenderableType) -> None:
        self._drawing = drawing

    def __rich_console__(self, to: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in to.render(self._drawing, options):
            if control is None:
                text = "\n".join(map(clean, text.split("\n")))
            yield Segment(text, style, control)


def console() -> Console:
    """Standard output; in a pipe without colours, and so wide that no row wraps."""
    found = Console(highlight=False, markup=False, emoji=False)
    if found.is_terminal:
        return found
    return Console(highlight=False, markup=False, emoji=False, no_color=True, width=_ENDLESS)


def draw(drawing: RenderableType) -> None:
    """Print a drawing; in a pipe without the blanks that pad a table's last column."""
    to, harmless = console(), _Harmless(drawing)
    if to.is_terminal:
        to.print(harmless)
        return
    with to.capture() as captured:
        to.print(harmless)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def say(text: object, err: bool = False) -> None:
    """Print one sentence that may carry someone else's words."""
    typer.echo(clean(text), err=err)


def dump(value: object) -> None:
    """Print JSON, escaped to ASCII, so that nothing in it can act on a terminal."""
    typer.echo(json.dumps(value, indent=2))
