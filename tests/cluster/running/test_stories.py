"""The main stories on a real API server: promote, revert, survive, put right."""

import time

import pytest

from tests.support.poll import until
from tests.support.story import (
    Gateway,
    deployment,
    error_rate,
    free_port,
    release,
    service,
    set_available,
)

pytestmark = pytest.mark.usefixtures("arms")


def phase(kube, name="fraud"):
    return kube.get("ModelRelease", name).get("status", {}).get("phase")


def status(kube, name="fraud"):
    return kube.get("ModelRelease", name).get("status", {})


def condition(kube, kind, name="fraud"):
    found = {c["type"]: c for c in status(kube, name).get("conditions", [])}
    return found.get(kind, {})


def weight(kube, arm="fraud-v42", route="fraud"):
    body = kube.find("HTTPRoute", route)
    refs = [r for rule in body["spec"]["rules"] for r in rule["backendRefs"]] if body else []
    return next((r.get("weight", 1) for r in refs if r["name"] == arm), None)


def reach(kube, percent):
    until(lambda: weight(kube) == percent, what=f"weight {percent}")


def test_a_good_candidate_is_promoted_on_a_managed_route(kube, gateway, start_operator):
    start_operator()
    kube.apply(release())
    until(lambda: phase(kube) == "Idle" and condition(kube, "Promoted").get("reason") == "Promoted")
    assert gateway.weights("fraud-v42") == [0, 10, 50, 100]
    assert status(kube)["incumbent"]["version"] == "42"
    wanted = sorted(["Adopted", "Started", *["StepReached"] * 3, "Promoted"])
    until(
        lambda: sorted(e["reason"] for e in kube.list("Event")) == wanted, what="an Event for each"
    )


def test_a_bad_candidate_is_reverted_within_a_second_of_the_crossing(
    kube, gateway, traffic, start_operator
):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}], maxDuration=None))
    reach(kube, 30)
    traffic.flow("fraud-v42", 50, error_share=0.5)
    until(lambda: phase(kube) == "Reverted")
    body = status(kube)
    assert weight(kube) == 0
    assert condition(kube, "Promoted")["reason"] == "ThresholdCrossed"
    assert "the limit is ≤ 0.05" in condition(kube, "Promoted")["message"]
    assert body["decisions"][-1]["numbers"]["errors"] > 0.05
    assert [e["reason"] for e in kube.list("Event")].count("ThresholdCrossed") == 1


def test_a_given_route_gets_weights_and_nothing_else(kube, gateway, start_operator):
    refs = [{"name": "fraud-v41", "port": 80}, {"name": "fraud-v42", "port": 80, "weight": 0}]
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
        "timeouts": {"request": "3s"},
        "backendRefs": refs,
    }
    kube.create(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "mine", "annotations": {"team": "risk"}},
            "spec": {"parentRefs": [{"name": "public"}], "rules": [rule]},
        }
    )
    start_operator()
    before = kube.get("HTTPRoute", "mine")
    spec = release()
    spec["spec"]["traffic"] = {"route": {"kind": "HTTPRoute", "name": "mine"}}
    kube.apply(spec)
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    after = kube.get("HTTPRoute", "mine")
    assert weight(kube, route="mine") == 100
    for body in (before, after):
        for ref in body["spec"]["rules"][0]["backendRefs"]:
            ref.pop("weight", None)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]


def test_no_available_pod_takes_the_traffic_back(kube, gateway, start_operator):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    set_available(kube, "fraud-v42", 0)
    until(lambda: weight(kube) == 0)
    until(lambda: condition(kube, "Promoted").get("reason") == "CandidateUnavailable")


def test_a_deleted_candidate_takes_the_traffic_back(kube, gateway, start_operator):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    kube.delete("Deployment", "fraud-v42")
    until(lambda: weight(kube) == 0)
    until(lambda: condition(kube, "Promoted").get("reason") == "CandidateDeleted")


