"""Python's collector of cycles, run in moments in which it keeps nobody waiting."""

import asyncio
import gc
from collections.abc import Callable

# A collection of a hundred releases is 40,000 samples, each an object, which Python would walk through
# several times before they go by themselves; this many stand for something that went wrong.
_MOST_NEW = 500_000
_LOOK_S = 0.02
_WHOLE_EVERY = 120


def spare() -> None:
    """Leave alone what there is by now, most of which stays, and what comes, until `tidy` looks."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MOST_NEW)


async def tidy(
    busy: Callable[[], bool],
    every_s: float = 5.0,
    patience_s: float = 2.0,
    whole_every: int = _WHOLE_EVERY,
) -> None:
    """Collect what is new, and every so many times all there is, when nothing is under way, or when
    something still is after `patience_s`."""
    count = 0
    while True:
        await asyncio.sleep(every_s)
        await _calm(busy, patience_s)
        count += 1
        gc.collect(1 if count % whole_every else 2)


async def _calm(busy: Callable[[], bool], most_s: float) -> None:
    for _ in range(round(most_s / _LOOK_S)):
        if not busy():
            return
        await asyncio.sleep(_LOOK_S)
