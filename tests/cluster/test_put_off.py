"""Statuses that are kept in memory while there is no room to write them, on a real API server."""

from datetime import UTC, datetime, timedelta

import pytest

from localcluster.state import Cluster
from surefoot.adapters.kubernetes.cache import RELEASES, Cache
from surefoot.adapters.kubernetes.room import LONGEST
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.api.signal_status import SignalStatus
from surefoot.api.status import ModelReleaseStatus
from surefoot.ports import ConflictError, Key, ReleaseObject
from tests.cluster.conftest import OPERATOR
from tests.cluster.test_config_values import connected
from tests.support.kube import Kube
from tests.support.story import release

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Place:
    """A release on the API server, and the operator's store."""

    def __init__(self, store: KubernetesStore, cache: Cache, kube: Kube) -> None:
        self.store, self.cache, self.kube = store, cache, kube
        self.key = Key(kube.namespace, "fraud")

    async def read(self) -> ReleaseObject:
        found = await self.store.release(self.key)
        assert found is not None
        return found

    async def put_off(self, value: float) -> ModelReleaseStatus:
        """Keep a value that there is no room to write."""
        status = of(value)
        known = await self.read()
        for _ in range(100):
            if self.store.put_off(known, status, NOW):
                return status
        raise AssertionError("there was always room")

    @property
    def stored(self) -> float:
        found = self.kube.get("ModelRelease", "fraud")["status"]["signals"][0]["value"]
        return float(found)


def of(value: float, **changes: object) -> ModelReleaseStatus:
    signal = SignalStatus(name="errors", type="ErrorRate", verdict="Pass", value=value)
    return ModelReleaseStatus.model_validate({"signals": [signal], **changes})


async def test_what_was_put_off_is_known_and_written_whole_with_what_comes_next(
    api: Cluster, kube: Kube
) -> None:
    connection, cache = await connected(api, OPERATOR), Cache()
    place = Place(KubernetesStore(connection, cache), cache, kube)
    try:
        cache.put(RELEASES, kube.apply(release()))
        await place.store.save_status(await place.read(), of(0.01, message="first"))
        kept = await place.put_off(0.02)
        assert (await place.read()).status == kept
        assert place.stored == 0.01

        # Another process would not know it; nor does this one remember it in two ways.
        place.store._read.clear()
        assert (await place.read()).status == kept
        assert not place.store.put_off(await place.read(), of(0.03), NOW + LONGEST)

        kube.patch("ModelRelease", "fraud", {"metadata": {"labels": {"team": "risk"}}})
        with pytest.raises(ConflictError):
            await place.store.save_status(await place.read(), of(0.03))
        assert place.stored == 0.01
        await place.store.save_status(await place.read(), of(0.03))
        body = kube.get("ModelRelease", "fraud")
        assert (body["status"]["signals"][0]["value"], body["status"].get("message", "")) == (
            0.03,
            "",
        )
        later = NOW + timedelta(hours=1)
        assert not place.store.put_off(await place.read(), of(0.04), later)
    finally:
        await connection.close()
