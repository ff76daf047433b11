"""Duration strings of the API (`90s`, `4h`, `7d`): one parser, one printer, one schema."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

# What both Go's `format: duration` and this parser read alike: days alone, or hours-minutes-seconds.
PATTERN = r"^([0-9]{1,4}d|([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?)$"
# What the pattern's digits can carry; beyond it the rest goes into the next smaller unit.
_MOST_DAYS, _MOST_HOURS, _MOST_MINUTES = 9_999, 99_999, 999_999
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse_duration(text: str) -> timedelta:
    """`"1h30m"` → 1.5 hours. Raises ValueError with a sentence that says what to write."""
    if not text or not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r:.64} is not a duration: write it as 90s, 15m, 1h30m or 7d")
    parts = re.findall(r"([0-9]+)([dhms])", text)
    return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))


def format_duration(value: timedelta) -> str:
    """The shortest string that parses back to the same whole seconds (fractions round down)."""
    seconds = int(value.total_seconds())
    if seconds and seconds % 86_400 == 0 and seconds // 86_400 <= _MOST_DAYS:
        return f"{seconds // 86_400}d"
    hours = min(seconds // 3_600, _MOST_HOURS)
    minutes = min((seconds - hours * 3_600) // 60, _MOST_MINUTES)
    left = seconds - hours * 3_600 - minutes * 60
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{n}{unit}" for n, unit in parts if n) or "0s"


def _validate(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError(f"{value!r:.64} is not a duration: write it as a string such as 90s or 4h")


Duration = Annotated[
    timedelta,
    BeforeValidator(_validate),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "duration",
            "pattern": PATTERN,
            "minLength": 2,
            "maxLength": 24,
        }
    ),
]
