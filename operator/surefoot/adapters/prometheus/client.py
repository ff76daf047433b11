"""The one endpoint that is asked, `POST /api/v1/query`, with every failure turned into a problem."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from surefoot.adapters.prometheus.payload import Failed, Result, clean, decode
from surefoot.engine.questions import ProblemKind

_CHUNK = 65_536


class Client:
    """Instant queries with one timeout each, a bound on how many run at once and on their size."""

    def __init__(
        self,
        url: str,
        timeout: timedelta = timedelta(seconds=3),
        max_concurrent: int = 8,
        max_answer_bytes: int = 8 * 1024 * 1024,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(url)
        host = parts.hostname or "its address"
        self._where = f"{host}:{parts.port}" if parts.port else host
        self._url = url.rstrip("/") + "/api/v1/query"
        self._timeout_s = timeout.total_seconds()
        self._max_answer_bytes = max_answer_bytes
        self._headers = dict(headers or {})
        self._slots = asyncio.Semaphore(max_concurrent)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the session; to be called within the event loop."""
        self._session = aiohttp.ClientSession(
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, query: str, at: float) -> Result:
        """The result of an instant query at Unix time `at`. Raises Failed."""
        try:
            await asyncio.wait_for(self._slots.acquire(), self._timeout_s)
        except TimeoutError:
            text = (
                f"Prometheus at {self._where} is busy with other queries for {self._timeout_s:g} s"
            )
            raise Failed(ProblemKind.TIMEOUT, f"{text}: check its load") from None
        try:
            status, body = await self._post(query, at)
        finally:
            self._slots.release()
        return decode(status, body)

    async def _post(self, query: str, at: float) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("the client is not started")
        form = {"query": query, "time": f"{at:.3f}", "timeout": f"{self._timeout_s:g}s"}
        try:
            async with self._session.post(self._url, data=form, allow_redirects=False) as response:
                return response.status, await self._body(response)
        except TimeoutError:
            text = f"Prometheus at {self._where} did not answer within {self._timeout_s:g} s"
            text += ": check its load, or shorten the signal's window"
            raise Failed(ProblemKind.TIMEOUT, text) from None
        except (aiohttp.ClientError, OSError) as error:
            text = f"Prometheus at {self._where} cannot be reached ({_why(error)})"
            text += ": check its address and that it runs"
            raise Failed(ProblemKind.UNREACHABLE, text) from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._max_answer_bytes:
                text = f"the answer is larger than {self._max_answer_bytes} bytes"
                raise Failed(
                    ProblemKind.QUERY, f"{text}: shorten the signal's window or scrape fewer series"
                )
        return bytes(body)


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return clean(error.os_error.strerror or "no connection")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "the connection broke off"
    return type(error).__name__
