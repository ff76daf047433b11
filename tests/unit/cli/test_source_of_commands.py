"""`probe`, `plan` and `backtest` as they are called: the class they find, and the source they ask."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from surefoot.cli.main import app
from tests.unit.cli.sources import CLASS, SPEC, Server, folder, kubeconfig

pytestmark = pytest.mark.usefixtures("bare")


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
