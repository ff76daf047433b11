"""Open-loop requests: the rate does not depend on how fast the answers come, and nothing is retried."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

from examples.fraud.load.labels import LabelPost
from examples.fraud.load.tally import Tally
from examples.fraud.world import VERSION_HEADER, Payment

_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, as which host, and how often (requests per second)."""

    url: str
    host: str
    rate: float


class Generator:
    """Draws payments and asks for their score, `target.rate` times a second."""

    def __init__(
        self, target: Target, tally: Tally, labels: LabelPost, world: Iterator[Payment]
    ) -> None:
        self._target, self._tally, self._labels, self._world = target, tally, labels, world
        self._running: set[asyncio.Task[None]] = set()

    async def wait_until_served(self, session: aiohttp.ClientSession) -> None:
        """Ask twice a second, uncounted, until the route answers for the first time."""
        while True:
            body = self._body("hello", next(self._world))
            try:
                async with self._post(session, body) as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.5)

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Until cancelled; a request that is late is sent at once, none is left out."""
        start = time.monotonic()
        while True:
            wait = start + self._tally.sent / self._target.rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self._ask(session, self._tally.send()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def drain(self) -> None:
        """Wait for the answers to what was sent."""
        await asyncio.gather(*self._running)

    def _body(self, identity: str, payment: Payment) -> str:
        features = [round(x, 4) for x in payment.features]
        return json.dumps({"id": identity, "features": features, "group": payment.group})

    def _post(
        self, session: aiohttp.ClientSession, body: str
    ) -> "aiohttp.client._RequestContextManager":
        headers = {"Host": self._target.host, "Content-Type": "application/json"}
        return session.post(
            f"{self._target.url}/score", data=body, headers=headers, timeout=_TIMEOUT
        )

    async def _ask(self, session: aiohttp.ClientSession, identity: str) -> None:
        payment = next(self._world)
        try:
            async with self._post(session, self._body(identity, payment)) as answer:
                body = await answer.read()
                scored = json.loads(body) if answer.status == 200 else {}
                self._tally.answered(answer.status, answer.headers.get(VERSION_HEADER))
        except TimeoutError:
            self._tally.failed("path", "timeout")
        except (aiohttp.ClientError, ValueError):
            self._tally.failed("path", "connection")
        else:
            if scored:
                self._labels.add(scored["labels"], identity, payment.fraud)
