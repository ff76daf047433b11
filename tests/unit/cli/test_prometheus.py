"""How the plugin finds Prometheus: by an address, a Service, or the operator's own setting."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from surefoot.adapters.prometheus.payload import Series
from surefoot.cli.access import Access
from surefoot.cli.address import Service, parse, service_of
from surefoot.cli.problem import Problem
from surefoot.cli.prometheus import open_prometheus, query_range
from surefoot.cli.services import URL

ONE = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}'
RANGE = (
    '{"status":"success","data":{"resultType":"matrix","result":'
    '[{"metric":{"a":"b"},"values":[[60,"1"],[120,"2"]]}]}}'
)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("http://prometheus.example:9090/", "http://prometheus.example:9090"),
        ("https://mimir.example/prometheus", "https://mimir.example/prometheus"),
        ("monitoring/prometheus", Service("monitoring", "prometheus", "9090")),
        ("monitoring/prometheus:web/prefix", Service("monitoring", "prometheus", "web", path="/prefix")),
    ],
)  # fmt: skip
def test_an_address_is_a_url_or_a_service(given: str, found: str | Service) -> None:
    assert parse(given) == found


@pytest.mark.parametrize("given", ["prometheus", "ftp://x", "http://", "a/b:c:d", "http://x/?q=1"])
def test_what_is_neither_is_refused_with_what_to_write(given: str) -> None:
    with pytest.raises(Problem, match="is no address of Prometheus: write http://"):
        parse(given)


@pytest.mark.parametrize(
    "given",
    [
        "https://me:s3cret@host:9090/?a=1",
        "https://me:s3c/s3cret@[::1",
        "me:s3cret@host:9090",
        "https://me@s3cret@host:9090#x",
    ],
)
def test_an_address_that_nobody_can_use_is_told_without_its_password(given: str) -> None:
    with pytest.raises(Problem, match="is no address of Prometheus") as refused:
        parse(given)
    assert "s3c" not in str(refused.value)
    assert given.rpartition("@")[2] in str(refused.value)


@pytest.mark.parametrize(
    ("url", "path", "certain"),
    [
        ("http://prom:9090", "/api/v1/namespaces/ops/services/prom:9090/proxy", False),
        ("http://prom.monitoring", "/api/v1/namespaces/monitoring/services/prom:80/proxy", False),
        ("https://prom.m.svc.cluster.local:9/x/", "/api/v1/namespaces/m/services/https:prom:9/proxy/x", True),
        ("http://prom.m.svc:9090", "/api/v1/namespaces/m/services/prom:9090/proxy", True),
    ],
)  # fmt: skip
def test_a_cluster_internal_name_is_a_service(url: str, path: str, certain: bool) -> None:
    found = service_of(url, "ops")
    assert found is not None
    assert (found[0].proxied, found[1]) == (path, certain)


@pytest.mark.parametrize("url", ["http://10.0.0.1.example.com", "http://[::1]:9090"])
def test_another_host_is_none(url: str) -> None:
    assert service_of(url, "ops") is None


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        if form["query"] == "(up)[120s:60s]":
            return web.Response(text=RANGE)
        return web.Response(text=ONE)

    app = web.Application()
    app.router.add_post("/api/v1/query", answer)
    made = TestServer(app)
    await made.start_server()
    yield made
    await made.close()


async def test_an_address_in_the_environment_needs_no_kubeconfig(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, str(server.make_url("/")))
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    end = datetime.fromtimestamp(120, UTC)
    async with open_prometheus(Access()) as prometheus:
        found = await query_range(
            prometheus.ask, "up", end - timedelta(minutes=2), end, timedelta(minutes=1)
        )
    assert found == (Series({"a": "b"}, ((60.0, 1.0), (120.0, 2.0))),)
    assert prometheus.scrape_interval == timedelta(seconds=15)


async def test_a_prometheus_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(
        Problem,
        match=r"Cannot ask Prometheus at http://127\.0\.0\.1:\d+ \(--prometheus\): .*reached",
    ):
        async with open_prometheus(Access(f"http://me:secret@127.0.0.1:{unused_port()}")):
            pass
