"""When to ask next: just after a scrape, so that what it brought is judged while it is fresh."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zlib import crc32

from surefoot.engine.questions import Answer

# From a sample's time, which is when its scrape began, to when a query finds it.
FIRST_LAG = timedelta(milliseconds=250)
# What a release is given of the time after a scrape, and what all of them take at most.
_EACH = timedelta(milliseconds=5)
_SHARE = 15


def place(key: Sequence[str], among: int, scrape: timedelta) -> timedelta:
    """How much later than the others a release asks. Those of one target would all be due in the
    same moment, and the last would wait for all the others; one alone does not wait."""
    within = min((among - 1) * _EACH, scrape / _SHARE)
    return within * (crc32("/".join(key).encode()) / 2**32)


def newest_sample(answers: Mapping[str, Answer], asked_at: datetime) -> datetime | None:
    """The candidate's newest sample, else the incumbent's; what a query computes then and there has
    the time of the question, and is none."""
    for readings in (
        [a.candidate for a in answers.values()],
        [a.incumbent for a in answers.values()],
    ):
        times = [each.newest for each in readings if each.newest is not None]
        if known := [time for time in times if time < asked_at]:
            return max(known)
    return None


def first_due(
    now: datetime,
    interval: timedelta,
    newest: datetime | None,
    scrape: timedelta,
    lag: timedelta = FIRST_LAG,
) -> datetime:
    """When a new window has its first sample, an interval from now at the latest.

    Asked at once, there would be none, and nothing to judge.
    """
    if newest is None:
        return now
    return min(now + scrape - (now - newest - lag) % scrape, now + interval)


def next_lag(
    lag: timedelta, began: datetime, newest: datetime | None, scrape: timedelta
) -> timedelta:
    """Twice the lag, half a scrape at most, when the newest sample is one that was known before:
    a scrape of a large target takes its time, and asking too early would always miss it."""
    missed = newest is not None and began - newest > scrape
    return min(2 * lag, scrape / 2) if missed else lag


def next_due(
    began: datetime,
    interval: timedelta,
    newest: datetime | None,
    scrape: timedelta,
    lag: timedelta = FIRST_LAG,
) -> datetime:
    """`interval` after the last collection began, moved to the nearest expected sample plus `lag`.

    Scrapes of a target keep their rhythm, so samples are expected at `newest` + k·`scrape`. Without
    one within half an interval, nothing is moved.
    """
    nominal = began + interval
    if newest is None:
        return nominal
    past = (nominal - newest - lag) % scrape
    nearest = nominal - past if 2 * past <= scrape else nominal - past + scrape
    return nearest if 2 * abs(nearest - nominal) <= interval else nominal
