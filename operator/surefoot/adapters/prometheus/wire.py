"""Sessions to one source: a new one when its credentials change, the old one until it is idle."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from surefoot.adapters.prometheus.credentials import Advice, Auth, Credentials, Stamp


class Wire:
    """A session with what it was opened with, and how many queries are on it."""

    def __init__(self, session: aiohttp.ClientSession, stamp: Stamp, auth: Auth) -> None:
        self.session, self.stamp, self.auth = session, stamp, auth
        self.users = 0
        self.replaced = False


class Wires:
    """The current session of a source. Methods are called within the event loop."""

    def __init__(
        self,
        credentials: Credentials | None,
        headers: Mapping[str, str],
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
        advice: Advice | None = None,
    ) -> None:
        """`tls` is for where the credentials have none, `advice` for where there are none."""
        self._credentials, self._headers, self._timeout_s = credentials, dict(headers), timeout_s
        self._tls, self._none = tls, Auth(advice=advice or Advice())
        self._current: Wire | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Wire]:
        """A session with the credentials as they are now. Raises BadCredentials."""
        wire = await self._newest()
        wire.users += 1
        try:
            yield wire
        finally:
            wire.users -= 1
            if wire.replaced and wire.users == 0:
                await wire.session.close()

    async def _newest(self) -> Wire:
        stamp = self._credentials.stamp() if self._credentials else ()
        current = self._current
        if current is not None and current.stamp == stamp:
            return current
        stamp, auth = self._credentials.read() if self._credentials else (stamp, self._none)
        self._current = Wire(self._opened(auth), stamp, auth)
        if current is not None:
            current.replaced = True
            if current.users == 0:
                await current.session.close()
        return self._current

    def _opened(self, auth: Auth) -> aiohttp.ClientSession:
        tls = auth.tls or self._tls
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls) if tls is not None else None,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**self._headers, **auth.headers},
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
        )

    async def close(self) -> None:
        """Close the current session."""
        current, self._current = self._current, None
        if current is not None:
            await current.session.close()
