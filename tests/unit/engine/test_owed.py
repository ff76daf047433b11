"""What is owed after a write that nobody knows the end of."""

from datetime import UTC, datetime, timedelta

import pytest

from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Reason
from surefoot.engine.effects import Announcement
from surefoot.engine.owed import MOST_OWED, Owed

UID = "uid-1"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def status(second: float) -> ModelReleaseStatus:
    return ModelReleaseStatus(last_evaluated_time=NOON + timedelta(seconds=second))


def read(of: ModelReleaseStatus) -> ModelReleaseStatus:
    return ModelReleaseStatus.model_validate(of.dump())


def said(about: str) -> Announcement:
    return Announcement(Reason.STEP_REACHED, f"what {about} says", about=about)


@pytest.fixture
def owed() -> Owed:
    """Everything was told, of a release at version 1."""
    made = Owed()
    made.owe(UID, ())
    return made


def test_nothing_is_known_of_a_release_that_was_never_told_of() -> None:
    assert Owed().of(UID, "1", None) is None


def test_what_was_saved_after_all_is_owed(owed: Owed) -> None:
    owed.doubt(UID, "1", status(0), (said("a"), Announcement(Reason.HOLD_RUNNING, "passing")))
    assert owed.of(UID, "1", None) == ()
    assert owed.of(UID, "2", read(status(0))) == (said("a"),)
    assert owed.of(UID, "2", read(status(0))) == (said("a"),)


def test_of_several_tries_the_one_that_was_saved_is_owed(owed: Owed) -> None:
    for second in range(3):
        owed.doubt(UID, "1", status(second), (said(str(second)),))
    assert owed.of(UID, "2", read(status(1))) == (said("1"),)


def test_a_second_doubt_takes_what_the_first_came_to_along(owed: Owed) -> None:
    owed.doubt(UID, "1", status(0), (said("a"),))
    owed.doubt(UID, "2", status(1), (*(owed.of(UID, "2", read(status(0))) or ()), said("b")))
    assert owed.of(UID, "3", read(status(1))) == (said("a"), said("b"))


def test_once_a_later_try_was_saved_no_earlier_one_was(owed: Owed) -> None:
    owed.doubt(UID, "1", status(0), (said("a"),))
    owed.settle(UID, "1", None)
    owed.owe(UID, (said("b"),))
    assert owed.of(UID, "2", read(status(1))) == (said("b"),)


def test_of_a_release_that_was_in_no_doubt_nothing_changes(owed: Owed) -> None:
    owed.owe(UID, (said("b"),))
    owed.settle(UID, "1", None)
    assert owed.of(UID, "2", read(status(1))) == (said("b"),)


def test_what_turned_out_to_be_saved_is_owed_though_more_was_saved_before_it_was_told(
    owed: Owed,
) -> None:
    owed.doubt(UID, "1", status(0), (said("a"),))
    owed.settle(UID, "2", read(status(0)))
    assert owed.of(UID, "2", read(status(0))) == (said("a"),)
    assert owed.of(UID, "3", read(status(1))) == (said("a"),)


@pytest.mark.parametrize("found", [None, status(7)])
def test_where_something_else_was_saved_nothing_is_known(
    owed: Owed, found: ModelReleaseStatus | None
) -> None:
    owed.doubt(UID, "1", status(0), (said("a"),))
    assert owed.of(UID, "2", found) is None


def test_a_doubt_that_nobody_ended_gives_way_to_the_next(owed: Owed) -> None:
    owed.doubt(UID, "1", status(0), (said("a"),))
    owed.doubt(UID, "2", status(1), (said("b"),))
    assert owed.of(UID, "3", read(status(0))) is None


def test_no_more_is_owed_than_a_status_remembers(owed: Owed) -> None:
    many = tuple(said(str(number)) for number in range(MOST_OWED + 5))
    owed.doubt(UID, "1", status(0), many)
    assert owed.of(UID, "2", status(0)) == many[5:]
    for second in range(MOST_OWED + 5):
        owed.doubt(UID, "2", status(second), (said(str(second)),))
    assert owed.of(UID, "3", status(4)) is None


def test_of_a_release_that_is_gone_nothing_is_kept(owed: Owed) -> None:
    owed.doubt(UID, "1", status(0), (said("a"),))
    owed.forget(UID)
    assert owed.of(UID, "2", status(0)) is None
