"""Records on a real API server: what was deleted or lost while the operator was down."""

import pytest

from tests.cluster.running.test_stories import condition, phase, reach, status, weight
from tests.support.kube import ApiError
from tests.support.poll import until
from tests.support.story import release

pytestmark = pytest.mark.usefixtures("arms")
LONG = [{"weight": 30, "hold": "10m"}]


def ends(kube):
    """How each record ends, oldest first; None while it is open."""
    found = sorted(kube.list("ReleaseRecord"), key=lambda body: body["spec"]["startedAt"])
    return [body["spec"].get("end", {}).get("outcome") for body in found]


def test_a_release_that_was_deleted_while_the_operator_was_down_gives_its_traffic_back(
    kube, gateway, start_operator
):
    operator = start_operator()
    kube.apply(release(steps=LONG))
    reach(kube, 30)
    assert ends(kube) == [None]
    operator.kill()
    kube.delete("ModelRelease", "fraud")
    assert weight(kube) == 30
    operator = start_operator()
    until(lambda: weight(kube) == 0, what="the traffic is back")
    until(lambda: ends(kube) == ["Reverted"], what="the record is sealed")
    (record,) = kube.list("ReleaseRecord")
    assert record["spec"]["end"]["reason"] == "Deleted"
    assert "deleted at 30 %" in record["spec"]["end"]["message"]
    assert "Deleted" in [event["reason"] for event in kube.list("Event")]
    with pytest.raises(ApiError, match="a sealed ReleaseRecord cannot be edited"):
        kube.patch("ReleaseRecord", record["metadata"]["name"], {"spec": {"end": {"message": ""}}})
    assert "Traceback" not in operator.log.read_text()


def test_after_a_rebuild_from_git_and_records_the_promoted_candidate_is_what_serves(
    kube, gateway, start_operator
):
    operator = start_operator()
    kube.apply(release())
    until(lambda: condition(kube, "Promoted").get("reason") == "Promoted")
    until(lambda: ends(kube) == ["Promoted"])
    operator.kill()
    (record,) = kube.list("ReleaseRecord")
    kube.delete("ReleaseRecord", record["metadata"]["name"])
    kube.delete("ModelRelease", "fraud")
    kube.delete("HTTPRoute", "fraud")
    # As a restore does it: what the API server filled in is gone.
    meta = {key: record["metadata"][key] for key in ("name", "labels")}
    kube.create({**record, "metadata": meta})
    start_operator()
    kube.apply(release())  # Git still asserts v41
    until(lambda: phase(kube) == "Idle", what="it serves without a release")
    assert status(kube)["incumbent"]["version"] == "42"
    until(lambda: weight(kube) == 100)
    assert weight(kube, "fraud-v41") is None
    assert ends(kube) == ["Promoted"], "nothing was released again"


def test_a_release_that_was_deleted_and_applied_again_goes_back_before_it_starts_anew(
    kube, gateway, start_operator
):
    operator = start_operator()
    kube.apply(release(steps=LONG))
    reach(kube, 30)
    operator.kill()
    kube.delete("ModelRelease", "fraud")
    kube.apply(release(steps=[{"weight": 20, "hold": "10m"}]))
    operator = start_operator()
    reach(kube, 20)
    assert gateway.weights("fraud-v42") == [0, 30, 0, 20]
    assert ends(kube) == ["Superseded", None]
    assert status(kube)["release"]["attempt"] == 2
    assert "Traceback" not in operator.log.read_text()


def test_killed_at_any_step_a_release_leaves_one_sealed_record(kube, gateway, start_operator):
    operator = start_operator()
    kube.apply(release())
    for percent in (0, 10, 50):
        until(lambda p=percent: p in gateway.weights("fraud-v42"), every_s=0.01)
        operator.kill()
        operator = start_operator()
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    until(lambda: ends(kube) == ["Promoted"])
    (record,) = kube.list("ReleaseRecord")
    assert [e["weight"] for e in record["spec"]["end"]["exposure"]] == [10, 50, 100]
