"""The commands: their help, and that help costs nothing."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surefoot.cli.main import app

COMMANDS = ["status", "watch", "abort", "pause", "resume", "retry", "probe", "plan", "backtest"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"\n  kubectl surefoot {command} " in shown.stdout
    for option in ("--namespace", "--context", "--kubeconfig"):
        assert option in shown.stdout


@pytest.mark.parametrize("command", ["probe", "plan", "backtest"])
def test_what_asks_prometheus_says_how_it_is_found(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "400"}).stdout
    for word in ("--prometheus", "--credentials", "$SUREFOOT_PROMETHEUS_URL", "ReleaseClass"):
        assert word in shown
    assert (
        f"\n  SUREFOOT_PROMETHEUS_URL=http://localhost:9090 kubectl surefoot {command} -f" in shown
    )


def test_presets_need_no_cluster_and_their_help_has_an_example() -> None:
    shown = CliRunner().invoke(app, ["presets", "--help"])
    assert shown.exit_code == 0
    assert "\n  kubectl surefoot presets traefik" in shown.stdout
    assert "--kubeconfig" not in shown.stdout


def test_a_name_and_all_namespaces_exclude_each_other() -> None:
    shown = CliRunner().invoke(app, ["status", "fraud", "-A"])
    assert shown.exit_code == 2
    assert "exclude each other" in shown.output


def test_help_loads_neither_the_client_nor_the_models() -> None:
    code = (
        "import sys; from surefoot.cli.main import app\n"
        "try: app(['status', '--help'])\n"
        "except SystemExit: print(sorted({'kubernetes', 'surefoot.api.spec'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"kubectl surefoot {version('surefoot')}\n")


def test_a_context_that_does_not_exist_is_told_apart_from_a_broken_kubeconfig(
    tmp_path: Path,
) -> None:
    file = tmp_path / "kubeconfig"
    contexts = [{"name": "prod", "context": {"cluster": "c", "user": "u"}}]
    clusters = [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]
    body = {"contexts": contexts, "clusters": clusters, "users": [{"name": "u", "user": {}}]}
    file.write_text(json.dumps({**body, "current-context": "prod"}))
    shown = CliRunner().invoke(
        app, ["status", "fraud", "--kubeconfig", str(file), "--context", "staging"]
    )
    assert shown.exit_code == 1
    assert "has no context 'staging': choose from prod." in shown.output
