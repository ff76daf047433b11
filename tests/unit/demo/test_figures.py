"""Times out of the status and the route's history."""

from datetime import UTC, datetime, timedelta

from demo_story.figures import course_of
from demo_story.live import Live, RouteSeen, weights_of
from surefoot.api.status import ModelReleaseStatus

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seen(seconds: float, candidate: int) -> RouteSeen:
    return RouteSeen(at(seconds), {"fraud-v42": 100 - candidate, "fraud-v43": candidate})


def reverted(ended: float) -> ModelReleaseStatus:
    return ModelReleaseStatus.model_validate(
        {
            "release": {
                "id": "x-1",
                "version": "43",
                "workload": "fraud-v43",
                "backend": {"name": "fraud-v43", "port": 80},
                "fingerprint": "x",
                "templateHash": "y",
                "startedAt": at(0),
                "outcome": "Reverted",
                "reason": "ThresholdCrossed",
                "endedAt": at(ended),
            }
        }
    )


def test_a_reverted_release_is_timed_from_its_first_traffic_to_weight_0() -> None:
    route = [seen(-5, 0), seen(0.5, 0), seen(2, 10), seen(25, 25), seen(50.2, 0)]
    course = course_of("43", reverted(50), route)
    assert course.span("first_traffic", "decided") == 48
    assert course.span("decided", "at_zero") == 0.2
    assert course.highest == 25


def test_weight_0_before_the_first_step_is_not_taken_for_the_revert() -> None:
    assert course_of("43", reverted(50), [seen(0.5, 0), seen(2, 10)]).at_zero is None


def test_a_status_about_another_version_gives_no_times() -> None:
    assert course_of("42", reverted(50), [seen(2, 10)]).span("started", "decided") is None


def test_weights_are_read_by_service_and_an_omitted_one_means_1() -> None:
    refs = [{"name": "fraud-v41", "weight": 0}, {"name": "fraud-v42"}]
    assert weights_of({"spec": {"rules": [{"backendRefs": refs}]}}) == {
        "fraud-v41": 0,
        "fraud-v42": 1,
    }
    assert weights_of({}) == {}


def test_a_share_without_any_requests_is_unknown_not_zero() -> None:
    assert Live().share("fraud-v42") is None
    assert Live(requests={"fraud-v41": 30, "fraud-v42": 10}).share("fraud-v42") == 25
