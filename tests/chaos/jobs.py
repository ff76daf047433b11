"""Groups beside each other: each job is a process with servers of its own, so no group disturbs another."""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.chaos.catalogue import KINDS
from tests.chaos.telling import Result, Running, running, tell

_RUNNING: list[tuple[Running, Event]] = []
Told = tuple[str, range, list[Result], float]


def told(
    jobs: int, names: Sequence[str], groups: Sequence[range], logs: Path | None
) -> Iterator[Told]:
    """Kind, seeds, results and seconds of each group, as they come."""
    spawn = multiprocessing.get_context("spawn")
    over = spawn.Event()
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin, initargs=(logs, over))
    try:
        coming = [pool.submit(_tell, name, seeds) for name in names for seeds in groups]
        for each in as_completed(coming):
            yield each.result()
    finally:
        over.set()  # some groups are with the processes already
        pool.shutdown(cancel_futures=True)


def _begin(logs: Path | None, over: Event) -> None:
    """The servers of this process; they are gone with it."""
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).setLevel("CRITICAL")
    stack = ExitStack()
    atexit.register(stack.close)
    _RUNNING.append((stack.enter_context(running(logs)), over))


def _tell(name: str, seeds: range) -> Told:
    (run, over), began = _RUNNING[0], time.monotonic()
    results = [] if over.is_set() else asyncio.run(tell(run, KINDS[name], seeds))
    return name, seeds, results, time.monotonic() - began
