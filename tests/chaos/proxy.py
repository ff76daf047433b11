"""An HTTP proxy between the operator and a server, in which faults can be put and taken out."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

_NAMESPACE = re.compile(r"/namespaces/([^/]+)/")
_NOT_PASSED_ON = {"host", "accept-encoding", "content-length", "transfer-encoding", "connection"}
_MOST_LINE = 2**21


@dataclass(frozen=True)
class Call:
    """One request of the operator."""

    method: str
    path: str
    query: str
    body: bytes
    token: str = ""

    @property
    def namespace(self) -> str:
        found = _NAMESPACE.search(self.path)
        return found.group(1) if found else ""

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.query

    @property
    def is_write(self) -> bool:
        return self.method not in ("GET", "HEAD")


@dataclass
class Answer:
    """What the server said, and what the operator gets of it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    retry_after: str = ""


class DropError(Exception):
    """The connection is reset instead of an answer."""


class Fault:
    """Does something to calls while it is in a proxy. Each `strike` is counted."""

    def __init__(self) -> None:
        self.struck: Counter[str] = Counter()

    def strike(self, call: Call) -> None:
        self.struck[call.namespace] += 1

    async def before(self, call: Call) -> Answer | None:
        """Instead of the server; None lets the call through. Raises DropError."""
        return None

    async def sent(self, call: Call) -> Call:
        """What the server gets to see of it."""
        return call

    async def after(self, call: Call, answer: Answer) -> Answer:
        """What becomes of the server's answer. Raises DropError."""
        return answer

    async def line(self, call: Call, line: bytes) -> list[bytes]:
        """What becomes of one event of a watch. Raises DropError."""
        return [line]


class FaultProxy:
    """Passes everything on to `target`; TLS on the near side where there is a certificate.

    `writes` tells by revision which replica made it, as the API server answered it.
    """

    def __init__(self, target: str, ca: Path | None, certificate: tuple[Path, Path] | None) -> None:
        self.target, self.faults = target.rstrip("/"), list[Fault]()
        self.writes: dict[int, str] = {}
        self.replica, self.port = "", 0
        self.under_way, self.begun = 0, 0
        self._certificate = certificate
        self._trust = ssl.create_default_context(cafile=str(ca)) if ca else None
        self._watches: set[asyncio.Task[object]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on a port that was free."""
        limit = aiohttp.TCPConnector(limit=0, ssl=self._trust if self._trust else True)
        self._session = aiohttp.ClientSession(connector=limit, read_bufsize=_MOST_LINE)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen(0)

    async def _listen(self, port: int) -> None:
        context = None
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
        self._site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context)
        await self._site.start()
        server = self._site._server
        assert isinstance(server, asyncio.Server)
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.drop_watches()
        await self._runner.cleanup()
        await self._session.close()

    async def present(self, certificate: tuple[Path, Path]) -> None:
        """Another certificate from now on; whatever is connected has to connect anew."""
        self._certificate = certificate
        await self._site.stop()
        await self._listen(self.port)
        self.drop_watches()

    def drop_watches(self) -> int:
        """Reset every watch that runs; how many that were."""
        for task in self._watches:
            task.cancel()
        return len(self._watches)

    @asynccontextmanager
    async def having(self, *faults: Fault) -> AsyncIterator[None]:
        """These faults are in, and out again at the end."""
        self.faults += faults
        try:
            yield
        finally:
            for fault in faults:
                self.faults.remove(fault)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        # The query as it was written: labels and signs in it are encoded.
        path, _, query = request.raw_path.partition("?")
        token = request.headers.get("Authorization", "").partition(" ")[2]
        call = Call(request.method, path, query, await request.read(), token)
        try:
            for fault in list(self.faults):
                if (instead := await fault.before(call)) is not None:
                    return _response(instead)
            if call.is_watch:
                return await self._stream(request, call)
            sent = call
            for fault in list(self.faults):
                sent = await fault.sent(sent)
            answer = await self._ask(request, sent)
            for fault in list(self.faults):
                answer = await fault.after(call, answer)
            return _response(answer)
        except (DropError, aiohttp.ClientError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from None

    def _upstream(self, request: web.Request, call: Call) -> aiohttp.client._RequestContextManager:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED_ON}
        where = URL(
            f"{self.target}{call.path}" + (f"?{call.query}" if call.query else ""), encoded=True
        )
        return self._session.request(call.method, where, headers=headers, data=call.body or None)

    async def _ask(self, request: web.Request, call: Call) -> Answer:
        replica = self.replica
        self.under_way, self.begun = self.under_way + 1, self.begun + 1
        try:
            async with self._upstream(request, call) as answer:
                body = await answer.read()
        finally:
            self.under_way -= 1
        if call.is_write and answer.status < 300:
            with suppress(ValueError, KeyError):
                self.writes.setdefault(
                    int(json.loads(body)["metadata"]["resourceVersion"]), replica
                )
        return Answer(answer.status, body, answer.content_type)

    async def _stream(self, request: web.Request, call: Call) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._watches.add(task)
        try:
            async with self._upstream(request, call) as answer:
                passed = web.StreamResponse(status=answer.status)
                passed.content_type = answer.content_type
                await passed.prepare(request)
                async for line in answer.content:
                    lines = [line]
                    for fault in list(self.faults):
                        lines = [out for each in lines for out in await fault.line(call, each)]
                    for each in lines:
                        await passed.write(each)
                return passed
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            self._watches.discard(task)


def _response(answer: Answer) -> web.Response:
    headers = {"Retry-After": answer.retry_after} if answer.retry_after else {}
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, headers=headers
    )
