"""Following a release, in a pipe and on a terminal."""

from io import StringIO
from typing import Any

from rich.console import Console

from surefoot.cli.watching import Lines, Lost, Screen, follow, follow_on
from tests.unit.cli.releases import release, text_of

PROMOTED = release({"Promoted": ("True", "Promoted")}, phase="Idle")
REVERTED = release({"Promoted": ("False", "Aborted")}, phase="Reverted")


def pipe() -> tuple[Console, StringIO]:
    file = StringIO()
    return Console(file=file, width=80, force_terminal=False), file


def test_it_ends_with_the_release() -> None:
    assert follow(iter([release(), PROMOTED, REVERTED]), lambda _: None, forever=False) is True
    assert follow(iter([release(), REVERTED, PROMOTED]), lambda _: None, forever=False) is False


def test_forever_goes_on() -> None:
    seen: list[object] = []
    follow(iter([PROMOTED, REVERTED, release()]), seen.append, forever=True)
    assert seen == [PROMOTED, REVERTED, release()]


def test_a_pipe_gets_one_unbroken_line_per_change() -> None:
    console, file = pipe()
    states: list[dict[str, Any] | Lost] = [
        release(),
        release(message="moved"),
        Lost("gone"),
        Lost("gone"),
        PROMOTED,
    ]
    assert follow_on(console, iter(states), forever=False) is True
    progressing, lost, idle = file.getvalue().splitlines()
    assert "Progressing" in progressing
    assert lost == "gone"
    assert "Idle" in idle


def test_a_lost_server_is_shown_beside_the_last_picture() -> None:
    screen = Screen()
    assert text_of(screen.picture()).strip() == "…"
    screen.show(release())
    screen.show(Lost("cannot reach it"))
    assert "Progressing" in text_of(screen.picture())
    assert "cannot reach it" in text_of(screen.picture())
    screen.show(PROMOTED)
    assert "cannot reach it" not in text_of(screen.picture())


def test_a_terminal_keeps_the_last_picture() -> None:
    console = Console(file=StringIO(), width=120, height=60, force_terminal=True)
    assert follow_on(console, iter([release(), REVERTED]), forever=False) is False
    assert isinstance(console.file, StringIO)
    assert "Reverted" in console.file.getvalue()


def test_lines_repeat_nothing() -> None:
    console, file = pipe()
    lines = Lines(console)
    lines.show(release())
    lines.show(release())
    assert len(file.getvalue().splitlines()) == 1
