"""Wait for something to become true: polled, with a generous deadline, as shared machines stall."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")
_NEVER = Event()


def until(
    check: Callable[[], T], deadline_s: float = 60, every_s: float = 0.1, what: str = ""
) -> T:
    """The first true answer of `check`; fails with the last one when there is none in time."""
    end = time.monotonic() + deadline_s
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:.0f} s: {what or check}; last: {found!r}")
        _NEVER.wait(every_s)
