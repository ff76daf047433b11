"""Room for writes that may wait."""

from datetime import UTC, datetime, timedelta

from surefoot.adapters.kubernetes.room import PER_SECOND, Room

T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def taken(room: Room, now: datetime, tries: int = 1000) -> int:
    return sum(room.take(now) for _ in range(tries))


def test_there_is_room_for_so_many_writes_a_second_and_no_more() -> None:
    room = Room()
    assert taken(room, T0) == PER_SECOND
    assert taken(room, T0 + timedelta(seconds=0.5)) == PER_SECOND / 2
    assert taken(room, T0 + timedelta(hours=1)) == PER_SECOND


def test_ticks_that_began_a_while_ago_get_no_second_twice() -> None:
    room, given = Room(), 0
    for step in range(100):
        now = T0 + timedelta(seconds=step / 10)
        given += taken(room, now - timedelta(seconds=5), 5) + taken(room, now, 5)
    assert given <= PER_SECOND * 12


def test_a_clock_that_was_set_back_neither_gives_nor_takes_room() -> None:
    room = Room()
    assert taken(room, T0, 5) == 5
    assert taken(room, T0 - timedelta(hours=1)) == PER_SECOND - 5
    assert taken(room, T0 - timedelta(hours=1) + timedelta(seconds=1)) == PER_SECOND
