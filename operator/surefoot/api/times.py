"""Points in time as status writes them: UTC, with a Z."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer


def _stamp(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _stamp_seconds(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[datetime, PlainSerializer(_stamp, return_type=str)]
TimeSeconds = Annotated[datetime, PlainSerializer(_stamp_seconds, return_type=str)]
