"""A client of the Gateway: so many requests a second, open loop, no retries; remembers what failed."""

from __future__ import annotations

import asyncio
import threading
import time

import aiohttp

RATE = 40
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Load:
    """Runs in a thread of its own. `broken` makes the candidate answer half of its requests with 500."""

    def __init__(self, url: str, host: str) -> None:
        self._url, self._headers = url, {"Host": host}
        self.broken = threading.Event()
        self.sent, self.errors = 0, 0
        self.failed: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=60)

    async def _run(self) -> None:
        loop, under_way = asyncio.get_running_loop(), set()
        began = loop.time()
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            while not self._end.is_set():
                task = asyncio.create_task(self._ask(session))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                self.sent += 1
                await asyncio.sleep(began + self.sent / RATE - loop.time())
            await asyncio.gather(*under_way)

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        more = {"x-bench-broken": "1"} if self.broken.is_set() else {}
        try:
            async with session.get(self._url, headers={**self._headers, **more}) as answer:
                await answer.read()
                if answer.status == 500:
                    self.failed.append(time.time())
                elif answer.status != 200:
                    self.errors += 1
        except (aiohttp.ClientError, TimeoutError):
            self.errors += 1
