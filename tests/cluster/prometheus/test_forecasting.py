"""`plan` and `backtest` against a real Prometheus with a recorded past, as a person runs them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import build
from tests.cluster.prometheus.archive import Archive, Recorder, stairs

RPS = 60
WEIGHTS = ((600, 0.05), (600, 0.25), (1500, 0.5), (1, 1.0))


@dataclass(frozen=True)
class Past:
    """Half an hour of the incumbent alone, a healthy release from `healthy` on, one with four times
    the errors from `bad` on."""

    url: str
    healthy: datetime
    bad: datetime
    file: Path


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("past")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    # The lull between both is longer than any window: the counters go on.
    healthy, bad = now - timedelta(minutes=100), now - timedelta(minutes=45)
    recorder = Recorder()
    recorder.record(healthy - timedelta(minutes=15), 885, lambda at: 0.0, rps=RPS)
    recorder.record(healthy, 48 * 60, stairs(WEIGHTS), rps=RPS)
    recorder.record(bad - timedelta(minutes=6), 345, lambda at: 0.0, rps=RPS)
    # It goes on for a while after now, however long the tests take to ask.
    recorder.record(bad, 65 * 60, stairs(WEIGHTS), rps=RPS, times=4.0)
    archive = Archive(build.binary("prometheus"), build.binary("promtool"), folder, recorder.text)
    yield Past(archive.url, healthy, bad, _release(folder / "release.yaml"))
    archive.stop()


def _release(file: Path) -> Path:
    """Evidence alone, without a single limit."""
    spec = {
        "candidate": {"version": "42", **_arm("fraud-v42")},
        "incumbent": _arm("fraud-v41"),
        "traffic": {"route": {"name": "fraud"}},
        "steps": [{"weight": w, "hold": "10m"} for w in (5, 25, 50)],
        "bake": "5m",
        "signals": [
            {"name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}, "compare": {}},
            {
                "name": "p99", "type": "Latency", "quantile": 0.99,
                "source": {"preset": "envoy"}, "compare": {},
            },
            {
                "name": "scores", "type": "Drift",
                "source": {"preset": "model-server"}, "compare": {},
            },
        ],
    }  # fmt: skip
    meta = {"name": "fraud", "namespace": "risk"}
    body = {"apiVersion": "surefoot.dev/v1alpha1", "kind": "ModelRelease", "metadata": meta}
    file.write_text(yaml.safe_dump({**body, "spec": spec}))
    return file


def _arm(name: str) -> dict[str, Any]:
    return {"workloadRef": {"name": name}, "backendRef": {"name": name, "port": 80}}


def plugin(past: Past, command: str, *arguments: str) -> Any:
    """What it prints, as JSON unless it was asked otherwise."""
    line = [sys.executable, "-c", "from surefoot.cli.main import app; app()", command]
    line += ["-f", str(past.file), "--prometheus", past.url, *arguments]
    done = subprocess.run([*line, "-o", "json"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def backtest(past: Past, start: datetime, *arguments: str) -> Any:
    end = start + timedelta(minutes=44)
    return plugin(
        past, "backtest", "--from", start.isoformat(), "--to", end.isoformat(), *arguments
    )


def test_a_healthy_past_is_promoted_and_never_near_a_revert(past: Past) -> None:
    found = backtest(past, past.healthy)
    assert (found["outcome"], found["to"]) != (None, None)
    assert found["outcome"] == "Promoted"
    assert max(minute["evidence"] for minute in found["minutes"]) < 4.47
    reached = [d["weight"] for d in found["decisions"] if d["reason"] == "StepReached"]
    assert reached == [5, 25, 50, 100]
    values = found["minutes"][20]["signals"]
    assert {signal["name"]: signal["verdict"] for signal in values} == {
        "errors": "Pass", "p99": "Pass", "scores": "Pass",
    }  # fmt: skip
    assert values[0]["value"] == pytest.approx(0.005, abs=0.005)
    assert 0.25 < values[1]["value"] < 0.5
    shares = [m["recordedShare"] for m in found["minutes"] if m["weight"] == 25]
    assert sum(shares) / len(shares) == pytest.approx(0.25, abs=0.03)


def test_errors_that_were_recorded_are_found_by_the_comparison_alone(past: Past) -> None:
    found = backtest(past, past.bad)
    assert found["outcome"] == "Reverted"
    assert found["decisions"][-1]["reason"] == "Regression"
    assert found["decisions"][-1]["message"].startswith("errors: evidence ")


@pytest.mark.parametrize(
    ("shift", "signal"), [("errors=4x", "errors"), ("p99=+40%", "p99"), ("Drift=0.4", "scores")]
)
def test_a_shift_is_found_in_the_healthy_past(past: Past, shift: str, signal: str) -> None:
    found = backtest(past, past.healthy, "--shift", shift)
    assert found["outcome"] == "Reverted"
    assert found["decisions"][-1]["message"].startswith(f"{signal}: evidence ")


def test_the_incumbent_against_itself_is_not_reverted(past: Past) -> None:
    found = backtest(past, past.bad, "--aa", "--splits", "6")
    assert found["splits"] >= 2
    assert found["reverted"] == 0
    worse = backtest(past, past.bad, "--aa", "--splits", "2", "--shift", "errors=5x")
    assert worse["reverted"] == worse["splits"]


def test_a_plan_reads_todays_traffic(past: Past) -> None:
    found = plugin(past, "plan", "--over", "30m", "--runs", "4", "--error-rate", "0.005")
    # The last half hour is the middle and the end of the bad release: the incumbent has half.
    assert 20 < found["requestsPerSecond"] < 60
    assert [signal["assumed"] for signal in found["signals"]] == [None, None, None]
    last = found["signals"][0]["steps"][2]
    assert 0.2 < last["smallestByEvidence"] < 3.0


def test_a_name_that_prometheus_does_not_know_is_told(past: Past) -> None:
    line = [sys.executable, "-c", "from surefoot.cli.main import app; app()", "plan"]
    line += ["-f", str(past.file), "--prometheus", past.url, "--incumbent", "fraud-v40:80"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1
    assert "Prometheus has no traffic of fraud-v40 in the last 15m" in done.stderr
    assert "pass --traffic with the requests per second" in done.stderr
