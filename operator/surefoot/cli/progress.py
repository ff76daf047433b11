"""A line on standard error that says how far long work is; in a pipe nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[str], None]


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Call what it gives after each of `total` parts, with a word on what was done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(24),
        TextColumn("{task.completed}/{task.total}", markup=False), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)

        def advance(done: str) -> None:
            bar.update(task, advance=1, description=f"{what}: {done}" if done else what)

        yield advance
