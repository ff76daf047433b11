"""`watchNamespaces` on a real API server: what the chart renders for two namespaces is enough, and nothing more."""

import json
from dataclasses import dataclass

import pytest
import yaml

from tests.cluster.conftest import kubectl
from tests.cluster.running.test_release_class import release_class, ten_lines
from tests.support.kube import ApiError, Kube
from tests.support.poll import until
from tests.support.rights import (
    AT_HOME,
    ITS_LEASE,
    OF_CLASSES,
    OF_RELEASES,
    listed,
    rendered,
    rules,
    token_of,
)
from tests.support.story import OperatorProcess, add_arm, release

PARTS = ("serviceaccount", "rbac", "deployment")
SUREFOOT = "/apis/surefoot.dev/v1alpha1"
ROUTES = "/apis/gateway.networking.k8s.io/v1/{ns}httproutes"
EVENT = {"metadata": {"name": "x"}, "reportingController": "x"}
# What its own namespaces allow it, tried in another one (`{ns}`): method, path, body; and lists, tried of all as well.
LISTS = (
    SUREFOOT + "/{ns}modelreleases",
    SUREFOOT + "/{ns}releaseactions",
    SUREFOOT + "/{ns}releaserecords",
    ROUTES,
    "/apis/apps/v1/{ns}deployments",
    "/api/v1/{ns}services",
    "/apis/coordination.k8s.io/v1/{ns}leases",
)
DENIED = (
    ("GET", SUREFOOT + "/{ns}modelreleases/fraud", None),
    ("PATCH", SUREFOOT + "/{ns}modelreleases/fraud/status", {"status": {}}),
    ("PATCH", SUREFOOT + "/{ns}releaseactions/any/status", {"status": {}}),
    ("GET", SUREFOOT + "/{ns}releaserecords/any", None),
    ("POST", SUREFOOT + "/{ns}releaserecords", {}),
    ("PATCH", SUREFOOT + "/{ns}releaserecords/any", {}),
    ("DELETE", SUREFOOT + "/{ns}releaserecords/any", None),
    ("GET", ROUTES + "/fraud", None),
    ("POST", ROUTES, {}),
    ("PATCH", ROUTES + "/fraud", {"spec": {}}),
    ("GET", "/apis/apps/v1/{ns}deployments/fraud-v42", None),
    ("PATCH", "/apis/apps/v1/{ns}deployments/fraud-v42", {"spec": {"replicas": 0}}),
    ("GET", "/api/v1/{ns}services/fraud-v42", None),
    ("GET", "/api/v1/{ns}configmaps/any", None),
    ("GET", "/apis/coordination.k8s.io/v1/{ns}leases/surefoot", None),
    ("POST", "/apis/coordination.k8s.io/v1/{ns}leases", {}),
    ("PATCH", "/apis/coordination.k8s.io/v1/{ns}leases/surefoot", {}),
    ("POST", "/apis/events.k8s.io/v1/{ns}events", EVENT),
)


@dataclass
class Installed:
    """The chart in a namespace of its own, looking after two others."""

    home: Kube
    risk: Kube
    ads: Kube
    other: Kube
    account: Kube
    environment: dict[str, str]

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.home.namespace}:surefoot"


@pytest.fixture
def installed(api_server, kube, prometheus):
    names = {part: f"{kube.namespace}-{part}" for part in ("home", "ads", "other")}
    for name in names.values():
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    home, ads, other = (kube.within(name) for name in names.values())
    values = (
        f"watchNamespaces={{{kube.namespace},{ads.namespace}}}",
        f"prometheus.url={prometheus.url}",
        "prometheus.scrapeInterval=1s",
        "log.format=text",
    )
    manifests = rendered(home.namespace, *values, parts=PARTS)
    kubectl(api_server, "apply", "-f", "-", stdin=manifests)
    account = home.within(home.namespace, token_of(home, "surefoot"))
    environment = environment_of(manifests, home.namespace)
    yield Installed(home, kube, ads, other, account, environment)
    kubectl(
        api_server, "delete", "clusterrolebinding,clusterrole", "surefoot", "--ignore-not-found"
    )


def environment_of(manifests: str, namespace: str) -> dict[str, str]:
    """The container's variables, as the kubelet would set them."""
    kinds = {doc["kind"]: doc for doc in yaml.safe_load_all(manifests) if doc}
    (container,) = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", namespace) for each in container["env"]}


