"""Whom the plugin asks, and as whom: a class's source, what a person gives, the operator's own."""

import ssl
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from surefoot.adapters.prometheus.payload import Vector
from surefoot.cli.problem import Problem
from tests.support.authority import Authority
from tests.unit.cli.sources import Server, asked, folder, kubeconfig, operators, plan_of

pytestmark = pytest.mark.usefixtures("bare")


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
