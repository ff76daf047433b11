"""How numbers, spans of time and ages are written for people."""

from datetime import datetime

ABSENT = "-"


def figure(value: float | None) -> str:
    """Three significant digits, as status carries them; counts are written whole."""
    if value is None:
        return ABSENT
    return f"{value:d}" if isinstance(value, int) else f"{value:.3g}"


def percent(value: float | None) -> str:
    """A weight, which is a percentage already."""
    return ABSENT if value is None else f"{value:g}%"


def span(seconds: float) -> str:
    """The two largest units of a span: `45s`, `2m10s`, `4h`, `3d6h`."""
    left = max(0, int(seconds))
    found = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        found.append((count, unit))
    first = next((i for i, (count, _) in enumerate(found) if count), len(found) - 1)
    shown = [f"{count}{unit}" for count, unit in found[first : first + 2] if count]
    return "".join(shown) or "0s"


def age(time: datetime | None, now: datetime) -> str:
    """How long ago something was; never below zero, since clocks differ."""
    return ABSENT if time is None else span((now - time).total_seconds())
