"""The steps of a release as a bar: which are behind, where it stands, and how much of the hold is covered."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from surefoot.cli.reading import number, part, parts, words
from surefoot.cli.wording import percent, span

_BAR_WIDTH = 24


def step_lines(status: Mapping[str, Any]) -> list[tuple[str, RenderableType]]:
    """Labelled lines: the steps, and the running hold. None when no release is in flight."""
    step = part(status, "step")
    if not step or part(status, "release").get("outcome"):
        return []
    lines: list[tuple[str, RenderableType]] = [("Steps", _steps(status, step))]
    hold = number(step, "holdSeconds")
    if hold:
        lines.append(("Hold", _hold(number(step, "coveredSeconds") or 0, hold)))
    return lines


def _steps(status: Mapping[str, Any], step: Mapping[str, Any]) -> Text:
    """`✔ 1% 30m  ▶ 5% 1h  · 25% 4h  · bake 24h`: from the last sound spec that the status keeps."""
    text = Text().append(words(step, "position"), style="bold")
    index = number(step, "index")
    for place, (name, lasts) in enumerate(_planned(part(status, "release", "acceptedSpec"))):
        done, here = index is not None and place < index, place == index
        mark, style = ("✔", "green") if done else ("▶", "bold cyan") if here else ("·", "dim")
        text.append("   ").append(f"{mark} {name}", style=style).append(f" {lasts}", style="dim")
    return text


def _planned(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    steps = [(percent(number(s, "weight")), words(s, "hold")) for s in parts(spec, "steps")]
    return [*steps, ("bake", words(spec, "bake"))] if steps else []


def _hold(covered: float, total: float) -> Table:
    covered = min(max(covered, 0), total)
    line = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=total, completed=covered, width=_BAR_WIDTH)
    words_beside = Text(
        f"{covered / total:.0%}  {span(covered)} of {span(total)} covered by samples"
    )
    line.add_row(bar, words_beside)
    return line
