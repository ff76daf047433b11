"""The demo's own judgement: what it accepts as the end of its two stories, and what it does not."""

import pytest

from demo_story.story import Ending, ending_of, faults
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Reason

GOOD = Ending("42", Outcome.PROMOTED, Reason.PROMOTED, "42 serves alone")
BREACH = "calibration: 0.52, the limit is 0.7 … 1.4, 480 samples; incumbent 0.98; at 25 %"
BAD = Ending("43", Outcome.REVERTED, Reason.THRESHOLD_CROSSED, BREACH)


def test_a_promoted_v42_and_a_v43_reverted_by_calibration_is_the_story() -> None:
    assert faults(GOOD, BAD, 0) == ()


def test_drift_may_throw_v43_out_too() -> None:
    message = "errors: 0.2, the limit is ≤ 0.05; score-drift: 0.9, the limit is ≤ 0.5; at 25 %"
    assert faults(GOOD, Ending("43", Outcome.REVERTED, Reason.THRESHOLD_CROSSED, message), 0) == ()


def test_a_good_image_in_the_place_of_v43_is_another_story() -> None:
    promoted = Ending("43", Outcome.PROMOTED, Reason.PROMOTED, "43 serves alone")
    (fault,) = faults(GOOD, promoted, 0)
    assert fault.startswith("v43 should have been reverted, but it was promoted")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (Reason.THRESHOLD_CROSSED, "errors: 0.2, the limit is ≤ 0.05; at 25 %"),
        (Reason.THRESHOLD_CROSSED, "errors: calibration is not what broke; at 25 %"),
        (Reason.CANDIDATE_UNAVAILABLE, "Deployment fraud-v43 has no available pod at 25 %"),
        (Reason.ABORTED, "aborted by alice: calibration: looks odd"),
    ],
)
def test_a_v43_reverted_for_another_reason_is_another_story(reason: Reason, message: str) -> None:
    (fault,) = faults(GOOD, Ending("43", Outcome.REVERTED, reason, message), 0)
    assert "reverted by calibration or score-drift" in fault
    assert message in fault


def test_a_v42_that_is_reverted_and_a_v43_that_never_ends_are_both_named() -> None:
    reverted = Ending("42", Outcome.REVERTED, Reason.THRESHOLD_CROSSED, BREACH)
    first, second = faults(reverted, Ending("43"), 0)
    assert first.startswith("v42 should have been promoted")
    assert "still running" in second


def test_one_failed_request_or_an_unknown_number_of_them_is_a_fault() -> None:
    assert faults(GOOD, BAD, 1) == ("1 requests failed between client and model; none should",)
    assert len(faults(GOOD, BAD, None)) == 1


def test_the_status_of_another_release_says_nothing_about_this_one() -> None:
    status = ModelReleaseStatus.model_validate(
        {
            "release": {
                "id": "x-1",
                "version": "42",
                "workload": "fraud-v42",
                "backend": {"name": "fraud-v42", "port": 80},
                "fingerprint": "x",
                "templateHash": "y",
                "startedAt": "2026-01-01T00:00:00Z",
                "outcome": "Promoted",
            }
        }
    )
    assert ending_of("42", status).outcome is Outcome.PROMOTED
    assert ending_of("43", status).outcome is None
    assert ending_of("43", None).outcome is None
