"""Labels on their way: each goes, some seconds later, to the pod that gave the score."""

import asyncio
import random
import time
from collections import defaultdict, deque

import aiohttp

from examples.fraud.load.tally import Tally

_PAUSE_S = 0.5
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class LabelPost:
    """Sends what is due twice a second, in one batch per pod. `delay_s` is the longest delay."""

    def __init__(self, tally: Tally, delay_s: float, seed: int = 0) -> None:
        self._tally = tally
        self._delay_s = max(delay_s - 2 * _PAUSE_S, 0.0)
        self._dice = random.Random(seed)
        self._due: deque[tuple[float, str, str, bool]] = deque()

    def add(self, address: str, identity: str, actual: bool) -> None:
        """What was true of request `identity` will be told to `address` when it is known."""
        wait = self._delay_s + self._dice.uniform(0.0, _PAUSE_S)
        self._due.append((time.monotonic() + wait, address, identity, actual))

    def take_due(self, now: float) -> dict[str, list[dict[str, object]]]:
        """Batches by address of all labels that are due; they are handed out once."""
        batches: dict[str, list[dict[str, object]]] = defaultdict(list)
        while self._due and self._due[0][0] <= now:
            _, address, identity, actual = self._due.popleft()
            batches[address].append({"id": identity, "actual": int(actual)})
        return batches

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            due = self.take_due(time.monotonic()).items()
            await asyncio.gather(*(self._send(session, url, batch) for url, batch in due))

    async def _send(
        self, session: aiohttp.ClientSession, url: str, batch: list[dict[str, object]]
    ) -> None:
        """A pod that is gone loses its labels, as it would in life; they are counted as lost."""
        try:
            async with session.post(url, json={"labels": batch}, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                result = await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            self._tally.labeled("lost", len(batch))
            return
        for kind in ("counted", "unknown"):
            self._tally.labeled(kind, result[kind])
