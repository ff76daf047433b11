"""Two replicas on a real API server: one writes, and the other one goes on when it cannot any more."""

import json
import signal
import urllib.request
from datetime import UTC, datetime

import pytest

from tests.support.poll import until
from tests.support.story import release

pytestmark = pytest.mark.usefixtures("arms", "gateway")
_WRITES = ("create", "update", "patch", "delete")


@pytest.fixture
def replicas(kube, start_operator):
    """The one that leads, and the one that waits."""
    started = {}
    for name in ("one", "two"):
        settings = {"HOSTNAME": name, "SUREFOOT_LEASE_NAMESPACE": kube.namespace}
        started[name] = start_operator(**settings, SUREFOOT_NAMESPACES=kube.namespace)
    leader = until(lambda: next(filter(leads, started.values()), None), what="one of them leads")
    (other,) = (each for each in started.values() if each is not leader)
    assert not leads(other)
    return leader, other


def leads(process):
    return "surefoot_leader 1.0" in process.metrics()


def lease(kube):
    return kube.get("Lease", "surefoot")["spec"]


def status(kube):
    return kube.get("ModelRelease", "fraud").get("status", {})


def writers(api_server, kube, since):
    """Who has changed anything but Leases in the namespace, by the API server's own account."""
    found = set()
    for line in api_server.audit_log.read_text().splitlines():
        entry = json.loads(line)
        what, agent = entry.get("objectRef", {}), entry.get("userAgent", "")
        late = datetime.fromisoformat(entry["requestReceivedTimestamp"]) >= since
        ours = what.get("namespace") == kube.namespace and agent.startswith("surefoot")
        if late and ours and entry["verb"] in _WRITES and what["resource"] != "leases":
            found.add(agent)
    return found


def agent_of(kube):
    return f"surefoot ({lease(kube)['holderIdentity'].rpartition('_')[0]})"


def flying(kube):
    kube.apply(release(steps=[{"weight": 10, "hold": "1h"}], maxDuration=None))
    until(lambda: (status(kube).get("step") or {}).get("verifiedAt"), what="10 % are verified")


def test_one_writes_and_the_other_takes_over_when_it_is_killed(kube, api_server, traffic, replicas):
    began = datetime.now(UTC)
    leader, other = replicas
    flying(kube)
    assert writers(api_server, kube, began) == {agent_of(kube)}

    first = agent_of(kube)
    leader.kill()
    traffic.flow("fraud-v42", 50, error_share=0.5)
    until(lambda: status(kube).get("phase") == "Reverted", what="the other one reverted it")
    assert leads(other)
    assert agent_of(kube) != first
    assert lease(kube)["leaseTransitions"] == 1


def test_a_clean_exit_gives_the_lease_back(kube, replicas):
    leader, other = replicas
    before = lease(kube)["holderIdentity"]
    assert leader.stop() == 0
    until(lambda: leads(other), what="the other one leads")
    assert lease(kube)["holderIdentity"] != before
    assert "given back" not in leader.log.read_text()


def test_one_that_was_asleep_for_too_long_writes_nothing_and_ends(
    kube, api_server, traffic, replicas
):
    leader, other = replicas
    flying(kube)
    asleep = agent_of(kube)
    leader.process.send_signal(signal.SIGSTOP)
    until(lambda: leads(other), what="the other one leads")
    woken = datetime.now(UTC)
    leader.process.send_signal(signal.SIGCONT)
    assert until(lambda: leader.process.poll() is not None, what="the first one has ended")
    assert leader.process.returncode != 0
    assert "the Lease" in leader.log.read_text()

    traffic.flow("fraud-v42", 50, error_share=0.5)
    until(lambda: status(kube).get("phase") == "Reverted", what="the other one reverted it")
    assert writers(api_server, kube, woken) == {agent_of(kube)} != {asleep}


def test_one_that_waits_is_ready_and_tells_that_it_waits(replicas):
    _, other = replicas
    with urllib.request.urlopen(f"http://127.0.0.1:{other.port}/readyz", timeout=10) as answer:
        assert answer.status == 200
    assert "surefoot_leader 0.0" in other.metrics()
