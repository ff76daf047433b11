"""Points in time as status writes them: UTC, with a Z."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

# Beyond these years, adding a window or a time zone may leave the calendar.
_YEARS = range(1970, 9000)


def _stamp(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _stamp_seconds(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(value: datetime) -> datetime:
    if value.year not in _YEARS:
        raise ValueError(f"the year {value.year} is none that a status may name")
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_known), PlainSerializer(_stamp, return_type=str)]
TimeSeconds = Annotated[
    datetime, AfterValidator(_known), PlainSerializer(_stamp_seconds, return_type=str)
]
