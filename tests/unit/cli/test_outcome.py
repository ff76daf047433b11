"""When `watch` ends, and its lines."""

import pytest

from surefoot.cli.outcome import changes, ended, line
from tests.unit.cli.releases import NOW, release


@pytest.mark.parametrize(
    ("condition", "phase", "end"),
    [
        (("True", "Promoted"), "Idle", True),
        (("False", "ThresholdCrossed"), "Reverted", False),
        (("False", "ThresholdCrossed"), "Reverting", None),
        (("False", "Superseded"), "Reverted", None),
        (("Unknown", "InFlight"), "Progressing", None),
    ],
)
def test_a_release_has_ended(condition: tuple[str, str], phase: str, end: bool | None) -> None:
    assert ended(release({"Promoted": condition}, phase=phase)) is end


def test_an_answer_about_an_older_spec_is_no_end() -> None:
    edited = release({"Promoted": ("True", "Promoted")})
    edited["metadata"]["generation"] = 4
    assert ended(edited) is None


def test_a_value_that_moves_is_no_change_but_a_verdict_is() -> None:
    moved, judged = release(message="another"), release()
    moved["status"]["signals"][0]["value"] = 0.02
    judged["status"]["signals"][0]["verdict"] = "Fail"
    assert changes(moved) == changes(release())
    assert changes(judged) != changes(release())


def test_a_line_says_it_all() -> None:
    assert line(release(), NOW) == (
        "12:00:00Z  Progressing HoldRunning  step 2/3  5% (observed 5%)  "
        "errors Pass, calibration NotDue  step 2/3 at 5 %, held for 60 s"
    )
