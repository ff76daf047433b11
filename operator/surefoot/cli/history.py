"""How releases ended: the ReleaseRecords of a namespace or of the cluster, one row each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from surefoot.cli.picture import columns
from surefoot.cli.reading import moment, number, part, parts, words
from surefoot.cli.wording import ABSENT, age, percent, span

_HEADINGS = (
    "RELEASE", "CANDIDATE", "INCUMBENT", "ATTEMPT", "OUTCOME", "MOST", "STARTED", "TOOK", "REASON",
    "MESSAGE",
)  # fmt: skip
_COLOURS = {"Promoted": "green", "Reverted": "red"}


def table_of(records: list[Mapping[str, Any]], everywhere: bool, now: datetime) -> Table:
    """One row for each record, by namespace and release, the newest last."""
    table = columns(*(("NAMESPACE",) if everywhere else ()), *_HEADINGS)
    for record in sorted(records, key=_place):
        namespace = [Text(_place(record)[0])] if everywhere else []
        table.add_row(*namespace, *_row(part(record, "spec"), now))
    return table


def _place(record: Mapping[str, Any]) -> tuple[str, str, str]:
    spec = part(record, "spec")
    namespace = words(part(record, "metadata"), "namespace")
    return namespace, words(spec, "releaseName"), words(spec, "startedAt")


def _row(spec: Mapping[str, Any], now: datetime) -> list[Text]:
    end, started = part(spec, "end"), moment(spec, "startedAt")
    outcome, ended = words(end, "outcome", "open"), moment(end, "endedAt")
    weights = [w for w in (number(e, "weight") for e in parts(end, "exposure")) if w is not None]
    took = span((ended - started).total_seconds()) if started and ended else ABSENT
    return [
        Text(words(spec, "releaseName", ABSENT)),
        Text(words(part(spec, "candidate"), "version", ABSENT)),
        Text(words(part(spec, "incumbent"), "version", ABSENT)),
        Text(words(spec, "attempt", ABSENT)),
        Text(outcome, style=_COLOURS.get(outcome, "")),
        Text(percent(max(weights, default=None))),
        Text(age(started, now)),
        Text(took),
        Text(words(end, "reason", ABSENT)),
        Text(words(end, "message", ABSENT)),
    ]
