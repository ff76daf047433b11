"""What a person sees while waiting: what is being done, and how long it took last time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import paths


def _durations_file() -> Path:
    return paths.cache_root() / "durations.json"


def last_time(what: str) -> float | None:
    """Seconds that `what` took when it was last done on this machine, if ever."""
    try:
        value = json.loads(_durations_file().read_text()).get(what)
    except (OSError, ValueError):
        return None
    return float(value) if value is not None else None


def record(what: str, seconds: float) -> None:
    """Remember a duration; a lost update under a race is harmless, a torn file is not."""
    file = _durations_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    known[what] = round(seconds, 1)
    partial = file.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(known, indent=1, sort_keys=True))
    os.replace(partial, file)


def say(text: str) -> None:
    """One line for a person, on stderr so that stdout stays machine-readable."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a piece of work with its last duration, time it and remember the time."""
    before = last_time(what)
    say(f"  {what} …" + (f" (last time {before:.0f} s)" if before is not None else ""))
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    record(what, took)
    say(f"  {what}: {took:.1f} s")


@contextlib.contextmanager
def lock(name: str, waiting_for: str) -> Iterator[None]:
    """Hold the machine-wide lock `name`; say what is waited for when another run holds it."""
    file = paths.locks_root() / f"{name}.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"  waiting for another run: {waiting_for}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
