"""The list of records."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from surefoot.cli.history import table_of
from tests.support.examples import EXAMPLES
from tests.support.kube import load_all
from tests.unit.cli.releases import text_of

(OPEN,) = load_all(EXAMPLES / "valid" / "record-open.yaml")
(FULL,) = load_all(EXAMPLES / "valid" / "record-full.yaml")
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def record(body: dict[str, Any], namespace: str = "risk", **spec: Any) -> dict[str, Any]:
    made = deepcopy(body)
    made["metadata"]["namespace"] = namespace
    made["spec"] |= spec
    return made


def test_one_row_for_each_record_the_newest_last() -> None:
    again = record(OPEN, attempt=2, startedAt="2026-01-05T11:56:00.000000Z")
    shown = text_of(table_of([again, record(FULL)], False, NOW)).splitlines()
    headings, ended = (line.split() for line in shown[:2])
    assert headings[:5] == ["RELEASE", "CANDIDATE", "INCUMBENT", "ATTEMPT", "OUTCOME"]
    assert headings[5:] == ["MOST", "STARTED", "TOOK", "REASON", "MESSAGE"]
    assert ended[:5] == ["fraud", "42", "41", "1", "Reverted"]
    assert ended[5:9] == ["5%", "3h", "1h12m", "ThresholdCrossed"]
    assert " ".join(ended[9:]) == "errors: 0.12, the limit is ≤ 0.05; at 5 %"
    assert shown[2].split() == ["fraud", "42", "41", "2", "open", "-", "4m", "-", "-", "-"]
    assert shown[0].index("OUTCOME") == shown[1].index("Reverted") == shown[2].index("open")


def test_of_every_namespace_each_row_begins_with_its_own() -> None:
    rows = text_of(table_of([record(OPEN), record(OPEN, "ads")], True, NOW)).splitlines()
    assert [row.split()[0] for row in rows] == ["NAMESPACE", "ads", "risk"]


def test_a_record_that_says_nothing_is_a_row_of_dashes() -> None:
    odd = {"metadata": {}, "spec": {"end": {"exposure": [{"weight": "x"}]}, "startedAt": 3}}
    (_, row) = text_of(table_of([odd], False, NOW)).splitlines()
    assert set(row.split()) == {"-", "open"}
