"""All releases of a namespace or of the cluster, in the columns that `kubectl get mr` has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from surefoot.cli.picture import columns, phase_colour
from surefoot.cli.reading import moment, number, part, words
from surefoot.cli.wording import ABSENT, age, percent


def table_of(releases: list[Mapping[str, Any]], everywhere: bool, now: datetime) -> Table:
    """One row for each release, by namespace and name."""
    headings = ("NAME", "PHASE", "WEIGHT", "STEP", "CANDIDATE", "INCUMBENT", "AGE", "REASON")
    table = columns(*(("NAMESPACE",) if everywhere else ()), *headings)
    for release in sorted(releases, key=_place):
        namespace = [Text(_place(release)[0])] if everywhere else []
        table.add_row(*namespace, *_row(release, now))
    return table


def _place(release: Mapping[str, Any]) -> tuple[str, str]:
    metadata = part(release, "metadata")
    return words(metadata, "namespace"), words(metadata, "name")


def _row(release: Mapping[str, Any], now: datetime) -> list[Text]:
    metadata, status = part(release, "metadata"), part(release, "status")
    phase = words(status, "phase", ABSENT)
    return [
        Text(words(metadata, "name", ABSENT)),
        Text(phase, style=phase_colour(phase)),
        Text(percent(number(part(status, "traffic"), "observed"))),
        Text(words(part(status, "step"), "position", ABSENT)),
        Text(words(part(release, "spec", "candidate"), "version", ABSENT)),
        Text(words(part(status, "incumbent"), "version", ABSENT)),
        Text(age(moment(metadata, "creationTimestamp"), now)),
        Text(words(status, "reason", ABSENT)),
    ]
