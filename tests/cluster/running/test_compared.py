"""Comparisons and references, judged by the operator on a real API server and Prometheus."""

import pytest

from tests.support.poll import until
from tests.support.story import release

pytestmark = pytest.mark.usefixtures("arms")
FAST = {"interval": "1s", "warmup": "0s", "evidenceInterval": "5s"}
ERRORS = {"name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}, "compare": {}}


def status(kube):
    return kube.get("ModelRelease", "fraud").get("status", {})


def test_more_errors_are_found_by_the_comparison_alone(kube, gateway, traffic, start_operator):
    traffic.flow("fraud-v41", 100, error_share=0.02)
    traffic.flow("fraud-v42", 100, error_share=0.2)
    start_operator()
    kube.apply(release(analysis=FAST, signals=[ERRORS], steps=[{"weight": 50, "hold": "10m"}]))
    until(lambda: status(kube).get("phase") == "Reverted", deadline_s=200, what="it is found")
    found = status(kube)
    assert found["release"]["reason"] == "Regression"
    assert found["evidence"]["value"] >= found["evidence"]["limit"]
    assert gateway.weights("fraud-v42")[-1] == 0
    (event,) = [e for e in kube.list("Event") if e["reason"] == "Regression"]
    assert "worse than the incumbent by more than 10%" in event["note"]


@pytest.mark.usefixtures("gateway")
def test_a_reference_that_is_missing_is_said_and_then_read(kube, traffic, start_operator):
    traffic.flow("fraud-v41", 100)
    start_operator()
    drift = {
        "name": "drift",
        "type": "Drift",
        "source": {"preset": "model-server"},
        "baseline": "Reference",
        "reference": {"configMap": {"name": "training"}},
        "threshold": {"max": 0.2, "window": "30s"},
    }
    kube.apply(release(analysis=FAST, signals=[drift]))

    def says(text):
        until(lambda: text in status(kube).get("message", ""), deadline_s=120, what=text)

    says("ConfigMap training, key reference.json, does not exist: create it")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "training"}}
    kube.create({**body, "data": {"reference.json": '{"edges": [0.5], "counts": [9, 9]}'}})
    says("no samples of model_score")
