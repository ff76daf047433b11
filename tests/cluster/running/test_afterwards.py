"""A hope that is waited for, and what goes on after the promotion, on a real API server and Prometheus."""

import os
import shlex
import subprocess

import pytest

from localcluster import build
from tests.support.poll import until
from tests.support.story import error_rate, release

pytestmark = pytest.mark.usefixtures("arms")


def status(kube):
    return kube.get("ModelRelease", "fraud").get("status", {})


def condition(kube, kind):
    return next((c for c in status(kube).get("conditions", []) if c["type"] == kind), {})


def test_a_required_hope_is_reached_and_a_late_breach_proposes_a_rollback_that_works(
    kube, api_server, gateway, traffic, start_operator
):
    traffic.flow("fraud-v41", 50, error_share=0.04)
    traffic.flow("fraud-v42", 50, error_share=0.01)
    start_operator()
    kube.apply(
        release(
            analysis={"interval": "1s", "warmup": "0s", "evidenceInterval": "5s"},
            hypothesis={"signal": "errors", "improveBy": {"relative": 0.1}, "required": True},
            signals=[error_rate(watch={"for": "1d"})],
            steps=[{"weight": 50, "hold": "3s"}],
        )
    )
    until(lambda: status(kube).get("reason") == "HypothesisOpen", what="it waits for the hope")
    assert status(kube)["hypothesis"]["verdict"] == "Testing"
    until(lambda: status(kube).get("phase") == "Idle", deadline_s=300, what="reached, promoted")
    hope = status(kube)["hypothesis"]
    assert (hope["verdict"], hope["intervals"] >= 10) == ("Reached", True)
    assert "Hypothesis reached" in status(kube)["release"]["message"]
    until(lambda: condition(kube, "Watched"), what="it is watched")

    traffic.flow("fraud-v42", 50, error_share=0.5)
    until(lambda: condition(kube, "Watched")["status"] == "False", deadline_s=200)
    assert condition(kube, "Ready")["status"] == "True"
    (event,) = [e for e in kube.list("Event") if e["reason"] == "WatchBreach"]
    assert event["type"] == "Warning"
    assert gateway.weights("fraud-v42")[-1] == 100

    words = shlex.split(event["note"][event["note"].index("kubectl patch") :])
    config = {**os.environ, "KUBECONFIG": str(api_server.kubeconfig)}
    subprocess.run([build.binary("kubectl"), *words[1:]], env=config, check=True)
    until(lambda: status(kube)["incumbent"]["workload"] == "fraud-v41", what="it went back")
    assert gateway.weights("fraud-v41")[-1] == 100
