"""Duration strings: what is read, what is written, and that both agree."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from surefoot.api.durations import Duration, format_duration, parse_duration

FIELD: TypeAdapter[timedelta] = TypeAdapter(Duration)
SPANS = st.integers(0, 99_999 * 3_600).map(lambda seconds: timedelta(seconds=seconds))


@given(SPANS)
def test_what_is_written_reads_back_the_same(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


@given(SPANS)
def test_a_field_writes_and_reads_the_same(span: timedelta) -> None:
    assert FIELD.validate_python(FIELD.dump_python(span)) == span


@given(
    st.tuples(*[st.integers(0, 99_999) | st.none()] * 3).filter(any),
)
def test_hours_minutes_and_seconds_add_up(parts: tuple[int | None, ...]) -> None:
    text = "".join(f"{n}{unit}" for n, unit in zip(parts, "hms", strict=True) if n is not None)
    hours, minutes, seconds = (n or 0 for n in parts)
    assert parse_duration(text) == timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=4), "4h"),
        (timedelta(days=7), "7d"),
        (timedelta(days=1, hours=12), "36h"),
        (timedelta(seconds=2.9), "2s"),
    ],
)
def test_the_shortest_form_is_written(span: timedelta, text: str) -> None:
    assert format_duration(span) == text


@pytest.mark.parametrize(
    "text", ["", "90", "1.5h", "-1h", "1d12h", "30m1h", "2 weeks", "1h ", "10000d", "1H"]
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write it as 90s, 15m, 1h30m or 7d"):
        parse_duration(text)


def test_a_field_takes_a_timedelta_but_no_number() -> None:
    assert FIELD.validate_python(timedelta(minutes=5)) == timedelta(minutes=5)
    with pytest.raises(ValidationError, match="write it as a string such as 90s or 4h"):
        FIELD.validate_python(600)
