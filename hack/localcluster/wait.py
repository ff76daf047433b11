"""Waiting for a condition: polled, with a deadline, and with the reason when it is not met."""

from __future__ import annotations

import time
from collections.abc import Callable

from .problem import Problem


def until(
    condition: Callable[[], bool],
    what: str,
    deadline_s: float,
    *,
    every_s: float = 0.1,
    why: Callable[[], str] = lambda: "",
) -> None:
    """Return when `condition()` is true; raise a `Problem` that says `what` was waited for.

    `why` is asked only at the end, for what is known about the reason.
    """
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            reason = why()
            raise Problem(f"No {what} within {deadline_s:.0f} s{': ' if reason else '.'}{reason}")
        time.sleep(every_s)
