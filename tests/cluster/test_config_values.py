"""References of Drift signals: an entry of a ConfigMap, from a real API server."""

from kubernetes.aio import client, config

from localcluster.state import Cluster
from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.config_values import KEPT_S, ConfigValues
from tests.support.kube import Kube


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def connected(api: Cluster, user: str = "") -> Api:
    """As admin, or as `user`."""
    configuration = client.Configuration()
    await config.load_kube_config(str(api.kubeconfig), client_configuration=configuration)
    connection = Api(configuration)
    if user:
        connection._client.set_default_header("Impersonate-User", user)
    return connection


async def test_an_entry_is_read_kept_for_a_while_and_read_again(api: Cluster, kube: Kube) -> None:
    meta = {"name": "scores", "namespace": kube.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    kube.create({**body, "data": {"reference.json": "{}"}})
    clock, connection = Clock(), await connected(api)
    values = ConfigValues(connection, clock)
    try:
        assert await values.value(kube.namespace, "scores", "reference.json") == "{}"
        assert await values.value(kube.namespace, "scores", "other") is None
        assert await values.value(kube.namespace, "nothing", "other") is None
        kube.create({**body, "metadata": {**meta, "name": "nothing"}, "data": {"other": "new"}})
        assert await values.value(kube.namespace, "nothing", "other") is None
        clock.now += KEPT_S + 1
        assert await values.value(kube.namespace, "nothing", "other") == "new"
        kube.create({**body, "metadata": {**meta, "name": "empty"}})
        assert await values.value(kube.namespace, "empty", "other") is None
    finally:
        await connection.close()
