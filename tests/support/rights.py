"""What the chart allows the operator, as it is listed here, as Helm renders it, and as the API server tells it."""

from collections.abc import Sequence
from pathlib import Path

from localcluster import build, system
from tests.support.kube import Kube

ROOT = Path(__file__).resolve().parent.parent.parent
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
READ = ("get", "list", "watch")
Rights = dict[tuple[str, str], tuple[str, ...]]

# (API group, resource): verbs. A new right is a line here, in the chart, and in docs/operations.md.
OF_RELEASES: Rights = {
    ("surefoot.dev", "modelreleases"): READ,
    ("surefoot.dev", "releaseactions"): READ,
    ("surefoot.dev", "modelreleases/status"): ("patch",),
    ("surefoot.dev", "releaseactions/status"): ("patch",),
    ("surefoot.dev", "releaserecords"): (*READ, "create", "patch", "delete"),
    ("apps", "deployments"): READ,
    ("", "services"): READ,
    ("", "configmaps"): ("get",),
    ("gateway.networking.k8s.io", "httproutes"): (*READ, "create", "patch"),
    ("events.k8s.io", "events"): ("create",),
}
OF_CLASSES: Rights = {("surefoot.dev", "releaseclasses"): READ}
EVERYWHERE: Rights = {**OF_RELEASES, **OF_CLASSES}
# In the operator's own namespace only, beside the above.
AT_HOME: Rights = {("coordination.k8s.io", "leases"): ("create",)}
# Of one Lease alone: the name belongs to the right.
ITS_LEASE = {("coordination.k8s.io", "leases", verb, "surefoot") for verb in ("get", "update")}


def rendered(home: str, *more: str, parts: Sequence[str] = ("serviceaccount", "rbac")) -> str:
    """The chart's account and rights, as `helm install` brings them; `more` are further values."""
    only = [word for part in parts for word in ("--show-only", f"templates/{part}.yaml")]
    values = ("prometheus.url=http://prometheus.example:9090", *more)
    setting = [word for each in values for word in ("--set", each)]
    command = [build.binary("helm"), "template", "surefoot", ROOT / "charts" / "surefoot"]
    return system.run([*command, "--namespace", home, *only, *setting])


def token_of(admin: Kube, account: str) -> str:
    path = f"/api/v1/namespaces/{admin.namespace}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str(admin.request("POST", path, body)["status"]["token"])


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
        (group, resource, verb, *name)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in [(each,) for each in rule.get("resourceNames", ())] or [()]
    }
    return found | {
        ("", path, verb)
        for rule in status["nonResourceRules"]
        for path in rule["nonResourceURLs"]
        for verb in rule["verbs"]
    }


def listed(*many: Rights) -> set[tuple[str, ...]]:
    return {(*what, verb) for rights in many for what, verbs in rights.items() for verb in verbs}