@pytest.fixture
def start(api_server, installed, tmp_path):
    """The operator's process with the token and the variables of the chart's pod."""
    config = json.loads(api_server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": installed.account.token}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(json.dumps(config))
    environment = dict(installed.environment)
    started = []

    def start():
        url, scrape = (
            environment.pop(f"SUREFOOT_{name}") for name in ("PROMETHEUS_URL", "SCRAPE_INTERVAL")
        )
        del environment["SUREFOOT_HTTP_PORT"]
        started.append(OperatorProcess(kubeconfig, url, tmp_path, scrape, **environment))
        return started[0].ready()

    yield start
    for process in started:
        process.kill()
        print(process.log.read_text()[-4000:])


def requests_of(api_server, user):
    """All that a user has asked of the API server: verb, namespace and resource, and the answer's code."""
    found = []
    for line in api_server.audit_log.read_text().splitlines():
        entry = json.loads(line)
        if entry["user"]["username"] == user and "responseStatus" in entry:
            what = entry.get("objectRef", {})
            asked = entry["verb"], what.get("namespace", ""), what.get("resource", "")
            found.append((*asked, entry["responseStatus"]["code"]))
    return found


def status(kube, name="fraud"):
    return kube.get("ModelRelease", name).get("status", {})


def serves(kube, name="fraud"):
    return (status(kube, name).get("incumbent") or {}).get("version")


def test_the_account_has_exactly_the_listed_rights_in_each_namespace(installed):
    bare = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bare"}}
    home = installed.home
    home.request("POST", f"/api/v1/namespaces/{home.namespace}/serviceaccounts", bare)
    anybody = home.within(home.namespace, token_of(home, "bare"))
    for kube, expected in (
        (installed.risk, listed(OF_RELEASES, OF_CLASSES)),
        (installed.ads, listed(OF_RELEASES, OF_CLASSES)),
        (installed.home, listed(OF_CLASSES, AT_HOME) | ITS_LEASE),
        (installed.other, listed(OF_CLASSES)),
    ):
        found = rules(installed.account, kube.namespace) - rules(anybody, kube.namespace)
        assert found == expected


def test_what_its_own_namespaces_allow_is_denied_elsewhere(installed):
    add_arm(installed.other, "fraud-v42")
    installed.other.apply(release())
    other = f"namespaces/{installed.other.namespace}/"
    tried = [(ns, "GET", path, None) for path in LISTS for ns in ("", other)]
    tried += [(other, *each) for each in DENIED]
    allowed = []
    for ns, method, path, body in tried:
        where = path.format(ns=ns)
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            installed.account.request(method, where, body, content)
            allowed.append(f"{method} {where}")
        except ApiError as error:
            if error.code != 403:
                allowed.append(f"{method} {where}: {error}")
    assert allowed == []


@pytest.mark.usefixtures("arms", "gateway", "traffic")
def test_a_release_is_promoted_in_a_namespace_of_its_own_and_others_are_left_alone(
    api_server, installed, prometheus, start
):
    for arm in ("fraud-v41", "fraud-v42"):
        add_arm(installed.other, arm)
    installed.other.apply(release())
    tier = f"tier1-{installed.risk.namespace}"
    installed.risk.create(release_class(tier, prometheus))
    try:
        operator = start()
        installed.risk.apply(release("plain"))
        installed.risk.apply({**ten_lines(tier), "metadata": {"name": "classed"}})
        for name in ("plain", "classed"):
            until(
                lambda name=name: serves(installed.risk, name) == "42", what=f"{name} is promoted"
            )
    finally:
        installed.risk.delete("ReleaseClass", tier)
    assert installed.home.get("Lease", "surefoot")["spec"]["holderIdentity"]

    assert status(installed.other) == {}
    for kind in ("HTTPRoute", "ReleaseRecord", "Event"):
        assert installed.other.list(kind) == []
    assert operator.stop() == 0
    asked = requests_of(api_server, installed.user)
    assert [each for each in asked if each[3] in (401, 403)] == []
    assert {namespace for _, namespace, _, _ in asked} == {
        kube.namespace for kube in (installed.risk, installed.ads, installed.home)
    } | {""}
    assert {resource for _, namespace, resource, _ in asked if not namespace} <= {
        "releaseclasses",
        "",
    }


@pytest.mark.usefixtures("arms", "gateway", "traffic")
def test_without_the_right_to_read_classes_only_releases_that_name_one_wait(
    api_server, installed, start
):
    kubectl(api_server, "delete", "clusterrolebinding", "surefoot")
    start()
    installed.risk.apply({**ten_lines("tier1"), "metadata": {"name": "classed"}})
    installed.risk.apply(release("plain"))
    until(lambda: serves(installed.risk, "plain") == "42", what="the other one is promoted")

    def told():
        conditions = status(installed.risk, "classed").get("conditions", [])
        return [each["message"] for each in conditions if each["reason"] == "ReleaseClassInvalid"]

    (message, *_) = until(told, what="the release says why it waits")
    assert "releaseclasses" in message
    assert "403" in message
