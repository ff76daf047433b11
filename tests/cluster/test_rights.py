"""The operator's account on a real API server: it may do what is listed here, and nothing else."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from localcluster import build, system
from localcluster.state import Cluster
from tests.cluster.conftest import kubectl
from tests.support.kube import ApiError, Json, Kube
from tests.support.story import deployment, release

ROOT = Path(__file__).resolve().parent.parent.parent
READ = ("get", "list", "watch")
Rights = dict[tuple[str, str], tuple[str, ...]]

# (API group, resource): verbs. A new right is a line here, in the chart, and in docs/operations.md.
EVERYWHERE: Rights = {
    ("surefoot.dev", "modelreleases"): READ,
    ("surefoot.dev", "releaseactions"): READ,
    ("surefoot.dev", "releaseclasses"): READ,
    ("surefoot.dev", "modelreleases/status"): ("patch",),
    ("surefoot.dev", "releaseactions/status"): ("patch",),
    ("surefoot.dev", "releaserecords"): (*READ, "create", "patch", "delete"),
    ("apps", "deployments"): READ,
    ("", "services"): READ,
    ("", "configmaps"): ("get",),
    ("gateway.networking.k8s.io", "httproutes"): (*READ, "create", "patch"),
    ("events.k8s.io", "events"): ("create",),
}
# In the operator's own namespace only, beside the above.
AT_HOME: Rights = {("coordination.k8s.io", "leases"): ("create",)}
# Of one Lease alone: the name belongs to the right.
ITS_LEASE = {("coordination.k8s.io", "leases", verb, "surefoot") for verb in ("get", "update")}

SUREFOOT = "/apis/surefoot.dev/v1alpha1"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{ns}/httproutes"
DEPLOYMENT = "/apis/apps/v1/namespaces/{ns}/deployments/fraud-v42"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
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


def rendered(home: str) -> str:
    """The chart's account and rights, as `helm install` brings them."""
    shown = ("serviceaccount", "rbac")
    only = [word for part in shown for word in ("--show-only", f"templates/{part}.yaml")]
    chart = ROOT / "charts" / "surefoot"
    setting = ["--namespace", home, "--set", "prometheus.url=http://prometheus.example:9090"]
    return system.run([build.binary("helm"), "template", "surefoot", chart, *only, *setting])


def token_of(admin: Kube, account: str) -> str:
    path = f"/api/v1/namespaces/{admin.namespace}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str(admin.request("POST", path, body)["status"]["token"])


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


def rules(who: Kube, namespace: str) -> set[tuple[str, ...]]:
    """All that an account may do there, one verb on one resource each."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status = who.request("POST", REVIEW, body)["status"]
    assert not status["incomplete"]
    found = {
        (group, resource, verb, *rule.get("resourceNames", []))
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    return found | {
        ("", path, verb)
        for rule in status["nonResourceRules"]
        for path in rule["nonResourceURLs"]
        for verb in rule["verbs"]
    }


def listed(*many: Rights) -> set[tuple[str, ...]]:
    return {(*what, verb) for rights in many for what, verbs in rights.items() for verb in verbs}


def test_the_operator_s_account_has_exactly_the_listed_rights(home: Kube, operator: Kube) -> None:
    anybody = home.within(home.namespace, token_of(home, "bare"))
    for namespace, expected in (
        (home.namespace, listed(EVERYWHERE, AT_HOME) | ITS_LEASE),
        ("default", listed(EVERYWHERE)),
    ):
        assert rules(operator, namespace) - rules(anybody, namespace) == expected


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


def test_a_write_to_a_status_leaves_the_spec_alone(home: Kube, operator: Kube) -> None:
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
