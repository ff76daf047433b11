"""What the API server admits, the models read: specs made by the CRDs' own schemas, and spoiled ones."""

from localcluster.state import Cluster
from tests.fuzz.admission import compare
from tests.support.kube import Kube


async def test_whatever_the_server_admits_the_models_accept(api: Cluster, kube: Kube) -> None:
    found = await compare(api, kube.namespace, seed=1, count=600)
    assert found.looser == []
    assert found.unclear == []
    assert found.answers["admitted, accepted by the models"] > 50
    assert found.answers["refused, refused by the models"] > 200
