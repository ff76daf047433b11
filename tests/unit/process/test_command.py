"""The command line of the operator."""

import os
import subprocess
import sys

import pytest


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "surefoot", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )


@pytest.mark.slow
def test_help_tells_of_every_setting() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "SUREFOOT_PROMETHEUS_URL" in done.stdout
    assert "--shard I/N" in done.stdout


@pytest.mark.slow
def test_a_shard_of_the_command_line_goes_before_that_of_the_environment() -> None:
    url = "http://prometheus.monitoring:9090"
    done = run("--shard", "2/2", SUREFOOT_SHARD="0/2", SUREFOOT_PROMETHEUS_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith("surefoot: SUREFOOT_SHARD: must be I/N")


@pytest.mark.slow
def test_anything_else_is_refused() -> None:
    done = run("start")
    assert done.returncode == 2
    assert "unrecognized arguments: start" in done.stderr
