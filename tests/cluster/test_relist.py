"""What vanished while no watch looked, on a real API server."""

from typing import Any

from localcluster.state import Cluster
from surefoot.adapters.kubernetes.cache import CLASSES, DEPLOYMENTS, SERVICES, Cache, Kind
from surefoot.adapters.kubernetes.relist import Relist
from tests.cluster.test_config_values import connected
from tests.support.kube import Kube
from tests.support.story import deployment, service


async def test_what_is_no_more_is_told_once_and_what_is_there_stays(
    api: Cluster, kube: Kube
) -> None:
    connection, cache = await connected(api), Cache()
    told: list[str] = []

    def gone(kind: Kind, body: dict[str, Any]) -> None:
        told.append(body["metadata"]["name"])
        cache.drop(kind, kube.namespace, body["metadata"]["name"], body["metadata"]["uid"])

    try:
        for name in ("stays", "goes", "made-anew"):
            cache.put(DEPLOYMENTS, kube.create(deployment(name)))
        cache.put(SERVICES, kube.create(service("stays")))
        for name in ("goes", "made-anew"):
            kube.delete("Deployment", name)
        kube.create(deployment("made-anew"))
        kinds = (DEPLOYMENTS, SERVICES, CLASSES)
        for where in ((kube.namespace,), ()):
            relist = Relist(connection, cache, kinds, gone, where)
            for kind in kinds:
                await relist.once(kind)
        assert sorted(told) == ["goes", "made-anew"]
        assert [left.name for left in cache.every(DEPLOYMENTS, kube.namespace)] == ["stays"]
    finally:
        await connection.close()
