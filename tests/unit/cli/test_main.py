"""The commands: their help, and that help costs nothing."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from surefoot.cli.main import app

COMMANDS = ["status", "watch", "abort", "pause", "resume", "retry"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"\n  kubectl surefoot {command} " in shown.stdout
    for option in ("--namespace", "--context", "--kubeconfig"):
        assert option in shown.stdout


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
