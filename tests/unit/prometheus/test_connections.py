"""Who asks, and whom: files that rotate, certificates on both sides, tenants, kinds of servers."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from surefoot.adapters.prometheus.connections import Connection, Connections, Limits
from surefoot.adapters.prometheus.payload import Failed, Vector
from surefoot.api.metrics_source import MetricsSource, SourceKind
from tests.support.authority import Authority, Mount

LIMITS = Limits(timeout=timedelta(seconds=60))
SCRAPE = timedelta(seconds=15)


class Server:
    """Answers a query when it likes what came with it."""

    def __init__(self) -> None:
        self.wanted: str | None = None
        self.status = 401
        self.headers: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.wires: dict[str, asyncio.Transport] = {}
        self.go_on: dict[str, asyncio.Event] = {}
        self.came = asyncio.Event()
        self.result: dict[str, Any] = {"resultType": "scalar", "result": [1, "1"]}
        app = web.Application()
        app.router.add_post("/api/v1/query", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        tenant = request.headers.get("X-Scope-OrgID", "")
        if isinstance(request.transport, asyncio.Transport):
            self.wires[tenant] = request.transport
        if tenant in self.go_on:
            self.came.set()
            await self.go_on[tenant].wait()
        if self.wanted is not None and request.headers.get("Authorization") != self.wanted:
            return web.Response(text="no", status=self.status)
        return web.json_response({"status": "success", "data": self.result})

    @property
    def address(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest_asyncio.fixture
async def secure(authority: Authority) -> AsyncIterator[Server]:
    """HTTPS, and only with a client certificate of the authority."""
    made = Server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(*authority.sign("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    made.server.scheme = "https"
    await made.server.start_server(ssl=context)
    yield made
    await made.server.close()


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    return Mount(tmp_path / "mounted")


class Asker:
    """Connections whose own source is a server with one folder of credentials."""

    def __init__(self, address: str, folder: Path | None = None, **more: Any) -> None:
        self.connections = Connections(
            Connection(address, folder=folder, **more), SCRAPE, LIMITS, folder and folder.parent,
            clock=lambda: self.now,
        )  # fmt: skip
        self.now = 0.0

    async def says(self, source: MetricsSource | None = None, query: str = "up") -> str:
        """`ok`, or the sentence."""
        try:
            found = await self.connections.ask(source, query, 12.0)
        except Failed as failed:
            return failed.problem.message
        return "ok" if isinstance(found, Vector) else str(found)

    async def __aenter__(self) -> "Asker":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connections.close()


async def test_a_token_is_sent_and_read_again_when_it_rotates(server: Server, mount: Mount) -> None:
    mount.hold(token="one\n")
    server.wanted = "Bearer one"
    async with Asker(server.address, mount.folder) as asker:
        assert await asker.says() == "ok"
        server.wanted = "Bearer two"
        refused = await asker.says()
        assert refused.endswith(f"refuses the credentials (HTTP 401): look at {mount.folder}/token")
        mount.hold(token="two\n")
        assert await asker.says() == "ok"


async def test_a_name_and_a_password_are_sent(server: Server, mount: Mount) -> None:
    mount.hold(username="fraud", password="pä:ss")
    server.wanted = "Basic " + base64.b64encode("fraud:pä:ss".encode()).decode()
    async with Asker(server.address, mount.folder) as asker:
        assert await asker.says() == "ok"
        mount.hold(username="fraud", password="other")
        assert (await asker.says()).endswith(
            f"look at {mount.folder}/username and {mount.folder}/password"
        )
        server.status = 403
        assert "knows the credentials but forbids the query (HTTP 403)" in await asker.says()


async def test_files_win_over_what_stands_in_the_address(server: Server, mount: Mount) -> None:
    mount.hold(token="one")
    server.wanted = "Bearer one"
    address = server.address.replace("http://", "http://user:secret@")
    async with Asker(address, mount.folder) as asker:
        assert await asker.says() == "ok"


async def test_without_credentials_it_is_said_where_to_put_them(server: Server) -> None:
    server.wanted = "Bearer one"
    async with Asker(server.address) as asker:
        assert (await asker.says()).endswith(
            "asks for credentials (HTTP 401): mount them with prometheus.auth or "
            "prometheus.credentials of the chart"
        )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"username": "a"}, "has username but no password: add it"),
        ({"password": "a"}, "has password but no username: add it"),
        ({"tls_key": "a"}, "has tls.key but no tls.crt: add it"),
        ({"token": "a", "username": "a", "password": "b"}, "keep one of them"),
        ({"token": ""}, "token is empty or holds more than one line"),
        ({"token": "a\nb"}, "token is empty or holds more than one line"),
        ({"token": b"\xff\xfe"}, "token cannot be read (UnicodeDecodeError)"),
        ({"ca_crt": "no certificate"}, "ca.crt holds no certificate in PEM form"),
        ({"tls_crt": "a", "tls_key": "b"}, "tls.key is not the private key of"),
    ],
)
async def test_files_that_cannot_be_used_are_named(
    server: Server, mount: Mount, files: dict[str, str | bytes], said: str
) -> None:
    mount.hold(**files)
    async with Asker(server.address, mount.folder) as asker:
        found = await asker.says()
        assert said in found
        assert found.startswith("Prometheus at 127.0.0.1")
    assert server.forms == []


async def test_both_sides_know_each_other_by_certificate_and_the_client_s_rotates(
    secure: Server, authority: Authority, mount: Mount
) -> None:
    crt, key = authority.sign("client")
    mount.hold(ca_crt=authority.certificate, tls_crt=crt, tls_key=key)
    async with Asker(secure.address, mount.folder) as asker:
        assert await asker.says() == "ok"
        old_crt, old_key = authority.sign("late", days=-1)
        mount.hold(ca_crt=authority.certificate, tls_crt=old_crt, tls_key=old_key)
        assert (await asker.says()).endswith(
            f"does not accept the client certificate: look at {mount.folder}/tls.crt"
        )
        again_crt, again_key = authority.sign("client-2")
        mount.hold(ca_crt=authority.certificate, tls_crt=again_crt, tls_key=again_key, token="one")
        secure.wanted = "Bearer one"
        assert await asker.says() == "ok"


async def test_a_client_certificate_that_is_missing_or_foreign_is_told(
    secure: Server, authority: Authority, mount: Mount, tmp_path: Path
) -> None:
    mount.hold(ca_crt=authority.certificate)
    async with Asker(secure.address, mount.folder) as asker:
        assert (await asker.says()).endswith(
            "wants a client certificate: mount tls.crt and tls.key"
        )
        foreign = Authority(tmp_path, "foreign")
        crt, key = foreign.sign("stranger")
        mount.hold(ca_crt=authority.certificate, tls_crt=crt, tls_key=key)
        assert "the client certificate: look at" in await asker.says()


async def test_a_key_of_another_certificate_is_told(
    secure: Server, authority: Authority, mount: Mount
) -> None:
    crt, _ = authority.sign("one")
    _, key = authority.sign("two")
    mount.hold(ca_crt=authority.certificate, tls_crt=crt, tls_key=key)
    async with Asker(secure.address, mount.folder) as asker:
        assert "tls.key is not the private key of" in await asker.says()


async def served_with(certificate: tuple[Path, Path]) -> Server:
    made = Server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    made.server.scheme = "https"
    await made.server.start_server(ssl=context)
    return made


@pytest.mark.parametrize(
    ("sign", "trusted", "said"),
    [
        ({"days": -1}, True, "has a certificate that has expired: renew it there"),
        ({"address": "127.0.0.9"}, True, "has a certificate for another name"),
        ({}, False, "has a certificate that is not trusted"),
    ],
)
async def test_a_server_s_certificate_that_is_no_good_is_told(
    authority: Authority, mount: Mount, sign: dict[str, Any], trusted: bool, said: str
) -> None:
    server = await served_with(authority.sign("unsound", **sign))
    if trusted:
        mount.hold(ca_crt=authority.certificate)
    try:
        async with Asker(server.address, mount.folder if trusted else None) as asker:
            assert said in await asker.says()
    finally:
        await server.server.close()


async def test_https_to_a_server_without_tls_is_told(server: Server) -> None:
    async with Asker(server.address.replace("http:", "https:")) as asker:
        assert "check that its address is https" in await asker.says()


async def test_a_query_under_way_keeps_its_session_when_files_change(mount: Mount) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return web.json_response(
            {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}
        )

    app = web.Application()
    app.router.add_post("/api/v1/query", slow)
    async with TestServer(app) as server:
        mount.hold(token="one")
        async with Asker(str(server.make_url("/")), mount.folder) as asker:
            first = asyncio.create_task(asker.says())
            await arrived.wait()
            mount.hold(token="two")
            second = asyncio.create_task(asker.says())
            await asyncio.sleep(0)
            go_on.set()
            assert [await first, await second] == ["ok", "ok"]


THANOS = {"kind": "Thanos", "tenant": "risk", "credentials": "mounted"}


@pytest.mark.parametrize(
    ("kind", "header"), [("Thanos", "THANOS-TENANT"), ("Mimir", "X-Scope-OrgID")]
)
async def test_a_class_s_source_gets_its_tenant_and_its_credentials(
    server: Server, mount: Mount, kind: str, header: str
) -> None:
    mount.hold(token="one")
    body = {**THANOS, "kind": kind, "address": server.address + "/"}
    async with Asker("http://127.0.0.1:1", mount.folder) as asker:
        assert await asker.says(MetricsSource.model_validate(body)) == "ok"
    assert server.headers[0][header] == "risk"
    assert server.headers[0]["Authorization"] == "Bearer one"


async def test_a_class_may_set_the_tenant_of_the_operator_s_own_source(server: Server) -> None:
    source = MetricsSource(tenant="risk")
    async with Asker(server.address, kind=SourceKind.MIMIR, tenant="all") as asker:
        assert [
            await asker.says(source),
            await asker.says(),
            await asker.says(MetricsSource()),
        ] == ["ok"] * 3
    assert [h["X-Scope-OrgID"] for h in server.headers] == ["risk", "all", "all"]
    async with Asker(server.address) as asker:
        assert "a Prometheus, which has none" in await asker.says(source)


async def test_credentials_that_do_not_exist_are_told(server: Server, mount: Mount) -> None:
    body = {**THANOS, "address": server.address, "credentials": "missing"}
    source = MetricsSource.model_validate(body)
    async with Asker(server.address, mount.folder) as asker:
        assert f"there is no folder {mount.folder.parent}/missing" in await asker.says(source)
    async with Asker(server.address) as asker:
        assert "add prometheus.credentials.missing to the chart" in await asker.says(source)


async def test_raw_samples_are_asked_of_thanos_without_deduplication(server: Server) -> None:
    thanos = Asker(server.address, kind=SourceKind.THANOS)
    async with thanos, Asker(server.address, kind=SourceKind.MIMIR) as mimir:
        for asker, query in (
            (thanos, "{a='b'}[5m]"),
            (thanos, "{a='b'}[5m] @ 12.500"),
            (thanos, "rate(a[5m])"),
            (mimir, "a[5m]"),
        ):
            await asker.says(query=query)
    assert [form.get("dedup") for form in server.forms] == ["false", "false", None, None]


async def test_of_raw_samples_of_thanos_one_replica_is_read(server: Server) -> None:
    series = [
        {"metric": {"__name__": "a", "instance": "i", "replica": r}, "values": [[1, "1"]]}
        for r in ("r1", "r0")
    ]
    server.result = {"resultType": "matrix", "result": series}
    async with Asker(server.address, kind=SourceKind.THANOS) as asker:
        (found,) = await asker.connections.ask(None, "a[5m]", 12.0)
    assert "replica" not in found.labels


# sources of classes that are edited or deleted


async def test_a_source_that_nobody_asks_any_more_is_closed_and_the_others_are_not(
    server: Server,
) -> None:
    async with Asker(server.address, kind=SourceKind.MIMIR, tenant="own") as asker:
        for tenant in ("old", "new"):
            assert await asker.says(MetricsSource(tenant=tenant)) == "ok"
        asker.now = 400.0
        assert await asker.says(MetricsSource(tenant="new")) == "ok"
        asker.now = 601.0
        assert await asker.says() == "ok"
        await closed(server.wires["old"])
        assert not server.wires["new"].is_closing()
        assert await asker.says(MetricsSource(tenant="old")) == "ok"


async def test_a_source_that_still_answers_is_in_use(server: Server) -> None:
    slow = server.go_on["slow"] = asyncio.Event()
    async with Asker(server.address, kind=SourceKind.MIMIR, tenant="own") as asker:
        first = asyncio.create_task(asker.says(MetricsSource(tenant="slow")))
        await asyncio.wait_for(server.came.wait(), 60)
        asker.now = 10_000.0
        assert await asker.says() == "ok"
        slow.set()
        assert await first == "ok"
        asker.now = 10_599.0
        assert await asker.says() == "ok"
        assert not server.wires["slow"].is_closing()


async def closed(wire: asyncio.Transport) -> None:
    """Within a minute; the server hears of it a little later."""
    async with asyncio.timeout(60):
        while not wire.is_closing():  # noqa: ASYNC110 - a transport has no event to wait for
            await asyncio.sleep(0)
