"""The Helm chart as Helm renders it: rights, pod security, admission, refusals."""

import subprocess
from typing import Any

import pytest
import yaml

from environment import ROOT
from localcluster import build

CHART = ROOT / "charts" / "surefoot"
URL = "prometheus.url=http://prometheus.monitoring:9090"
Manifest = dict[str, Any]


def helm(*values: str) -> subprocess.CompletedProcess[str]:
    settings = [part for value in values for part in ("--set", value)]
    command = [
        str(build.binary("helm")),
        "template",
        "surefoot",
        str(CHART),
        "--namespace",
        "platform",
    ]
    return subprocess.run([*command, *settings], capture_output=True, text=True)


def render(*values: str) -> list[Manifest]:
    done = helm(URL, *values)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


@pytest.fixture(scope="module")
def default() -> list[Manifest]:
    return render()


def test_the_operator_gets_exactly_the_rights_it_uses(default: list[Manifest]) -> None:
    role = next(r for r in of_kind(default, "ClusterRole") if r["metadata"]["name"] == "surefoot")
    assert rights(role) == {**CLUSTER_WIDE, **NAMESPACED}
    (lease,) = of_kind(default, "Role")
    assert lease["metadata"] == {**lease["metadata"], "namespace": "platform"}
    assert lease["rules"][0]["verbs"] == ["create"]
    assert lease["rules"][1]["resourceNames"] == ["surefoot"]
    assert rights(lease) == {("coordination.k8s.io", "leases"): {"get", "update"}}


