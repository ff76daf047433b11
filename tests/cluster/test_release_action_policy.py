"""Who acted is known: the API server lets people act in their own names only, and lets nobody rewrite it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localcluster import access
from localcluster.state import Cluster
from tests.cluster.conftest import OPERATOR, fresh
from tests.support.kube import ApiError, Json, Kube

RELEASE = {
    "apiVersion": "surefoot.dev/v1alpha1",
    "kind": "ModelRelease",
    "metadata": {"name": "fraud"},
    "spec": {
        "candidate": {"version": "42", "workloadRef": {"name": "fraud-v42"}},
        "traffic": {"route": {"name": "fraud"}},
        "steps": [{"weight": 5, "hold": "1m"}],
    },
}


def action(requested_by: str, name: str = "stop") -> Json:
    return {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ReleaseAction",
        "metadata": {"name": name},
        "spec": {"releaseName": "fraud", "type": "Abort", "requestedBy": requested_by},
    }


def plugin(
    api: Cluster, kube: Kube, tmp_path: Path, user: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run the plugin as `user`, in the test's namespace."""
    kubeconfig = tmp_path / f"{user}.kubeconfig"
    access.write_kubeconfig(kubeconfig, api, user)
    program = [sys.executable, "-c", "from surefoot.cli.main import app; app()", *words]
    where = ["--kubeconfig", str(kubeconfig), "-n", kube.namespace]
    return subprocess.run([*program, *where], capture_output=True, text=True, timeout=120)


@pytest.fixture
def alice(api: Cluster) -> Kube:
    """The API server as alice, in a new namespace."""
    return fresh(api, "alice")


def test_a_person_may_act_in_their_own_name(alice: Kube) -> None:
    assert alice.create(action("alice"))["spec"]["requestedBy"] == "alice"


def test_an_action_in_anothers_name_is_refused_with_what_to_do(alice: Kube) -> None:
    with pytest.raises(ApiError) as refused:
        alice.create(action("bob"))
    assert refused.value.code == 403
    assert 'spec.requestedBy is "bob"' in str(refused.value)
    assert 'set spec.requestedBy to "alice"' in str(refused.value)


def test_even_an_admin_acts_in_no_other_name(kube: Kube) -> None:
    with pytest.raises(ApiError, match='this request comes from "admin"'):
        kube.create(action("alice"))


def test_an_action_cannot_be_edited_by_anyone(api: Cluster, alice: Kube) -> None:
    alice.create(action("alice"))
    admin = alice.within(alice.namespace, api.tokens["admin"])
    with pytest.raises(ApiError, match="cannot be edited"):
        admin.patch("ReleaseAction", "stop", {"spec": {"type": "Retry"}})
    with pytest.raises(ApiError, match="cannot be edited"):
        admin.patch("ReleaseAction", "stop", {"spec": {"message": "added later"}})


def test_what_became_of_an_action_is_written_by_the_operator_alone(
    api: Cluster, alice: Kube
) -> None:
    alice.create(action("alice"))
    status = {"phase": "Done", "message": "done", "time": "2026-01-01T00:00:00.000000Z"}
    admin = alice.within(alice.namespace, api.tokens["admin"])
    with pytest.raises(ApiError, match="is written by the operator alone") as refused:
        admin.patch("ReleaseAction", "stop", {"status": status}, subresource="status")
    assert refused.value.code == 403
    operator = admin.as_user(OPERATOR)
    done = operator.patch("ReleaseAction", "stop", {"status": status}, subresource="status")
    assert done["status"]["phase"] == "Done"


def test_even_an_admin_writes_no_status_of_a_release_and_edits_its_spec(kube: Kube) -> None:
    kube.create(RELEASE)
    status = {"phase": "Progressing", "traffic": {"route": {"name": "fraud"}, "intended": 100}}
    with pytest.raises(ApiError, match="is written by the operator alone") as refused:
        kube.patch("ModelRelease", "fraud", {"status": status}, subresource="status")
    assert refused.value.code == 403
    kube.patch("ModelRelease", "fraud", {"spec": {"suspend": True}, "status": status})
    assert "status" not in kube.get("ModelRelease", "fraud")


def test_the_actor_role_neither_edits_nor_deletes(alice: Kube) -> None:
    alice.create(action("alice"))
    with pytest.raises(ApiError, match='cannot patch resource "releaseactions"'):
        alice.patch("ReleaseAction", "stop", {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(ApiError, match='cannot delete resource "releaseactions"'):
        alice.delete("ReleaseAction", "stop")


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_the_plugin_fills_in_who_asks(user: str, api: Cluster, kube: Kube, tmp_path: Path) -> None:
    kube.create(RELEASE)
    done = plugin(api, kube, tmp_path, user, "abort", "fraud", "-m", "p99 rises", "-o", "json")
    assert done.returncode == 0, done.stderr
    (stored,) = kube.list("ReleaseAction")
    assert json.loads(done.stdout)["metadata"]["uid"] == stored["metadata"]["uid"]
    assert stored["spec"] == {
        "releaseName": "fraud",
        "type": "Abort",
        "requestedBy": user,
        "message": "p99 rises",
    }
    assert stored["metadata"]["name"].startswith("fraud-abort-")
