"""Stories on the real node: pods, Gateway, Envoy, Prometheus, and the operator by its chart."""

import pytest

from demo_story import gitops, setup
from tests.e2e.conftest import Client
from tests.support.kube import load_all
from tests.support.poll import until

ERRORS = {
    "name": "errors",
    "type": "ErrorRate",
    "source": {"preset": "envoy"},
    "threshold": {"max": 0.05, "window": "15s", "minSamples": 20},
}
SHORT = {
    "steps": [{"weight": 10, "hold": "6s"}, {"weight": 50, "hold": "6s"}],
    "bake": "6s",
    "analysis": {"interval": "2s", "warmup": "0s"},
    "signals": [ERRORS],
    "maxDuration": None,
}


def apply(kube, version, **spec):
    """The demo's release with short steps and one signal."""
    (body,) = load_all(gitops.EXAMPLE / "release.yaml")
    changed = {**body["spec"], **SHORT, **spec}
    changed["candidate"] = {"version": version, "workloadRef": {"name": f"fraud-v{version}"}}
    body["spec"] = {k: v for k, v in changed.items() if v is not None}
    kube.apply(body)


def status(kube):
    return (kube.find("ModelRelease", "fraud") or {}).get("status", {})


def promoted(kube):
    found = {c["type"]: c for c in status(kube).get("conditions", [])}
    return found.get("Promoted", {})


def weight(kube, name):
    body = kube.find("HTTPRoute", "fraud")
    refs = body["spec"]["rules"][0]["backendRefs"] if body else []
    return next((ref.get("weight", 1) for ref in refs if ref["name"] == name), None)


def adopt(kube):
    apply(kube, "41")
    until(lambda: promoted(kube).get("status") == "True", 120, what="v41 is adopted")


def reach(kube, name, percent):
    until(lambda: weight(kube, name) == percent, 180, what=f"{name} at {percent} %")


def act(kube, kind):
    spec = {"releaseName": "fraud", "type": kind, "requestedBy": "admin"}
    meta = {"generateName": f"fraud-{kind.lower()}-"}
    kube.create(
        {
            "apiVersion": "surefoot.dev/v1alpha1",
            "kind": "ReleaseAction",
            "metadata": meta,
            "spec": spec,
        }
    )


def test_the_demo_promotes_v42_and_fails_when_v43_is_a_good_model_after_all(demo):
    assert demo.code == 1, demo.output[-3000:]
    assert "v43 should have been reverted, but it was promoted" in demo.output
    assert "v42 should have been" not in demo.output
    assert "requests failed between client and model; none should" not in demo.output


@pytest.mark.usefixtures("demo")
def test_a_model_whose_scores_turn_wrong_is_thrown_out_by_calibration_or_drift(kube, node, weights):
    adopt(kube)
    setup.release(node, "43")
    until(lambda: status(kube).get("phase") == "Reverted", 300, what="v43 is reverted")
    reach(kube, "fraud-v43", 0)
    assert promoted(kube)["reason"] == "ThresholdCrossed"
    assert any(name in promoted(kube)["message"] for name in ("calibration", "score-drift"))


def test_killed_before_the_first_step_and_between_status_and_route_write_it_still_promotes(
    kube, operator, weights
):
    adopt(kube)
    operator.kill()
    apply(kube, "42")
    operator.ready()
    reach(kube, "fraud-v42", 10)
    operator.may_patch_routes(False)
    try:
        until(lambda: status(kube)["traffic"]["intended"] == 50, 120, what="50 % is intended")
        assert weight(kube, "fraud-v42") == 10
        operator.kill()
    finally:
        operator.may_patch_routes(True)
    operator.ready()
    until(lambda: promoted(kube).get("status") == "True", 180, what="v42 is promoted")
    assert weights.of("fraud-v42") == [0, 10, 50, 100]


def test_the_leader_killed_during_a_revert_another_one_takes_the_traffic_back(
    kube, operator, weights
):
    adopt(kube)
    apply(kube, "42", steps=[{"weight": 30, "hold": "30m"}])
    reach(kube, "fraud-v42", 30)
    operator.may_patch_routes(False)
    try:
        act(kube, "Abort")
        until(lambda: status(kube)["traffic"]["intended"] == 0, 120, what="0 % is intended")
        assert weight(kube, "fraud-v42") == 30
        dead = operator.leader()
        operator.kill_leader()
    finally:
        operator.may_patch_routes(True)
    reach(kube, "fraud-v42", 0)
    until(lambda: operator.leader() not in ("", dead), what="another one leads")
    assert weights.of("fraud-v42") == [0, 30, 0]


def test_a_candidate_scaled_to_nothing_is_reverted(kube, operator):
    adopt(kube)
    apply(kube, "42", steps=[{"weight": 30, "hold": "30m"}])
    reach(kube, "fraud-v42", 30)
    operator.kubectl("scale", "deployment/fraud-v42", "-n", "risk", "--replicas=0")
    reach(kube, "fraud-v42", 0)
    until(lambda: promoted(kube).get("reason") == "CandidateUnavailable", 60)


def test_helm_uninstall_mid_release_leaves_the_routes_serving(kube, node, operator):
    adopt(kube)
    apply(kube, "42", steps=[{"weight": 30, "hold": "20s"}])
    reach(kube, "fraud-v42", 30)
    with Client(node) as client:
        operator.uninstall()
        until(lambda: client.sent > 200, 120)
    assert client.failed == []
    assert weight(kube, "fraud-v42") == 30
    operator.install()
    until(lambda: promoted(kube).get("status") == "True", 180, what="it goes on where it was")