def rights(role: Manifest) -> dict[tuple[str, str], set[str]]:
    return {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


READ = {"get", "list", "watch"}
CLUSTER_WIDE = {("surefoot.dev", "releaseclasses"): READ}
NAMESPACED = {
    ("surefoot.dev", "modelreleases"): READ,
    ("surefoot.dev", "releaseactions"): READ,
    ("surefoot.dev", "modelreleases/status"): {"patch"},
    ("surefoot.dev", "releaseactions/status"): {"patch"},
    ("surefoot.dev", "releaserecords"): READ | {"create", "patch", "delete"},
    ("apps", "deployments"): READ,
    ("", "services"): READ,
    ("", "configmaps"): {"get"},
    ("gateway.networking.k8s.io", "httproutes"): READ | {"create", "patch"},
    ("events.k8s.io", "events"): {"create"},
}


def test_with_namespaces_named_nothing_else_is_seen() -> None:
    manifests = render("watchNamespaces={risk,ads}")
    role = next(r for r in of_kind(manifests, "ClusterRole") if r["metadata"]["name"] == "surefoot")
    assert rights(role) == CLUSTER_WIDE
    roles = {r["metadata"]["namespace"]: r for r in of_kind(manifests, "Role")}
    assert set(roles) == {"risk", "ads", "platform"}
    assert rights(roles["risk"]) == rights(roles["ads"]) == NAMESPACED
    bindings = {b["metadata"]["namespace"]: b for b in of_kind(manifests, "RoleBinding")}
    assert bindings["ads"]["subjects"][0]["namespace"] == "platform"
    (deployment,) = of_kind(manifests, "Deployment")
    env = {e["name"]: e.get("value") for e in container_of(deployment)["env"]}
    assert env["SUREFOOT_NAMESPACES"] == "risk,ads"


def container_of(deployment: Manifest) -> Manifest:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_replicas_elect_one_and_outlive_a_drain(default: list[Manifest]) -> None:
    (deployment,) = of_kind(default, "Deployment")
    assert deployment["spec"]["replicas"] == 2
    (spread,) = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    names = {e["name"] for e in container_of(deployment)["env"]}
    assert {"SUREFOOT_LEASE_NAMESPACE", "SUREFOOT_LEASE_NAME"} <= names
    (budget,) = of_kind(default, "PodDisruptionBudget")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels
    assert not of_kind(render("replicas=1"), "PodDisruptionBudget")


def test_each_shard_has_replicas_a_lease_and_a_budget_of_its_own() -> None:
    manifests = render("shards=2")
    deployments = of_kind(manifests, "Deployment")
    assert [each["metadata"]["name"] for each in deployments] == ["surefoot-0", "surefoot-1"]
    (service,) = of_kind(manifests, "Service")
    for index, deployment in enumerate(deployments):
        env = {e["name"]: e.get("value") for e in container_of(deployment)["env"]}
        assert (env["SUREFOOT_SHARD"], env["SUREFOOT_LEASE_NAME"]) == (f"{index}/2", "surefoot")
        template = deployment["spec"]["template"]
        chosen = deployment["spec"]["selector"]["matchLabels"]
        assert chosen["surefoot.dev/shard"] == str(index)
        assert chosen.items() <= template["metadata"]["labels"].items()
        (spread,) = template["spec"]["topologySpreadConstraints"]
        assert spread["labelSelector"]["matchLabels"] == chosen
        budget = of_kind(manifests, "PodDisruptionBudget")[index]
        assert budget["metadata"]["name"] == f"surefoot-{index}"
        assert budget["spec"]["selector"]["matchLabels"] == chosen
        assert service["spec"]["selector"].items() < chosen.items()
    (lease,) = of_kind(manifests, "Role")
    names = ["surefoot", "surefoot-0-of-2", "surefoot-1-of-2"]
    assert lease["rules"][1]["resourceNames"] == names


def test_no_role_has_wildcards_or_secrets(default: list[Manifest]) -> None:
    for role in of_kind(default, "ClusterRole"):
        for rule in role["rules"]:
            words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert not any("*" in word for word in words)
            assert "secrets" not in words


def test_people_have_roles_that_the_cluster_roles_carry(default: list[Manifest]) -> None:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    carried = {
        role["metadata"]["name"]: label.removeprefix(prefix)
        for role in of_kind(default, "ClusterRole")
        for label in role["metadata"]["labels"]
        if label.startswith(prefix)
    }
    assert carried == {
        "surefoot-viewer": "view",
        "surefoot-editor": "edit",
        "surefoot-actor": "edit",
    }


def test_the_pod_meets_the_restricted_standard(default: list[Manifest]) -> None:
    (deployment,) = of_kind(default, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    probes = {container[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe")}
    assert probes == {"/healthz", "/readyz"}


def test_values_reach_the_operator() -> None:
    manifests = render(
        "prometheus.scrapeInterval=5s", "prometheus.timeout=2s", "workers=4", "log.format=text",
        "http.port=9000",
    )  # fmt: skip
    (deployment,) = of_kind(manifests, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {item["name"]: item.get("value") for item in container["env"]} == {
        "SUREFOOT_PROMETHEUS_URL": "http://prometheus.monitoring:9090",
        "SUREFOOT_PROMETHEUS_KIND": "Prometheus",
        "SUREFOOT_SCRAPE_INTERVAL": "5s",
        "SUREFOOT_PROMETHEUS_TIMEOUT": "2s",
        "SUREFOOT_MAX_SERIES": "10000",
        "SUREFOOT_WORKERS": "4",
        "SUREFOOT_LOG_FORMAT": "text",
        "SUREFOOT_LOG_LEVEL": "info",
        "SUREFOOT_HTTP_PORT": "9000",
        "SUREFOOT_LEASE_NAME": "surefoot",
        "SUREFOOT_LEASE_NAMESPACE": None,  # the pod's own
    }
    assert container["ports"] == [{"name": "http", "containerPort": 9000}]


def test_credentials_are_mounted_read_only_and_never_read_through_the_api() -> None:
    manifests = render(
        "prometheus.kind=Thanos", "prometheus.tenant=risk", "prometheus.auth.secretName=prom",
        "prometheus.auth.caConfigMap.name=ca", "prometheus.auth.serviceAccountToken.enabled=true",
        "prometheus.credentials.eu.secretName=eu", "prometheus.credentials.us.secretName=us",
    )  # fmt: skip
    (deployment,) = of_kind(manifests, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["SUREFOOT_PROMETHEUS_KIND"] == "Thanos"
    assert env["SUREFOOT_PROMETHEUS_TENANT"] == "risk"
    assert env["SUREFOOT_PROMETHEUS_REPLICA_LABELS"] == "replica,prometheus_replica"
    assert env["SUREFOOT_PROMETHEUS_AUTH_DIR"] == "/etc/surefoot/prometheus"
    assert env["SUREFOOT_CREDENTIALS_DIR"] == "/etc/surefoot/credentials"
    mounts = {m["name"]: (m["mountPath"], m.get("readOnly")) for m in container["volumeMounts"]}
    assert mounts == {
        "tmp": ("/tmp", None),
        "prometheus": ("/etc/surefoot/prometheus", True),
        "credentials-eu": ("/etc/surefoot/credentials/eu", True),
        "credentials-us": ("/etc/surefoot/credentials/us", True),
    }
    volumes = {v["name"]: v["projected"]["sources"] for v in pod["volumes"] if "projected" in v}
    assert volumes["prometheus"] == [
        {"secret": {"name": "prom", "optional": True}},
        {
            "configMap": {
                "name": "ca",
                "optional": True,
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
    ]
    assert volumes["credentials-eu"] == [{"secret": {"name": "eu", "optional": True}}]
    for role in of_kind(manifests, "ClusterRole"):
        assert all("secrets" not in rule["resources"] for rule in role["rules"])


def test_definitions_are_the_generated_ones_and_are_kept(default: list[Manifest]) -> None:
    crds = {crd["metadata"]["name"]: crd for crd in of_kind(default, "CustomResourceDefinition")}
    files = sorted((ROOT / "crds").glob("*.yaml"))
    assert len(crds) == len(files)
    for file in files:
        expected = yaml.safe_load(file.read_text())
        crd = crds[expected["metadata"]["name"]]
        assert crd["spec"] == expected["spec"]
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_policy_checks_who_asks_and_forbids_edits(default: list[Manifest]) -> None:
    policy, binding = policy_of(default, "releaseactions.surefoot.dev")
    author, frozen = (rule["expression"] for rule in policy["spec"]["validations"])
    assert "object.spec.requestedBy == request.userInfo.username" in author
    assert "object.spec == oldObject.spec" in frozen
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]


def policy_of(manifests: list[Manifest], name: str) -> tuple[Manifest, Manifest]:
    """A policy and its binding."""
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    found = [m for kind in kinds for m in of_kind(manifests, kind) if m["metadata"]["name"] == name]
    policy, binding = found
    return policy, binding


def test_records_are_the_operators_and_a_backup_may_bring_them_back(
    default: list[Manifest],
) -> None:
    policy, binding = policy_of(default, "releaserecords.surefoot.dev")
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    (writer,) = (validation["expression"] for validation in policy["spec"]["validations"])
    assert rule["operations"] == ["CREATE", "UPDATE"], "people may delete them with a namespace"
    assert "username == 'system:serviceaccount:platform:surefoot'" in writer
    assert "request.userInfo.username in []" in writer
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    backup = "system:serviceaccount:velero:velero"
    allowed, _ = policy_of(
        render("admissionPolicy.recordRestorers={" + backup + "}"), "releaserecords.surefoot.dev"
    )
    (writer,) = (validation["expression"] for validation in allowed["spec"]["validations"])
    assert f"request.operation == 'CREATE' && request.userInfo.username in [\"{backup}\"]" in writer


def test_statuses_are_the_operators_whatever_its_account_is_called() -> None:
    policy, binding = policy_of(
        render("serviceAccount.name=releases", "serviceAccount.create=false"),
        "statuses.surefoot.dev",
    )
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["modelreleases/status", "releaseactions/status"]
    assert rule["operations"] == ["CREATE", "UPDATE"]
    (writer,) = policy["spec"]["validations"]
    account = "system:serviceaccount:platform:releases"
    assert writer["expression"] == f"request.userInfo.username == '{account}'"
    assert "is written by the operator alone" in writer["message"]
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "validationActions": ["Deny"],
    }


def test_parts_can_be_left_out() -> None:
    manifests = render(
        "crds.install=false",
        "rbac.create=false",
        "rbac.userRoles=false",
        "admissionPolicy.enabled=false",
        "serviceAccount.create=false",
        "podDisruptionBudget.enabled=false",
    )
    assert {manifest["kind"] for manifest in manifests} == {"Deployment", "Service"}


def test_a_service_monitor_is_made_on_demand(default: list[Manifest]) -> None:
    assert not of_kind(default, "ServiceMonitor")
    (monitor,) = of_kind(render("metrics.serviceMonitor.enabled=true"), "ServiceMonitor")
    assert monitor["spec"]["endpoints"] == [
        {"port": "http", "path": "/metrics", "honorLabels": True, "interval": "15s"}
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("prometheus.url=", "prometheus.url is empty: set it to the address at which pods reach"),
        ("prometheus.url=prom:9090", 'is "prom:9090": it must start with http:// or https://'),
        ("prometheus.scrapeInterval=15", 'is "15": it must be a whole number with a unit'),
        ("prometheus.kind=Cortex", "at '/prometheus/kind': value must be one of 'Prometheus'"),
        ("prometheus.tenant=risk", 'is "risk", but a Prometheus has no tenants: remove it'),
        ("prometheus.credentials.a.secretNme=x", "additional properties 'secretNme' not allowed"),
        (
            "prometheus.credentials.a.secretName=",
            "prometheus.credentials.a is empty: set secretName",
        ),
        ("prometheus.credentials.A_b.secretName=x", "additional properties 'A_b' not allowed"),
        ("admissionPolicy.recordRestorers={a'b}", "at '/admissionPolicy/recordRestorers/0'"),
        ("log.format=xml", "at '/log/format': value must be one of 'json', 'text'"),
        ("shards=0", "at '/shards': minimum: got 0, want 1"),
        ("http.port=80", "at '/http/port': minimum: got 80, want 1,024"),
        ("promtheus.url=x", "additional properties 'promtheus' not allowed"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(value: str, sentence: str) -> None:
    done = helm(URL, value)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_lint_finds_nothing() -> None:
    command = [str(build.binary("helm")), "lint", "--strict", str(CHART), "--set", URL]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