def test_a_deleted_release_takes_the_traffic_back_and_leaves_the_route(
    kube, gateway, start_operator
):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    kube.delete("ModelRelease", "fraud")
    until(lambda: weight(kube) == 0)
    assert weight(kube, "fraud-v41") == 100


def test_a_raised_weight_is_put_right_and_a_lowered_one_held_until_resume(
    kube, gateway, start_operator
):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    until(lambda: status(kube)["step"].get("verifiedAt"))
    edit(kube, 90)
    until(lambda: weight(kube) == 30)
    until(lambda: "WeightRaised" in [d["reason"] for d in status(kube)["decisions"]])
    edit(kube, 5)
    until(lambda: status(kube).get("reason") == "WeightLowered")
    assert weight(kube) == 5
    assert "kubectl-edit" in status(kube)["message"]
    act(kube, "Resume")
    until(lambda: weight(kube) == 30)
    until(lambda: phase(kube) == "Progressing")


def edit(kube, percent):
    body = kube.get("HTTPRoute", "fraud")
    for ref in body["spec"]["rules"][0]["backendRefs"]:
        ref["weight"] = percent if ref["name"] == "fraud-v42" else 100 - percent
    kube.patch("HTTPRoute", "fraud", {"spec": {"rules": body["spec"]["rules"]}})


def act(kube, kind):
    spec = {"releaseName": "fraud", "type": kind, "requestedBy": "admin"}
    return kube.create(
        {
            "apiVersion": "surefoot.dev/v1alpha1",
            "kind": "ReleaseAction",
            "metadata": {"name": f"fraud-{kind.lower()}"},
            "spec": spec,
        }
    )


def test_pause_abort_and_retry_are_carried_out_and_answered(kube, gateway, start_operator):
    start_operator()
    kube.apply(release())
    reach(kube, 10)
    act(kube, "Pause")
    until(lambda: phase(kube) == "Paused")
    until(lambda: kube.get("ReleaseAction", "fraud-pause").get("status", {}).get("phase") == "Done")
    act(kube, "Abort")
    until(lambda: phase(kube) == "Reverted" and weight(kube) == 0)
    act(kube, "Retry")
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    assert status(kube)["release"]["attempt"] == 2


@pytest.mark.parametrize("percent", [0, 10, 50])
def test_killed_and_restarted_the_story_ends_the_same(kube, gateway, start_operator, percent):
    operator = start_operator()
    kube.apply(release())
    # The log, not the route: what is there for less than a poll is seen as well.
    until(lambda: percent in gateway.weights("fraud-v42"), what=f"weight {percent}", every_s=0.01)
    operator.kill()
    start_operator()
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    assert gateway.weights("fraud-v42") == [0, 10, 50, 100]


def test_killed_while_reverting_the_traffic_still_comes_back(
    kube, gateway, traffic, start_operator
):
    operator = start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    operator.kill()
    body = status(kube)
    body["traffic"]["intended"] = 0
    body["release"] |= {
        "outcome": "Reverted",
        "reason": "ThresholdCrossed",
        "message": "errors: 0.5",
    }
    kube.patch("ModelRelease", "fraud", {"status": body}, "status")
    start_operator()
    until(lambda: weight(kube) == 0)
    until(lambda: phase(kube) == "Reverted")


def test_an_unreachable_prometheus_holds_and_says_so(kube, gateway, start_operator):
    url = f"http://127.0.0.1:{free_port()}"
    start_operator(url)
    kube.apply(release())
    address = url.removeprefix("http://")
    until(lambda: address in status(kube).get("message", ""), what="the message names the address")
    assert status(kube)["reason"] == "WaitingForMetrics"
    assert weight(kube) == 0


