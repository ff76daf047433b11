"""Whom the plugin asks, and as whom: a class's source, what a person gives, the operator's own."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from typer.testing import CliRunner

from surefoot.adapters.prometheus.payload import Result, Vector
from surefoot.api.plan import Plan
from surefoot.cli.access import Access
from surefoot.cli.main import app
from surefoot.cli.problem import Problem
from surefoot.cli.prometheus import open_prometheus
from tests.support.authority import Authority

SPEC: dict[str, Any] = {
    "releaseClassName": "tier1",
    "candidate": {
        "version": "42",
        "workloadRef": {"name": "fraud-v42"},
        "backendRef": {"name": "fraud-v42", "port": 80},
    },
    "traffic": {"route": {"name": "fraud"}},
}
CLASS: dict[str, Any] = {
    "steps": [{"weight": 5, "hold": "10m"}],
    "signals": [
        {
            "name": "errors",
            "type": "ErrorRate",
            "source": {"preset": "envoy"},
            "threshold": {"max": 0.05, "window": "1m", "minSamples": 1, "consecutive": 1},
        }
    ],
}
SETTINGS = ("URL", "KIND", "TENANT", "REPLICA_LABELS", "AUTH_DIR")


class Server:
    """Prometheus' query API, and an API server in front of it; keeps what comes with a query."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.objects: dict[str, Any] = {}
        self.moved: str | None = None
        self.status = 200
        self.result: dict[str, Any] = {"resultType": "vector", "result": []}
        made = web.Application()
        made.router.add_post("/{path:.*}", self._answer)
        made.router.add_get("/{path:.*}", self._object)
        self.server = TestServer(made)

    async def _answer(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.moved is not None:
            return web.Response(status=307, headers={"Location": self.moved})
        if self.status != 200:
            return web.Response(status=self.status, text="no")
        return web.json_response({"status": "success", "data": self.result})

    async def _object(self, request: web.Request) -> web.Response:
        found = self.objects.get(request.path)
        if found is None:
            said = {
                "kind": "Status",
                "message": f"{request.path} not found",
                "details": {"name": ""},
            }
            return web.json_response(said, status=404)
        return web.json_response(found)

    @property
    def address(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest_asyncio.fixture
async def other() -> AsyncIterator[Server]:
    made = Server()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test says: no kubeconfig, no setting."""
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.delenv("SUREFOOT_CREDENTIALS_DIR", raising=False)
    for name in SETTINGS:
        monkeypatch.delenv(f"SUREFOOT_PROMETHEUS_{name}", raising=False)


def plan_of(**metrics: Any) -> Plan:
    return Plan.model_validate({**SPEC, **CLASS, "metrics": metrics})


async def asked(plan: Plan, query: str = "vector(1)", **access: str) -> tuple[str, Result]:
    """Where a plan's source is, and what it answers; the plugin has a loop of its own."""

    async def ask() -> tuple[str, Result]:
        async with open_prometheus(Access(**access), plan) as found:
            return found.where, await found.ask(query, 100.0)

    return await asyncio.to_thread(lambda: asyncio.run(ask()))


def folder(path: Path, **files: str) -> str:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return str(path)


async def test_a_class_is_asked_at_its_address_with_its_tenant_and_credentials(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "eu", token="s3cret\n")
    monkeypatch.setenv("SUREFOOT_CREDENTIALS_DIR", str(tmp_path))
    plan = plan_of(address=server.address, kind="Mimir", tenant="risk", credentials="eu")
    where, _ = await asked(plan)
    assert where == f"Mimir at {server.address}, tenant risk (ReleaseClass tier1)"
    assert server.paths == ["/api/v1/query"] * 2
    for headers in server.headers:
        assert headers["X-Scope-OrgID"] == "risk"
        assert headers["Authorization"] == "Bearer s3cret"


async def test_of_thanos_one_replica_is_read_by_the_labels_of_the_class(server: Server) -> None:
    values = [[80.0, "1"], [95.0, "2"]]
    server.result = {
        "resultType": "matrix",
        "result": [
            {"metric": {"__name__": "m", "instance": "a", "site": each}, "values": values}
            for each in ("one", "two")
        ],
    }
    plan = plan_of(address=server.address, kind="Thanos", tenant="risk", replicaLabels=["site"])
    _, found = await asked(plan, "m[60s]")
    assert isinstance(found, tuple)
    assert [dict(each.labels) for each in found] == [{"__name__": "m", "instance": "a"}]
    assert server.headers[-1]["THANOS-TENANT"] == "risk"
    assert server.forms[-1]["dedup"] == "false"


async def test_credentials_that_the_plugin_has_not_got_are_told_and_nothing_is_sent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(address=server.address, kind="Prometheus", credentials="eu")
    said = r"with the credentials eu, which are in the operator's pod alone: pass --credentials"
    with pytest.raises(Problem, match=said):
        await asked(plan)
    folder(tmp_path / "us", token="other")
    monkeypatch.setenv("SUREFOOT_CREDENTIALS_DIR", str(tmp_path))
    with pytest.raises(Problem, match=said):
        await asked(plan)
    assert server.headers == []
    mine = folder(tmp_path / "mine", username="me", password="pass")
    await asked(plan, credentials=mine)
    assert server.headers[-1]["Authorization"] == "Basic bWU6cGFzcw=="


async def test_a_given_address_takes_the_place_of_the_classs_and_of_nothing_else(
    server: Server, other: Server, tmp_path: Path
) -> None:
    plan = plan_of(address=other.address, kind="Mimir", tenant="risk", credentials="eu")
    where, _ = await asked(plan, address=server.address)
    assert where == (
        f"Mimir at {server.address}, tenant risk (--prometheus, in place of {other.address} of "
        "ReleaseClass tier1 and without its credentials eu)"
    )
    assert server.headers[-1]["X-Scope-OrgID"] == "risk"
    assert "Authorization" not in server.headers[-1]
    mine = folder(tmp_path / "mine", token="mine")
    where, _ = await asked(plan, address=server.address, credentials=mine)
    assert where.endswith("of ReleaseClass tier1)")
    assert server.headers[-1]["Authorization"] == "Bearer mine"
    assert other.headers == []


async def test_what_a_class_calls_its_credentials_goes_to_a_given_address_too(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "eu", token="named")
    monkeypatch.setenv("SUREFOOT_CREDENTIALS_DIR", str(tmp_path))
    plan = plan_of(address="http://mimir.example", kind="Mimir", credentials="eu")
    await asked(plan, address=server.address)
    assert server.headers[-1]["Authorization"] == "Bearer named"


async def test_the_environment_says_what_the_operators_does(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUREFOOT_PROMETHEUS_URL", server.address)
    monkeypatch.setenv("SUREFOOT_PROMETHEUS_AUTH_DIR", folder(tmp_path / "own", token="own"))
    monkeypatch.setenv("SUREFOOT_PROMETHEUS_KIND", "Thanos")
    monkeypatch.setenv("SUREFOOT_PROMETHEUS_TENANT", "all")
    where, _ = await asked(plan_of(matchers=[{"label": "cluster", "value": "eu"}]))
    assert where == f"Thanos at {server.address}, tenant all ($SUREFOOT_PROMETHEUS_URL)"
    assert server.headers[-1]["Authorization"] == "Bearer own"
    assert server.headers[-1]["THANOS-TENANT"] == "all"
    await asked(plan_of(tenant="risk"))
    assert server.headers[-1]["THANOS-TENANT"] == "risk"
    # What is shown to the environment's address is not shown to another one.
    await asked(plan_of(), address=server.address)
    assert "Authorization" not in server.headers[-1]
    monkeypatch.setenv("SUREFOOT_PROMETHEUS_KIND", "Prometheus")
    with pytest.raises(Problem, match="SUREFOOT_PROMETHEUS_TENANT: a Prometheus has no tenants"):
        await asked(plan_of())


async def test_a_tenant_without_a_kind_is_not_guessed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem, match="set SUREFOOT_PROMETHEUS_KIND to what answers at http://127"):
        await asked(plan_of(tenant="risk"), address=server.address)
    assert server.headers == []
    monkeypatch.setenv("SUREFOOT_PROMETHEUS_KIND", "Mimir")
    await asked(plan_of(tenant="risk"), address=server.address)
    assert server.headers[-1]["X-Scope-OrgID"] == "risk"


async def test_a_redirect_takes_nothing_to_another_host(
    server: Server, other: Server, tmp_path: Path
) -> None:
    server.moved = f"{other.address}/api/v1/query"
    plan = plan_of(address=server.address, kind="Mimir", tenant="risk", credentials="eu")
    with pytest.raises(Problem, match=r"answers with a redirect \(HTTP 307\)"):
        await asked(plan, credentials=folder(tmp_path / "eu", token="s3cret"))
    assert len(server.headers) == 1
    assert other.headers == []


async def test_what_cannot_be_shown_is_one_sentence(server: Server, tmp_path: Path) -> None:
    plan = plan_of()
    for path, said in (
        (str(tmp_path / "none"), r"--credentials .*none is no folder: name one that holds a token"),
        (folder(tmp_path / "empty"), "has no credentials in it: put in a token, username"),
        (folder(tmp_path / "half", username="me"), "half has username but no password: add it"),
    ):
        with pytest.raises(Problem, match=said):
            await asked(plan, address=server.address, credentials=path)
    assert server.headers == []
    with pytest.raises(Problem, match="Credentials cannot go to Service ops/mimir:80 through"):
        await asked(plan, address="ops/mimir:80", credentials=folder(tmp_path / "t", token="t"))
    server.status = 401
    with pytest.raises(Problem, match=r"asks for credentials \(HTTP 401\): pass --credentials"):
        await asked(plan, address=server.address)


async def test_a_certificate_of_ones_own_opens_the_door(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    made = Server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(*authority.sign("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    made.server.scheme = "https"
    await made.server.start_server(ssl=context)
    plan, address = plan_of(address=made.address, kind="Prometheus"), made.address
    try:
        with pytest.raises(Problem, match=r"put its authority as ca\.crt into the folder of --cre"):
            await asked(plan)
        certificate, key = authority.sign("client")
        files = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.certificate}
        mine = folder(tmp_path / "mine", **{name: f.read_text() for name, f in files.items()})
        where, found = await asked(plan, credentials=mine)
    finally:
        await made.server.close()
    assert where == f"Prometheus at {address} (ReleaseClass tier1)"
    assert isinstance(found, Vector)


async def test_an_address_of_a_class_that_is_out_of_reach_says_what_to_do() -> None:
    plan = plan_of(address=f"http://127.0.0.1:{unused_port()}", kind="Prometheus")
    with pytest.raises(
        Problem, match="or pass --prometheus with an address that can, say of kubect"
    ):
        await asked(plan)


def kubeconfig(path: Path, server: str) -> str:
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    body = {
        "contexts": [context],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "mine"}}],
        "current-context": "c",
    }
    path.write_text(json.dumps(body))
    return str(path)


def operators(url: str, **more: str) -> dict[str, Any]:
    """The list of Deployments of the operator."""
    environ = {"SUREFOOT_PROMETHEUS_URL": url, **more}
    env = [{"name": name, "value": value} for name, value in environ.items()]
    spec = {"containers": [{"name": "operator", "image": "surefoot", "env": env}]}
    labels = {"app.kubernetes.io/name": "surefoot"}
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {
        "metadata": {"name": "surefoot", "namespace": "ops"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DeploymentList",
        "metadata": {},
        "items": [deployment],
    }


async def test_a_class_in_the_cluster_is_asked_through_the_api_server(
    server: Server, tmp_path: Path
) -> None:
    plan = plan_of(address="http://mimir.metrics.svc:8080/x", kind="Mimir", tenant="risk")
    where, _ = await asked(plan, kubeconfig=kubeconfig(tmp_path / "config", server.address))
    service = "Service metrics/mimir:8080 through the API server"
    assert where == f"Mimir at {service}, tenant risk (ReleaseClass tier1)"
    path = "/api/v1/namespaces/metrics/services/mimir:8080/proxy/x/api/v1/query"
    assert server.paths == [path] * 2
    assert server.headers[-1]["X-Scope-OrgID"] == "risk"
    assert server.headers[-1]["Authorization"] == "Bearer mine"


async def test_credentials_never_go_through_the_api_server(server: Server, tmp_path: Path) -> None:
    plan = plan_of(address="http://mimir.metrics.svc:8080", kind="Mimir", credentials="eu")
    access = {"kubeconfig": kubeconfig(tmp_path / "config", server.address)}
    with pytest.raises(Problem, match=r"Cannot ask Mimir at http://mimir\.metrics\.svc:8080 "):
        await asked(plan, credentials=folder(tmp_path / "eu", token="s3cret"), **access)
    assert server.headers == []


async def test_the_operators_own_source_is_asked_as_the_operator_does(
    server: Server, tmp_path: Path
) -> None:
    settings = {"SUREFOOT_PROMETHEUS_KIND": "Mimir", "SUREFOOT_PROMETHEUS_TENANT": "all"}
    deployments = operators("http://mimir.metrics.svc:8080", **settings)
    server.objects["/apis/apps/v1/deployments"] = deployments
    access = {"kubeconfig": kubeconfig(tmp_path / "config", server.address)}
    where, _ = await asked(plan_of(), **access)
    assert where.endswith("through the API server, tenant all (the operator's)")
    assert server.headers[-1]["X-Scope-OrgID"] == "all"
    await asked(plan_of(tenant="risk"), **access)
    assert server.headers[-1]["X-Scope-OrgID"] == "risk"
    server.objects["/apis/apps/v1/deployments"] = operators("http://mimir.metrics.svc:8080")
    with pytest.raises(Problem, match=r"the operator's own source is a Prometheus, which has none"):
        await asked(plan_of(tenant="risk"), **access)
    server.status = 403
    with pytest.raises(
        Problem, match=r"see that you may create services/proxy in namespace metrics"
    ):
        await asked(plan_of(), **access)


def file_of(path: Path, *more: dict[str, Any]) -> str:
    meta = {"name": "fraud", "namespace": "risk"}
    release = {"kind": "ModelRelease", "metadata": meta, "spec": SPEC}
    path.write_text(yaml.safe_dump_all([release, *more]))
    return str(path)


def a_class(**metrics: Any) -> dict[str, Any]:
    spec = {**CLASS, "metrics": metrics}
    return {"kind": "ReleaseClass", "metadata": {"name": "tier1"}, "spec": spec}


async def run(*words: str) -> tuple[int, str]:
    found = await asyncio.to_thread(CliRunner().invoke, app, words, env={"COLUMNS": "300"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


@pytest.mark.parametrize(
    "command", [("probe",), ("plan",), ("backtest", "--from", "5m"), ("backtest", "--from", "5m", "--aa")]
)  # fmt: skip
async def test_every_command_asks_the_source_of_the_class(
    server: Server, other: Server, tmp_path: Path, command: tuple[str, ...]
) -> None:
    metrics = {"address": server.address, "kind": "Mimir", "tenant": "risk", "credentials": "eu"}
    server.result = {"resultType": "matrix", "result": []}
    mine = ("--credentials", folder(tmp_path / "eu", token="s3cret"))
    path = "/apis/surefoot.dev/v1alpha1/releaseclasses/tier1"
    forced = [{"label": "site", "value": "eu-1"}]
    other.objects[path] = a_class(**metrics, matchers=forced)
    file = file_of(tmp_path / "release.yaml")
    config = ("--kubeconfig", kubeconfig(tmp_path / "config", other.address))
    who = ("--incumbent", "fraud-v41:80")
    _, text = await run(command[0], "-f", file, *command[1:], *config, *mine, *who)
    queries = [form["query"] for form in server.forms if not form["query"].startswith("vector")]
    assert queries, text
    assert all('site="eu-1"' in query for query in queries)
    assert {each.get("Authorization") for each in server.headers} == {"Bearer s3cret"}
    assert {each.get("X-Scope-OrgID") for each in server.headers} == {"risk"}
    assert other.headers == []


async def test_a_probe_says_whom_it_asked(server: Server, tmp_path: Path) -> None:
    server.result = {"resultType": "matrix", "result": []}
    file = file_of(tmp_path / "release.yaml", a_class(address=server.address, kind="Prometheus"))
    words = ("probe", "-f", file, "--incumbent", "fraud-v41:80")
    code, text = await run(*words)
    where = f"Prometheus at {server.address} (ReleaseClass tier1)"
    assert (code, text.splitlines()[0]) == (1, where)
    _, text = await run(*words, "-o", "json")
    assert json.loads(text)["prometheus"] == where


async def test_a_class_that_is_nowhere_says_where_to_put_it(server: Server, tmp_path: Path) -> None:
    file = file_of(tmp_path / "release.yaml")
    for access in ((), ("--kubeconfig", kubeconfig(tmp_path / "config", server.address))):
        code, text = await run("plan", "-f", file, "--traffic", "5", *access)
        assert (code, text.count("\n")) == (1, 1), text
        assert "lacks ReleaseClass tier1, which the release names" in text
        assert "add the class to the file (kubectl get mrc tier1 -o yaml), or point kubectl" in text
    code, text = await run("probe", "-f", file_of(tmp_path / "b.yaml", a_class(kind="Mimir")))
    assert (code, text.count("\n")) == (1, 1), text
    assert "ReleaseClass tier1 in " in text
    assert "metrics.address and metrics.kind belong together" in text
