"""Stories of a ReleaseClass on a real API server: watched, followed, missed, and asked elsewhere."""

import pytest

from tests.support.poll import until
from tests.support.story import error_rate, free_port, release

pytestmark = pytest.mark.usefixtures("arms", "gateway")


@pytest.fixture
def class_name(kube):
    """Classes belong to the whole cluster: each story has its own."""
    name = f"tier1-{kube.namespace}"
    yield name
    if kube.find("ReleaseClass", name) is not None:
        kube.delete("ReleaseClass", name)


def release_class(name, prometheus, hold="3s", **changes):
    spec = {
        "steps": [{"weight": 10, "hold": hold}, {"weight": 50, "hold": "3s"}],
        "bake": "3s",
        "analysis": {"interval": "1s", "warmup": "0s"},
        "signals": [error_rate()],
        "metrics": {
            "address": prometheus.url,
            "kind": "Prometheus",
            "matchers": [{"label": "job", "value": "envoy"}],
        },
        **changes,
    }
    return {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ReleaseClass",
        "metadata": {"name": name},
        "spec": spec,
    }


def ten_lines(class_name, **spec):
    bare = dict.fromkeys(("steps", "bake", "analysis", "signals"))
    return release(releaseClassName=class_name, **{**bare, **spec})


def nobody():
    """An address at which nobody answers: only the class's own can be asked."""
    return f"http://127.0.0.1:{free_port()}"


def status(kube):
    return kube.get("ModelRelease", "fraud").get("status", {})


def condition(kube, kind):
    return {c["type"]: c for c in status(kube).get("conditions", [])}.get(kind, {})


def weight(kube):
    return (status(kube).get("traffic") or {}).get("observed")


def test_a_release_waits_for_its_class_and_is_promoted_by_it(
    kube, prometheus, start_operator, class_name
):
    start_operator(nobody())
    kube.apply(ten_lines(class_name))
    until(lambda: condition(kube, "Accepted").get("reason") == "ReleaseClassMissing")
    assert status(kube)["phase"] == "Stalled"
    kube.apply(release_class(class_name, prometheus))
    until(lambda: condition(kube, "Promoted").get("reason") == "Promoted")
    assert condition(kube, "Accepted")["status"] == "True"
    assert [d["weight"] for d in status(kube)["decisions"] if d["reason"] == "StepReached"] == [
        10,
        50,
        100,
    ]


def test_a_class_that_goes_away_stops_nothing_and_a_bad_candidate_still_goes_back(
    kube, prometheus, traffic, start_operator, class_name
):
    start_operator(nobody())
    kube.apply(release_class(class_name, prometheus, hold="10m"))
    kube.apply(ten_lines(class_name))
    until(lambda: weight(kube) == 10)
    kube.delete("ReleaseClass", class_name)
    until(lambda: condition(kube, "Accepted").get("reason") == "ReleaseClassMissing")
    assert "goes on by the plan that was accepted" in condition(kube, "Accepted")["message"]
    assert weight(kube) == 10
    traffic.flow("fraud-v42", 50, error_share=0.5)
    until(lambda: condition(kube, "Promoted").get("reason") == "ThresholdCrossed")


def test_a_changed_class_is_followed_at_once(kube, prometheus, start_operator, class_name):
    start_operator(nobody())
    kube.apply(release_class(class_name, prometheus, hold="10m"))
    kube.apply(ten_lines(class_name))
    until(lambda: weight(kube) == 10)
    kube.apply(release_class(class_name, prometheus))
    until(lambda: condition(kube, "Promoted").get("reason") == "Promoted")
    said = [d["message"] for d in status(kube)["decisions"]]
    assert any(text.startswith(f"ReleaseClass {class_name} changed") for text in said)


def test_what_the_class_locks_is_not_loosened(kube, prometheus, start_operator, class_name):
    start_operator(nobody())
    kube.apply(release_class(class_name, prometheus))
    kube.apply(ten_lines(class_name, signals=[error_rate(threshold={"max": 0.5})]))
    until(lambda: condition(kube, "Accepted").get("status") == "False")
    assert condition(kube, "Accepted")["message"] == (
        "signal errors: threshold.max is 0.5: it must be 0.05 or less "
        f"(locked by ReleaseClass {class_name})"
    )
    kube.apply(ten_lines(class_name, signals=[error_rate(threshold={"max": 0.04})]))
    until(lambda: condition(kube, "Promoted").get("reason") == "Promoted")