def test_a_missing_deployment_stalls_until_it_is_there(kube, gateway, start_operator):
    start_operator()
    kube.apply(release(candidate={"version": "43", "workloadRef": {"name": "fraud-v43"}}))
    until(lambda: condition(kube, "Stalled").get("reason") == "WorkloadMissing")
    assert "Deployment fraud-v43" in condition(kube, "Stalled")["message"]
    kube.create(service("fraud-v43"))
    kube.create(deployment("fraud-v43"))
    set_available(kube, "fraud-v43", 2)
    until(lambda: status(kube).get("release", {}).get("version") == "43")


def test_two_releases_on_one_route_the_younger_refuses_and_names_the_other(
    kube, gateway, start_operator
):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    second = release("fraud-b")
    second["spec"]["traffic"] = {"route": {"kind": "HTTPRoute", "name": "fraud"}}
    kube.apply(second)
    until(lambda: condition(kube, "Stalled", "fraud-b").get("reason") == "RouteConflict")
    assert "ModelRelease fraud was there first" in condition(kube, "Stalled", "fraud-b")["message"]
    assert weight(kube) == 30


def test_a_managed_route_that_the_api_server_refuses_stands_in_nobodys_way(
    kube, gateway, start_operator
):
    operator = start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    # The Gateway API wants a sectionName in both where one parent is named twice.
    parents = [{"name": "public"}, {"name": "public", "sectionName": "a"}]
    spec = {"traffic": {"managedRoute": {"parentRefs": parents}}}
    kube.patch("ModelRelease", "fraud", {"spec": spec})
    reach(kube, 0)
    until(lambda: status(kube).get("reason") == "RouteRefused")
    assert "sectionName" in status(kube)["message"]
    act(kube, "Abort")
    until(lambda: kube.get("ReleaseAction", "fraud-abort").get("status", {}).get("phase") == "Done")
    assert weight(kube) in (0, None)
    assert "Traceback" not in operator.log.read_text()


def test_a_status_that_someone_damaged_is_made_anew(kube, gateway, traffic, start_operator):
    operator = start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    kube.patch("ModelRelease", "fraud", {"status": {"traffic": None}}, "status")
    until(lambda: status(kube).get("traffic", {}).get("intended") == 30)
    traffic.flow("fraud-v42", 50, error_share=0.5)
    reach(kube, 0)
    assert "Traceback" not in operator.log.read_text()


def test_a_route_that_its_gateway_rejects_holds(kube, start_operator):
    gateway = Gateway(kube)
    gateway.accepts = False
    start_operator()
    kube.apply(release())
    until(lambda: status(kube).get("reason") == "RouteNotAccepted")
    assert weight(kube) == 0
    gateway.accepts = True
    gateway.judge(kube.get("HTTPRoute", "fraud"))
    until(lambda: weight(kube) == 10)


def test_while_nothing_changes_nothing_is_written(kube, gateway, start_operator):
    start_operator()
    kube.apply(release(signals=None))
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    seen: list[tuple[float, str]] = []

    def quiet() -> bool:
        """The last write is 5 s ago: what the promotion itself brings about has been written."""
        version = kube.get("ModelRelease", "fraud")["metadata"]["resourceVersion"]
        if not seen or seen[-1][1] != version:
            seen.append((time.monotonic(), version))
        return time.monotonic() - seen[-1][0] > 5

    until(quiet, what="nothing is written for 5 s")


def test_a_failing_candidate_is_found_by_errors_even_while_another_signal_has_no_data(
    kube, gateway, traffic, start_operator
):
    start_operator()
    blind = error_rate(name="late", threshold={"minSamples": 1000000})
    kube.apply(release(signals=[error_rate(), blind], steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    traffic.flow("fraud-v42", 50, error_share=0.5)
    until(lambda: phase(kube) == "Reverted" and weight(kube) == 0)


def test_the_operator_ends_cleanly_and_serves_its_own_metrics(kube, gateway, start_operator):
    operator = start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    reach(kube, 30)
    wanted = f'surefoot_candidate_weight_percent{{kind="intended",namespace="{kube.namespace}",release="fraud"}} 30.0'
    until(lambda: wanted in operator.metrics())
    assert operator.stop() == 0
