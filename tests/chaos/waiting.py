"""How a story waits for what has to come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 150.0
_POLL_S = 0.05


class FailedError(Exception):
    """A story did not come to the end that it has without the fault."""


async def reach(
    check: Callable[[], object], what: str | Callable[[], str], patience_s: float = PATIENCE_S
) -> None:
    """Wait until `check` is true; `what` says what was waited for."""
    end = asyncio.get_running_loop().time() + patience_s
    while not check():
        if asyncio.get_running_loop().time() > end:
            said = what if isinstance(what, str) else what()
            raise FailedError(f"not within {patience_s:.0f} s: {said}")
        await asyncio.sleep(_POLL_S)
