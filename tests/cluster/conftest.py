"""One real API server for the whole session, with Surefoot's CRDs, admission policy and user roles."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import access, build, cluster, system
from localcluster.state import Cluster
from tests.support.kube import ApiError, Json, Kube, load_all
from tests.support.poll import until

ROOT = Path(__file__).resolve().parent.parent.parent
_PEOPLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: people-act-on-releases}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: surefoot-actor}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "surefoot:people"}]
"""
# Who the operator is, by the chart's own names.
OPERATOR = "system:serviceaccount:default:surefoot"
# A test that installs the chart elsewhere gives the chart's own binding to another account.
_OPERATOR = f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: the-operator-of-default}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: surefoot}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: "{OPERATOR}"}}]
"""
RESTORER = "system:serviceaccount:velero:velero"
RESTORES = f"admissionPolicy.recordRestorers={{{RESTORER}}}"
_NAMESPACES = itertools.count(1)


@pytest.fixture(scope="session")
def api() -> Iterator[Cluster]:
    """An `api` cluster: etcd and kube-apiserver; alice, bob and carol may act on releases."""
    name = f"test-api-{os.getpid()}"
    try:
        running = cluster.up(profile="api", name=name)
        kubectl(running, "apply", "--server-side", "-f", str(ROOT / "crds"))
        parts = "\n---\n".join((chart_parts(RESTORES), _PEOPLE, _OPERATOR))
        kubectl(running, "apply", "-f", "-", stdin=parts)
        kubectl(running, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        _await_storage(running)
        _await_policy(running)
        yield running
    finally:
        cluster.down(name)


@pytest.fixture
def kube(api: Cluster) -> Kube:
    """The API server as admin, in a namespace that nobody used before."""
    return fresh(api)


def fresh(api: Cluster, user: str = "admin") -> Kube:
    """The API server as `user`, in a new namespace."""
    namespace = f"test-{next(_NAMESPACES)}"
    admin = Kube(api.server, api.ca, api.tokens["admin"], namespace)
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    return admin.within(namespace, api.tokens[user])


def kubectl(api: Cluster, *words: str, stdin: str | None = None) -> str:
    """Output of kubectl as admin."""
    return access.kubectl(api, build.asset("kubectl"), words, stdin)


def chart_parts(*more: str) -> str:
    """What the chart gives people and the operator: the policies, the roles, its own rights."""
    shown = ("admissionpolicy", "userroles", "rbac")
    only = [word for part in shown for word in ("--show-only", f"templates/{part}.yaml")]
    settings = ("prometheus.url=http://prometheus.example:9090", *more)
    setting = [word for each in settings for word in ("--set", each)]
    chart = ROOT / "charts" / "surefoot"
    return system.run([build.binary("helm"), "template", "surefoot", chart, *only, *setting])


def _await_storage(api: Cluster) -> None:
    """A kind that was just established refuses its first requests while its storage starts."""
    kube = Kube(api.server, api.ca, api.tokens["admin"])

    def listed() -> bool:
        try:
            kinds = ("ModelRelease", "ReleaseAction", "ReleaseRecord")
            return all(kube.list(kind) == [] for kind in kinds)
        except ApiError:
            return False

    until(listed, what="ModelReleases, their actions and records can be listed")


def _await_policy(api: Cluster) -> None:
    """A policy takes effect a moment after it was stored."""
    kube = Kube(api.server, api.ca, api.tokens["admin"])
    foreign = {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ReleaseAction",
        "metadata": {"name": "probe"},
        "spec": {"releaseName": "probe", "type": "Abort", "requestedBy": "nobody"},
    }
    (record,) = load_all(ROOT / "crds" / "examples" / "valid" / "record-open.yaml")
    (release,) = load_all(ROOT / "crds" / "examples" / "valid" / "minimal.yaml")
    kube.create(release)

    def refused(body: Json, method: str = "POST", where: str = "") -> bool:
        try:
            kube.request(method, f"{kube.path(body['kind'])}{where}?dryRun=All", body)
        except ApiError as error:
            return error.code == 403
        return False

    written = kube.get("ModelRelease", release["metadata"]["name"])
    status = f"/{written['metadata']['name']}/status"
    until(lambda: refused(foreign), what="the policy refuses an action in another's name")
    until(lambda: refused(record), what="the policy refuses a record of someone else's")
    until(lambda: refused(written, "PUT", status), what="the policy refuses someone else's status")
    kube.delete("ModelRelease", written["metadata"]["name"])
