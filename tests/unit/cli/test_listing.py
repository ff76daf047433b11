"""The list of releases."""

from surefoot.cli.listing import table_of
from tests.unit.cli.releases import NOW, release, text_of


def test_one_row_for_each_release_by_namespace_and_name() -> None:
    other = release()
    other["metadata"] = {"name": "churn", "namespace": "ads"}
    other["status"] = {}
    shown = [row.split() for row in text_of(table_of([release(), other], True, NOW)).splitlines()]
    assert shown == [
        ["NAMESPACE", "NAME", "PHASE", "WEIGHT", "STEP", "CANDIDATE", "INCUMBENT", "AGE", "REASON"],
        ["ads", "churn", "-", "-", "-", "42", "-", "-", "-"],
        ["risk", "fraud", "Progressing", "5%", "2/3", "42", "41", "2d", "HoldRunning"],
    ]


def test_columns_are_aligned() -> None:
    long = release()
    long["metadata"]["name"] = "a-much-longer-name"
    first, second, third = text_of(table_of([long, release()], False, NOW)).splitlines()
    assert first.index("PHASE") == second.index("Progressing") == third.index("Progressing")
