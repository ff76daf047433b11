"""How kstatus, with which Helm and Flux wait, judges a release in each stage of its life."""

import json
import subprocess

import pytest

from localcluster import build
from tests.cluster.running.test_stories import act, condition, phase, reach, status
from tests.support.poll import until
from tests.support.story import release

pytestmark = pytest.mark.usefixtures("arms")


def judged(kube):
    """The word that kstatus has for the release as it is on the API server now."""
    body = kube.get("ModelRelease", "fraud")
    listed = json.dumps([{**body, "apiVersion": "surefoot.dev/v1alpha1", "kind": "ModelRelease"}])
    done = subprocess.run(
        [build.binary("kstatus")], input=listed, text=True, capture_output=True, check=True
    )
    return done.stdout.strip()


def test_a_release_is_current_while_it_runs_and_failed_when_a_person_must_act(
    kube, gateway, start_operator
):
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    start_operator()
    reach(kube, 30)
    until(lambda: phase(kube) == "Progressing")
    assert judged(kube) == "Current"
    act(kube, "Abort")
    until(lambda: phase(kube) == "Reverted")
    assert judged(kube) == "Failed"
    back = {"version": "41", "workloadRef": {"name": "fraud-v41"}}
    kube.apply(release(candidate=back, incumbent=None))
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    assert judged(kube) == "Current"


def test_a_spec_that_nobody_has_read_yet_is_in_progress(kube, gateway, start_operator):
    operator = start_operator()
    kube.apply(release())
    until(lambda: condition(kube, "Promoted").get("status") == "True")
    operator.kill()
    kube.patch("ModelRelease", "fraud", {"spec": {"summary": "Another word."}})
    assert judged(kube) == "InProgress"
    start_operator()
    until(lambda: status(kube)["observedGeneration"] == 2)
    assert judged(kube) == "Current"


def test_a_missing_reference_is_a_failure_that_says_so(kube, gateway, start_operator):
    start_operator()
    kube.apply(release(incumbent={"workloadRef": {"name": "fraud-v40"}}))
    until(lambda: condition(kube, "Stalled").get("reason") == "WorkloadMissing")
    assert judged(kube) == "Failed"
