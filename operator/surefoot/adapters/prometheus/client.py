"""The one endpoint that is asked, `POST /api/v1/query`, with every failure turned into a problem."""

import asyncio
import json
import ssl
from collections.abc import Iterable, Mapping
from datetime import timedelta

import aiohttp
from yarl import URL

from surefoot.adapters.prometheus.credentials import Advice, BadCredentials, Credentials
from surefoot.adapters.prometheus.payload import Failed, Result, decode
from surefoot.adapters.prometheus.refusals import unauthorized, unreachable
from surefoot.adapters.prometheus.wire import Wire, Wires
from surefoot.engine.questions import ProblemKind

_CHUNK = 65_536
# What takes about 10 ms to decode, in which no tick goes on.
_LARGE = 256 * 1024
# Shorter words are no secrets, and stand in any text.
_SHORTEST = 4


def _decoded(status: int, body: bytes, secrets: Iterable[str]) -> Result:
    """The result; what a server says against a query goes into statuses, so that it must not repeat
    what it was asked with. Raises Failed."""
    try:
        return decode(status, body)
    except Failed as failed:
        told = failed
    said = hidden = _in_one_spelling(body)
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            hidden = hidden.replace(json.dumps(secret)[1:-1], "[hidden]")
    if hidden != said:
        return decode(status, hidden.encode())
    raise told


def _in_one_spelling(body: bytes) -> str:
    """JSON may escape any character, and other writers escape others than Python's does."""
    try:
        return json.dumps(json.loads(body))
    except (ValueError, RecursionError):
        # Nobody quotes what is no JSON.
        return ""


class Client:
    """Instant queries with one timeout each, a bound on how many run at once and on their size."""

    def __init__(
        self,
        url: str,
        timeout: timedelta = timedelta(seconds=3),
        max_concurrent: int = 8,
        max_answer_bytes: int = 8 * 1024 * 1024,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        tls: ssl.SSLContext | None = None,
        advice: Advice | None = None,
    ) -> None:
        """`headers` and `tls` hold beside `credentials`; `advice` is for who reads a refusal."""
        self._url = URL(url.rstrip("/") + "/api/v1/query")
        host = self._url.host or "its address"
        self._where = f"{host}:{self._url.explicit_port}" if self._url.explicit_port else host
        self._timeout_s = timeout.total_seconds()
        self._max_answer_bytes = max_answer_bytes
        self._slots = asyncio.Semaphore(max_concurrent)
        # One at a time: threads share one interpreter's lock, and a large answer much memory.
        self._decoding = asyncio.Lock()
        self._wires = Wires(credentials, dict(headers or {}), self._timeout_s, tls, advice)

    async def close(self) -> None:
        """Close all connections."""
        await self._wires.close()

    async def ask(self, query: str, at: float, more: Mapping[str, str] | None = None) -> Result:
        """The result of an instant query at Unix time `at`; `more` are further parameters. Raises
        Failed."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            text = (
                f"Prometheus at {self._where} is busy with other queries for {self._timeout_s:g} s"
            )
            raise Failed(ProblemKind.UNREACHABLE, f"{text}: check its load") from None
        try:
            async with self._wires.use() as wire:
                status, body = await self._post(wire, query, at, more or {})
                secrets = (*wire.auth.secrets, self._url.password or "")
        except BadCredentials as error:
            text = f"Prometheus at {self._where} is not asked, since {error}"
            raise Failed(ProblemKind.UNREACHABLE, text) from None
        finally:
            self._slots.release()
        if len(body) <= _LARGE:
            return _decoded(status, body, secrets)
        async with self._decoding:
            return await asyncio.to_thread(_decoded, status, body, secrets)

    async def _post(
        self, wire: Wire, query: str, at: float, more: Mapping[str, str]
    ) -> tuple[int, bytes]:
        form = {"query": query, "time": f"{at:.3f}", "timeout": f"{self._timeout_s:g}s", **more}
        # One way to say who asks: files win over what stands in the address.
        url = self._url.with_user(None) if wire.auth.headers else self._url
        try:
            async with wire.session.post(url, data=form, allow_redirects=False) as response:
                if response.status in (401, 403):
                    text = unauthorized(self._where, response.status, wire.auth)
                    raise Failed(ProblemKind.UNREACHABLE, text)
                return response.status, await self._body(response)
        except TimeoutError:
            text = f"Prometheus at {self._where} did not answer within {self._timeout_s:g} s"
            text += ": check its load, or shorten the signal's window"
            raise Failed(ProblemKind.TIMEOUT, text) from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            text = unreachable(self._where, error, wire.auth, self._url.scheme == "https")
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
