"""What `probe` prints: a table with both arms of every signal, the queries, and where to look."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.adapters.prometheus.presets import source_of
from surefoot.cli.picture import columns, verdict_colour
from surefoot.cli.probe import ArmFound, Found, unreadable
from surefoot.cli.reading import clean
from surefoot.cli.wording import ABSENT, figure
from surefoot.engine.questions import ArmRef


def page(where: str, found: Sequence[Found]) -> RenderableType:
    """What was asked, and all that it gave."""
    return Group(Text(clean(where), style="dim"), Text(), table_of(found))


def table_of(found: Sequence[Found]) -> RenderableType:
    """Two rows for each signal, the candidate's with the verdict; then queries and hints."""
    table = columns(
        "SIGNAL", "TYPE", "ARM", "SERIES", "SAMPLES", "VALUE", "LIMIT", "VERDICT", "WHAT IT SAYS"
    )
    for each in found:
        _rows(table, each)
    sections: list[RenderableType] = [table, Text(), Text("Queries", style="bold"), _queries(found)]
    hints = _hints(found)
    if hints.row_count:
        sections += [Text(), Text("Where to look", style="bold"), hints]
    return Group(*sections, Text(), _total(found))


def _rows(table: Table, each: Found) -> None:
    signal, candidate, incumbent = each.signal, each.candidate, each.incumbent
    verdict = Text(each.verdict, style=verdict_colour(each.verdict))
    said = candidate.problem or each.reason or candidate.note
    if candidate.missing and each.readable:
        said = f"nothing yet, as before its first traffic ({said})"
    table.add_row(
        Text(signal.name), Text(signal.type.value), Text("candidate"), *_figures(candidate),
        Text(each.limit or ABSENT), verdict, Text(clean(said)),
    )  # fmt: skip
    table.add_row(
        Text(), Text(), Text("incumbent"), *_figures(incumbent), Text(), Text(),
        Text(clean(incumbent.problem or incumbent.note), style="red" if incumbent.problem else ""),
    )  # fmt: skip


def _figures(arm: ArmFound) -> list[Text]:
    counted = ABSENT if arm.samples is None else f"{arm.samples:g}"
    series = ABSENT if arm.series is None else str(arm.series)
    return [Text(series), Text(counted), Text(figure(arm.value))]


def _queries(found: Sequence[Found]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in found:
        for query in each.queries or ("none was asked",):
            table.add_row(Text(each.signal.name), Text(clean(query), style="dim"))
    return table


def _hints(found: Sequence[Found]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, show_header=False)
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in found:
        for name, arm in (("candidate", each.candidate), ("incumbent", each.incumbent)):
            if arm.hint:
                table.add_row(Text(each.signal.name), Text(name), Text(clean(arm.hint)))
        for caveat in () if each.readable else _caveats(each):
            table.add_row(Text(each.signal.name), Text("preset"), Text(caveat))
    return table


def _caveats(each: Found) -> tuple[str, ...]:
    """What is to be known of the preset of a signal without samples: mostly that is why."""
    found = source_of(each.signal)
    missing = each.candidate.missing or each.incumbent.missing
    return found[0].caveats if missing and not isinstance(found, str) else ()


def _total(found: Sequence[Found]) -> Text:
    failing = unreadable(found)
    if not failing:
        return Text(f"All {len(found)} signals can be read.", style="green")
    return Text(
        f"{len(failing)} of {len(found)} signals cannot be read: {', '.join(failing)}",
        style="bold red",
    )


def as_json(
    name: str,
    namespace: str,
    arms: tuple[ArmRef, ArmRef],
    where: str,
    at: datetime,
    found: Sequence[Found],
) -> dict[str, Any]:
    """All of it, for programs; what is not known is null."""
    return {
        "release": name,
        "namespace": namespace,
        "prometheus": where,
        "at": at.isoformat(),
        "arms": {
            side: {"workload": arm.workload, "service": arm.service, "port": arm.port or None}
            for side, arm in zip(("candidate", "incumbent"), arms, strict=True)
        },
        "signals": [_signal_json(each) for each in found],
    }


def _signal_json(each: Found) -> dict[str, Any]:
    source = each.signal.source
    return {
        "name": each.signal.name,
        "type": each.signal.type.value,
        "preset": source.preset if source else None,
        "queries": list(each.queries),
        "readable": each.readable,
        "verdict": each.verdict,
        "reason": each.reason,
        "limit": each.limit or None,
        "candidate": _arm_json(each.candidate),
        "incumbent": _arm_json(each.incumbent),
    }


def _arm_json(arm: ArmFound) -> dict[str, Any]:
    return {
        "series": arm.series,
        "samples": arm.samples,
        "value": arm.value,
        "newest": arm.newest.isoformat() if arm.newest else None,
        "note": arm.note or None,
        "problem": arm.problem,
        "hint": arm.hint,
    }
