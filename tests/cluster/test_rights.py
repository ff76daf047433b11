"""The operator's account on a real API server: it may do what is listed here, and nothing else."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import pytest

from localcluster.state import Cluster
from tests.cluster.conftest import OPERATOR, kubectl
from tests.support.kube import ApiError, Json, Kube
from tests.support.rights import AT_HOME, EVERYWHERE, ITS_LEASE, listed, rendered, rules, token_of
from tests.support.story import deployment, release

SUREFOOT = "/apis/surefoot.dev/v1alpha1"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{ns}/httproutes"
DEPLOYMENT = "/apis/apps/v1/namespaces/{ns}/deployments/fraud-v42"
# What an operator that was taken over would try: method, path, body.
DENIED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/api/v1/secrets", None),
    ("GET", "/api/v1/namespaces/{ns}/secrets", None),
    ("GET", "/api/v1/namespaces/{ns}/secrets/any", None),
    ("GET", "/api/v1/namespaces/{ns}/pods", None),
    ("POST", "/api/v1/namespaces/{ns}/pods", {"kind": "Pod", "metadata": {"name": "x"}}),
    ("POST", "/api/v1/namespaces/{ns}/pods/x/exec?command=sh", None),
    ("GET", "/api/v1/namespaces/{ns}/configmaps", None),
    ("PATCH", "/api/v1/namespaces/{ns}/configmaps/x", {"data": {}}),
    ("GET", "/api/v1/nodes", None),
    ("GET", "/api/v1/namespaces", None),
    ("DELETE", DEPLOYMENT, None),
    ("PATCH", DEPLOYMENT, {"spec": {"replicas": 0}}),
    ("PATCH", DEPLOYMENT + "/scale", {"spec": {"replicas": 0}}),
    ("DELETE", "/api/v1/namespaces/{ns}/services/fraud-v42", None),
    ("PATCH", "/api/v1/namespaces/{ns}/services/fraud-v42", {"spec": {"selector": {}}}),
    ("DELETE", ROUTES + "/fraud", None),
    ("DELETE", ROUTES, None),
    ("PUT", ROUTES + "/fraud", {}),
    ("PATCH", ROUTES + "/fraud/status", {"status": {}}),
    ("PATCH", SUREFOOT + "/namespaces/{ns}/modelreleases/fraud", {"spec": {"suspend": True}}),
    ("PATCH", SUREFOOT + "/namespaces/{ns}/modelreleases/fraud", {"metadata": {"annotations": {"a": "b"}}}),
    ("PUT", SUREFOOT + "/namespaces/{ns}/modelreleases/fraud", {}),
    ("DELETE", SUREFOOT + "/namespaces/{ns}/modelreleases/fraud", None),
    ("POST", SUREFOOT + "/namespaces/{ns}/modelreleases", {}),
    ("POST", SUREFOOT + "/namespaces/{ns}/releaseactions", {}),
    ("PATCH", SUREFOOT + "/namespaces/{ns}/releaseactions/x", {"spec": {"type": "Abort"}}),
    ("DELETE", SUREFOOT + "/namespaces/{ns}/releaseactions/x", None),
    ("PATCH", SUREFOOT + "/releaseclasses/x", {"spec": {"metrics": {}}}),
    ("POST", SUREFOOT + "/releaseclasses", {}),
    ("DELETE", "/apis/coordination.k8s.io/v1/namespaces/{home}/leases/surefoot", None),
    ("GET", "/apis/coordination.k8s.io/v1/namespaces/{home}/leases/another", None),
    ("GET", "/apis/coordination.k8s.io/v1/namespaces/{home}/leases", None),
    ("GET", "/api/v1/namespaces/{ns}/events", None),
    ("DELETE", "/apis/events.k8s.io/v1/namespaces/{ns}/events/x", None),
    ("PATCH", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modelreleases.surefoot.dev", {}),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {}),
    ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/surefoot", {"rules": []}),
    ("POST", "/api/v1/namespaces/{home}/serviceaccounts/surefoot/token", {}),
    ("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/surefoot", None),
)  # fmt: skip


@pytest.fixture
def home(api: Cluster, kube: Kube) -> Kube:
    """The namespace that the chart is installed in, with an account that nobody gave a right, too."""
    kubectl(api, "apply", "-n", kube.namespace, "-f", "-", stdin=rendered(kube.namespace))
    bare = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bare"}}
    kube.request("POST", f"/api/v1/namespaces/{kube.namespace}/serviceaccounts", bare)
    return kube


@pytest.fixture
def operator(home: Kube) -> Kube:
    """The API server as the operator's account."""
    return home.within(home.namespace, token_of(home, "surefoot"))


def test_the_operator_s_account_has_exactly_the_listed_rights(home: Kube, operator: Kube) -> None:
    anybody = home.within(home.namespace, token_of(home, "bare"))
    for namespace, expected in (
        (home.namespace, listed(EVERYWHERE, AT_HOME) | ITS_LEASE),
        ("default", listed(EVERYWHERE)),
    ):
        assert rules(operator, namespace) - rules(anybody, namespace) == expected


def test_shards_have_the_right_to_a_lease_each_and_to_the_common_one(
    api: Cluster, home: Kube, operator: Kube
) -> None:
    before = rules(operator, home.namespace)
    manifests = rendered(home.namespace, "shards=2", parts=("rbac",))
    kubectl(api, "apply", "-n", home.namespace, "-f", "-", stdin=manifests)
    assert rules(operator, home.namespace) - before == {
        ("coordination.k8s.io", "leases", verb, f"surefoot-{index}-of-2")
        for verb in ("get", "update")
        for index in range(2)
    }


def test_whatever_else_it_tries_is_denied(home: Kube, operator: Kube) -> None:
    home.request("POST", home.path("Deployment"), deployment("fraud-v42"))
    home.request("POST", home.path("ModelRelease"), release("fraud"))
    spec = home.get("ModelRelease", "fraud")["spec"]
    merge, allowed = "application/merge-patch+json", []
    for method, path, body in DENIED:
        where = path.format(ns=home.namespace, home=home.namespace)
        try:
            operator.request(
                method, where, body, merge if method == "PATCH" else "application/json"
            )
            allowed.append(f"{method} {where}")
        except ApiError as error:
            if error.code != 403:
                allowed.append(f"{method} {where}: {error}")
    assert allowed == []
    assert home.get("ModelRelease", "fraud")["spec"] == spec


def test_a_write_to_a_status_leaves_the_spec_alone(home: Kube) -> None:
    # The policy lets one operator of a cluster write statuses, and it is not this namespace's.
    operator = home.as_user(OPERATOR)
    home.request("POST", home.path("ModelRelease"), release("fraud"))
    before = home.get("ModelRelease", "fraud")
    body: Json = {"spec": {"suspend": True}, "status": {"phase": "Idle"}}
    body["metadata"] = {"annotations": {"a": "b"}, "labels": {"c": "d"}}
    after = operator.patch("ModelRelease", "fraud", body, "status")
    assert after["status"]["phase"] == "Idle"
    assert after["spec"] == before["spec"]
    assert "labels" not in after["metadata"]


def test_it_can_act_as_nobody_else(home: Kube, operator: Kube) -> None:
    body = json.dumps(
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    ).encode()
    headers = {
        "Authorization": f"Bearer {operator.token}",
        "Content-Type": "application/json",
        "Impersonate-User": "admin",
    }
    address = f"{operator.server}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    request = urllib.request.Request(address, body, headers, method="POST")
    tls = ssl.create_default_context(cafile=str(operator.ca))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(request, timeout=30)
    assert refused.value.code == 403
