"""What came out, as the table of docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from environment import ROOT
from tests.chaos.kinds import KINDS
from tests.chaos.telling import AT_ONCE, Result

PAGE = ROOT / "docs" / "reliability.md"


def rows(results: Sequence[Result]) -> list[dict[str, object]]:
    """One row for each kind: runs, strikes, and how many ended as they have to. What strikes a whole
    group is in the result of each of its releases, and counts once."""
    runs, fine, struck = Counter[str](), Counter[str](), Counter[str]()
    for result in results:
        runs[result.kind] += 1
        fine[result.kind] += result.fine
        struck[result.kind] += result.struck
    for name in struck:
        if KINDS[name].to_all is not None:
            struck[name] = round(struck[name] / AT_ONCE)
    return [
        {
            "kind": name, "area": KINDS[name].area, "what": KINDS[name].what, "runs": runs[name],
            "struck": struck[name], "fine": fine[name],
        }
        for name in sorted(runs, key=_place)
    ]  # fmt: skip


def _place(name: str) -> tuple[int, int]:
    """Those of one area stand together, each in its order."""
    names, areas = list(KINDS), [kind.area for kind in KINDS.values()]
    return areas.index(KINDS[name].area), names.index(name)


def table(results: Sequence[Result]) -> str:
    """Markdown."""
    lines = [
        "| where | kind | what happens | runs | strikes | as it has to end |",
        "|---|---|---|--:|--:|--:|",
    ]
    lines += [
        f"| {row['area']} | `{row['kind']}` | {row['what']} | {row['runs']} | {row['struck']} | "
        f"{row['fine']} |"
        for row in rows(results)
    ]
    return "\n".join(lines)


def write_page(results: Sequence[Result]) -> None:
    """Put the table between the marks of the page."""
    before, _, rest = PAGE.read_text().partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- /table -->\n")
    PAGE.write_text(f"{before}<!-- table -->\n{table(results)}\n<!-- /table -->\n{after}")
