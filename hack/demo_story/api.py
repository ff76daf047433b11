"""What the demo reads: the API server (watches) and Prometheus (instant queries), as JSON."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_WATCH = aiohttp.ClientTimeout(total=None, sock_connect=10)


@dataclass(frozen=True)
class Reader:
    """Read access to one cluster, over one HTTP session."""

    session: aiohttp.ClientSession
    server: str
    token: str
    trust: ssl.SSLContext
    prometheus: str

    async def watch(self, path: str, name: str) -> AsyncIterator[dict[str, Any] | None]:
        """The object `name` of the collection at `path`, now and after each change; None when it
        is gone. Reconnects for ever; each connection begins with the object as it is."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}"}
        while True:
            try:
                async with self.session.get(
                    self.server + path,
                    params=query,
                    headers={"Authorization": f"Bearer {self.token}"},
                    ssl=self.trust,
                    timeout=_WATCH,
                ) as answer:
                    answer.raise_for_status()
                    async for event in _events(answer.content):
                        yield None if event["type"] == "DELETED" else event["object"]
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass
            await asyncio.sleep(1)

    async def query(self, promql: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Values of an instant query by their sorted labels; nothing when Prometheus is silent."""
        try:
            async with self.session.get(
                f"{self.prometheus}/api/v1/query", params={"query": promql}, timeout=_TIMEOUT
            ) as answer:
                answer.raise_for_status()
                result = (await answer.json())["data"]["result"]
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
            return {}
        return {tuple(sorted(row["metric"].items())): float(row["value"][1]) for row in result}

    async def value(self, promql: str) -> float | None:
        """The one value of a query, or None."""
        return next(iter((await self.query(promql)).values()), None)


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Lines of a watch, however long: a line may exceed what `readline` takes."""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                return
            yield event
