"""Answers to ReleaseActions, on a real API server: each goes to the action that it is about."""

from datetime import UTC, datetime

import pytest

from localcluster.state import Cluster
from surefoot.adapters.kubernetes.cache import ACTIONS, Cache
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.api.actions import ActionPhase
from surefoot.engine.effects import FinishAction
from surefoot.ports import ConflictError
from tests.cluster.conftest import OPERATOR
from tests.cluster.test_config_values import connected
from tests.cluster.test_release_action_policy import action
from tests.support.kube import Kube

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def test_what_was_made_anew_under_the_name_is_not_answered(api: Cluster, kube: Kube) -> None:
    connection, cache = await connected(api, OPERATOR), Cache()
    store = KubernetesStore(connection, cache)
    try:
        first = kube.create(action("admin"))
        cache.put(ACTIONS, first)
        answer = FinishAction("stop", first["metadata"]["uid"], ActionPhase.DONE, "reverted")
        kube.delete("ReleaseAction", "stop")
        second = kube.create(action("admin"))
        with pytest.raises(ConflictError):  # it was not seen yet
            await store.finish_action(kube.namespace, answer, NOW)
        assert "status" not in kube.get("ReleaseAction", "stop")

        cache.put(ACTIONS, second)
        await store.finish_action(kube.namespace, answer, NOW)
        assert "status" not in kube.get("ReleaseAction", "stop")

        other = FinishAction("stop", second["metadata"]["uid"], ActionPhase.REFUSED, "over")
        await store.finish_action(kube.namespace, other, NOW)
        assert kube.get("ReleaseAction", "stop")["status"]["phase"] == "Refused"
    finally:
        await connection.close()
