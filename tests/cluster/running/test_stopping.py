"""SIGTERM in the middle of a tick, while Prometheus and the API server do not answer."""

import pytest

from tests.cluster.running.test_leader import flying, leads, lease, status
from tests.support.poll import until
from tests.support.relay import Relay, relayed

pytestmark = pytest.mark.usefixtures("arms", "gateway")
_HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@pytest.fixture
def slow(api_server, prometheus):
    """The API server and Prometheus behind relays, and a server that nobody answers at."""
    relays = [
        Relay("127.0.0.1", port)
        for port in (api_server.ports["api"], prometheus.port, prometheus.port)
    ]
    relays[2].hold()
    yield relays
    for relay in relays:
        relay.close()


@pytest.fixture
def hook(kube, slow):
    """The API server asks someone before it writes a status, and waits for the answer."""
    name = f"slow-{kube.namespace}"
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "slow.example.com",
                "clientConfig": {"url": f"https://127.0.0.1:{slow[2].port}/"},
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": kube.namespace}
                },
                "rules": [
                    {
                        "apiGroups": ["surefoot.dev"],
                        "apiVersions": ["*"],
                        "resources": ["modelreleases/status"],
                        "operations": ["UPDATE"],
                    }
                ],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 30,
            }
        ],
    }
    made = []

    def install():
        made.append(kube.request("POST", _HOOKS, body))

    yield install
    if made:
        kube.request("DELETE", f"{_HOOKS}/{name}")


@pytest.fixture
def in_a_tick(kube, api_server, slow, hook, start_operator, tmp_path):
    """The operator holds the Lease, and waits for the answer to a write; a query waits as well."""
    to_api, to_prometheus, asked = slow
    operator = start_operator(
        f"http://127.0.0.1:{to_prometheus.port}",
        KUBECONFIG=str(relayed(api_server.kubeconfig, to_api, tmp_path)),
        HOSTNAME="stopped",
        SUREFOOT_LEASE_NAMESPACE=kube.namespace,
        SUREFOOT_NAMESPACES=kube.namespace,
    )
    until(lambda: leads(operator), what="it leads")
    flying(kube)
    hook()
    until(lambda: asked.swallowed, what="a status is not written any more")
    to_prometheus.hold()
    until(lambda: to_prometheus.swallowed, what="a query is not answered any more")
    seen = asked.swallowed
    until(lambda: asked.swallowed > seen, what="another write is under way")
    return operator


def test_it_abandons_the_tick_and_gives_the_lease_back(kube, in_a_tick):
    before = status(kube)
    assert in_a_tick.stop() == 0
    assert lease(kube)["holderIdentity"] == ""
    assert status(kube) == before


def test_it_ends_also_where_the_lease_cannot_be_given_back(kube, in_a_tick, slow, start_operator):
    to_api, _, _ = slow
    to_api.hold()
    assert in_a_tick.stop() == 0
    assert lease(kube)["holderIdentity"].startswith("stopped_")
    assert "the Lease was not given back" in in_a_tick.log.read_text()

    settings = {"SUREFOOT_LEASE_NAMESPACE": kube.namespace, "SUREFOOT_NAMESPACES": kube.namespace}
    other = start_operator(**settings)
    until(lambda: leads(other), what="another one takes it when it has run out")
