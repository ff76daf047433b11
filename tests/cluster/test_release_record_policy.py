"""The account of a release is the operator's: the API server lets nobody else write it, and nobody
rewrite it."""

import json
from pathlib import Path

import pytest

from localcluster.state import Cluster
from tests.cluster.conftest import OPERATOR, RESTORER, chart_parts, kubectl
from tests.cluster.test_release_action_policy import plugin
from tests.support.examples import EXAMPLES
from tests.support.kube import ApiError, Json, Kube, load_all

(OPEN,) = load_all(EXAMPLES / "valid" / "record-open.yaml")
(FULL,) = load_all(EXAMPLES / "valid" / "record-full.yaml")
NAME = OPEN["metadata"]["name"]
END: Json = {"spec": {"end": FULL["spec"]["end"]}}
OURS = "a ReleaseRecord is written by the operator alone"


@pytest.fixture
def operator(kube: Kube) -> Kube:
    """The operator with the rights that the chart gives it, in a new namespace."""
    return kube.as_user(OPERATOR)


def test_the_operator_opens_seals_and_deletes_with_the_rights_that_it_has(operator: Kube) -> None:
    operator.create(OPEN)
    sealed = operator.patch("ReleaseRecord", NAME, END)
    assert sealed["spec"]["end"]["outcome"] == "Reverted"
    operator.delete("ReleaseRecord", NAME)
    assert operator.list("ReleaseRecord") == []


def test_even_an_admin_neither_makes_up_a_record_nor_ends_one(kube: Kube, operator: Kube) -> None:
    with pytest.raises(ApiError, match=OURS) as refused:
        kube.create(OPEN)
    assert refused.value.code == 403
    operator.create(OPEN)
    with pytest.raises(ApiError, match=OURS):
        kube.patch("ReleaseRecord", NAME, END)
    with pytest.raises(ApiError, match=OURS):
        kube.patch("ReleaseRecord", NAME, {"metadata": {"labels": None}})


def test_a_sealed_record_cannot_be_edited_by_the_operator_either(operator: Kube) -> None:
    operator.create(OPEN)
    operator.patch("ReleaseRecord", NAME, END)
    for change in ({"end": None}, {"end": {"outcome": "Promoted"}}, {"attempt": 7}):
        with pytest.raises(ApiError, match="cannot be edited") as refused:
            operator.patch("ReleaseRecord", NAME, {"spec": change})
        assert refused.value.code == 422


def test_who_restores_a_backup_brings_records_back_and_changes_none(kube: Kube) -> None:
    mighty = "system:serviceaccount:kube-system:anyone"
    restorer = kube.as_user(RESTORER)
    grant(kube, RESTORER, mighty)
    restored = restorer.create(FULL)
    assert restored["spec"]["end"]["outcome"] == "Reverted", "what a record says is not status"
    with pytest.raises(ApiError, match="cannot be edited"):
        restorer.patch("ReleaseRecord", NAME, {"spec": {"end": {"outcome": "Promoted"}}})
    with pytest.raises(ApiError, match=OURS):
        kube.as_user(mighty).create({**OPEN, "metadata": {"name": "other"}})


def grant(kube: Kube, *users: str) -> None:
    """All rights in the namespace."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "all"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": u} for u in users
        ],
    }
    kube.create(binding)


def test_a_policy_that_names_nobody_is_valid_too(api: Cluster) -> None:
    shown = kubectl(api, "apply", "--dry-run=server", "-f", "-", stdin=chart_parts())
    assert "releaserecords.surefoot.dev configured (server dry run)" in shown


def test_a_person_may_delete_a_record_with_its_namespace(kube: Kube, operator: Kube) -> None:
    operator.create(OPEN)
    kube.delete("ReleaseRecord", NAME)
    assert kube.list("ReleaseRecord") == []


def test_the_plugin_lists_how_releases_ended(
    api: Cluster, kube: Kube, operator: Kube, tmp_path: Path
) -> None:
    operator.create(FULL)
    other = {**OPEN["spec"], "releaseName": "churn"}
    labels = {"surefoot.dev/release": "churn"}
    operator.create({**OPEN, "metadata": {"name": "churn-1", "labels": labels}, "spec": other})
    table = plugin(api, kube, tmp_path, "admin", "history", "fraud")
    assert table.returncode == 0, table.stderr
    (row,) = [line.split() for line in table.stdout.splitlines()[1:] if line.startswith("fraud")]
    assert row[:6] == ["fraud", "42", "41", "1", "Reverted", "5%"]
    found = plugin(api, kube, tmp_path, "admin", "history", "-o", "json")
    assert {r["spec"]["releaseName"] for r in json.loads(found.stdout)["items"]} == {
        "fraud",
        "churn",
    }


def test_what_is_being_deleted_may_lose_its_finalizers_and_nothing_else(
    kube: Kube, operator: Kube
) -> None:
    """As `kubectl delete --cascade=foreground` wants it, which the garbage collector finishes."""
    operator.create(OPEN)
    operator.patch("ReleaseRecord", NAME, {"metadata": {"finalizers": ["foregroundDeletion"]}})
    with pytest.raises(ApiError, match=OURS):
        kube.patch("ReleaseRecord", NAME, {"metadata": {"finalizers": None}})
    kube.delete("ReleaseRecord", NAME)
    with pytest.raises(ApiError, match=OURS):
        kube.patch("ReleaseRecord", NAME, END)
    kube.patch("ReleaseRecord", NAME, {"metadata": {"finalizers": None}})
    assert kube.list("ReleaseRecord") == []
