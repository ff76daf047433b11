"""A CRD without the CEL rules (an older one, say): what gets past admission must still revert."""

import copy

import pytest
import yaml

from tests.cluster.running.conftest import ROOT
from tests.support.poll import until
from tests.support.story import release

pytestmark = pytest.mark.usefixtures("arms")
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modelreleases.surefoot.dev"


def without_rules(node):
    """The schema with every CEL rule taken out."""
    if isinstance(node, dict):
        return {k: without_rules(v) for k, v in node.items() if k != "x-kubernetes-validations"}
    return [without_rules(item) for item in node] if isinstance(node, list) else node


@pytest.fixture
def bare_crd(kube):
    whole = yaml.safe_load((ROOT / "crds" / "modelreleases.surefoot.dev.yaml").read_text())

    def put(body):
        current = kube.request("GET", CRD)
        kube.request("PUT", CRD, {**copy.deepcopy(body), "metadata": current["metadata"]})

    put(without_rules(whole))
    yield
    put(whole)


def admits(kube, body):
    try:
        kube.apply(body)
    except Exception:
        return False
    return True


def test_a_spec_made_invalid_mid_release_still_reverts_on_a_breach(
    kube, bare_crd, gateway, traffic, start_operator
):
    start_operator()
    kube.apply(release(steps=[{"weight": 30, "hold": "10m"}]))
    until(
        lambda: (
            kube.get("ModelRelease", "fraud").get("status", {}).get("step", {}).get("verifiedAt")
        )
    )
    broken = release(steps=[{"weight": 30, "hold": "10m"}, {"weight": 5, "hold": "10m"}])
    until(lambda: admits(kube, broken), what="the bare CRD is served")
    until(lambda: kube.get("ModelRelease", "fraud")["status"]["reason"] == "InvalidSpec")
    assert "weights must rise" in kube.get("ModelRelease", "fraud")["status"]["message"]
    traffic.flow("fraud-v42", 50, error_share=0.5)

    def reverted():
        status = kube.get("ModelRelease", "fraud")["status"]
        return status["phase"] == "Reverted" and status["release"]["reason"] == "ThresholdCrossed"

    until(reverted, what="the breach reverts it")
    route = kube.get("HTTPRoute", "fraud")
    weights = {r["name"]: r["weight"] for r in route["spec"]["rules"][0]["backendRefs"]}
    assert weights == {"fraud-v41": 100, "fraud-v42": 0}
