"""Follow one release: an endless run of its states, and the two ways to show them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from surefoot.cli.kube import Cluster, Object
from surefoot.cli.outcome import changes, ended, line
from surefoot.cli.picture import render
from surefoot.cli.problem import Problem, as_problems
from surefoot.cli.reading import clean

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0


@dataclass
class Lost:
    """The API server does not answer; it is being asked again."""

    why: str


def states(
    cluster: Cluster, name: str, pause: Callable[[float], object] = time.sleep
) -> Iterator[Object | Lost]:
    """Each new state of a release, across dropped connections. Raises `Problem` when it is deleted.

    A first failure is raised as well: a wrong name or address will not get better by waiting.
    """
    release = cluster.release(name)
    pause_s = _FIRST_PAUSE_S
    while True:
        yield release
        try:
            for event in _events(cluster, name, release):
                pause_s = _FIRST_PAUSE_S
                yield event
            again = _read(cluster, name)
        except Problem as problem:
            if not problem.is_passing:
                raise
            again = Lost(str(problem))
        while isinstance(again, Lost):
            yield again
            pause(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            again = _read(cluster, name)
        release = again


def _events(cluster: Cluster, name: str, since: Object) -> Iterator[Object]:
    """New states until the stream ends; raises `Problem` when the connection drops.

    A deletion ends the stream too: the read that follows finds out whether a new release took the name.
    """
    with as_problems(f"Cannot watch {clean(name)}"):
        for event in cluster.stream(name, since["metadata"]["resourceVersion"]):
            if not isinstance(event, dict) or event.get("type") == "DELETED":
                return
            if event.get("type") in ("ADDED", "MODIFIED"):
                yield event["object"]


def _read(cluster: Cluster, name: str) -> Object | Lost:
    try:
        return cluster.release(name)
    except Problem as problem:
        if problem.is_passing:
            return Lost(str(problem))
        raise


def follow(
    seen: Iterator[Object | Lost], show: Callable[[Object | Lost], None], forever: bool
) -> bool:
    """Show state after state until the release has ended; whether it was promoted."""
    for state in seen:
        show(state)
        end = None if isinstance(state, Lost) or forever else ended(state)
        if end is not None:
            return end
    return False


@dataclass
class Lines:
    """For a pipe: one line per change."""

    console: Console
    last: object = None

    def show(self, state: Object | Lost) -> None:
        found = state.why if isinstance(state, Lost) else changes(state)
        if found == self.last:
            return
        self.last = found
        text = state.why if isinstance(state, Lost) else line(state, datetime.now(UTC))
        self.console.print(Text(text), soft_wrap=True)
        self.console.file.flush()


@dataclass
class Screen:
    """For a terminal: the picture that `rich.live` draws again and again, so that ages stay current."""

    release: Object | None = None
    lost: Lost | None = None

    def show(self, state: Object | Lost) -> None:
        if isinstance(state, Lost):
            self.lost = state
        else:
            self.release, self.lost = state, None

    def picture(self) -> RenderableType:
        drawn = render(self.release, datetime.now(UTC)) if self.release else Text("…")
        return Group(drawn, Text(self.lost.why, style="yellow")) if self.lost else drawn


def follow_on(console: Console, seen: Iterator[Object | Lost], forever: bool) -> bool:
    """Follow in the way that fits where the output goes; whether the release was promoted."""
    if not console.is_terminal:
        return follow(seen, Lines(console).show, forever)
    screen = Screen()
    with Live(console=console, get_renderable=screen.picture, refresh_per_second=2):
        return follow(seen, screen.show, forever)
