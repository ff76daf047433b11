"""Shards on a real API server: each release is worked on by one process, also while their number changes."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from surefoot.ports import Key
from surefoot.sharding import Shard
from tests.cluster.running.test_leader import leads
from tests.support.poll import until
from tests.support.story import release

pytestmark = pytest.mark.usefixtures("arms", "gateway")
HOLD = {"steps": [{"weight": 10, "hold": "1h"}], "maxDuration": None}


@pytest.fixture
def start(kube, start_operator):
    """Starts a replica of a shard; audit log and Lease have its name."""

    def start(name, shard):
        return start_operator(
            HOSTNAME=name,
            SUREFOOT_SHARD=shard,
            SUREFOOT_LEASE_NAMESPACE=kube.namespace,
            SUREFOOT_NAMESPACES=kube.namespace,
        )

    return start


def names_of(kube, shard: str) -> Iterator[str]:
    """Names of releases that a shard of this number owns in the namespace."""
    for number in range(1_000):
        if Shard.of(shard).owns(Key(kube.namespace, f"model-{number}")):
            yield f"model-{number}"


def holder(kube, shard: str) -> str:
    lease = kube.find("Lease", f"surefoot-{shard.replace('/', '-of-')}")
    return lease["spec"]["holderIdentity"].rpartition("_")[0] if lease else ""


def status(kube, name):
    return kube.get("ModelRelease", name).get("status", {})


def phase(kube, name):
    return status(kube, name).get("phase")


def serves(kube, name):
    return (status(kube, name).get("incumbent") or {}).get("version")


def flying(kube, *names):
    for name in names:
        kube.apply(release(name, **HOLD))
    until(
        lambda: all((status(kube, name).get("step") or {}).get("verifiedAt") for name in names),
        what="10 % of each are verified",
    )


def ended(kube, end, *names):
    until(lambda: all(phase(kube, name) == end for name in names), what=f"{names} are {end}")


def writes(api_server, kube) -> list[tuple[datetime, str, str]]:
    """Time, process and release of every write to a status or a managed route."""
    found = []
    for line in api_server.audit_log.read_text().splitlines():
        entry = json.loads(line)
        what, agent = entry.get("objectRef", {}), entry.get("userAgent", "")
        ours = what.get("namespace") == kube.namespace and agent.startswith("surefoot (")
        if (
            ours
            and entry["verb"] == "patch"
            and what["resource"] in ("modelreleases", "httproutes")
        ):
            when = datetime.fromisoformat(entry["requestReceivedTimestamp"])
            found.append((when, agent[len("surefoot (") : -1], what["name"]))
    return found


def writers(api_server, kube, *names) -> set[str]:
    return {agent for _, agent, name in writes(api_server, kube) if name in names}


def test_each_release_is_stepped_to_its_end_by_the_shard_that_it_belongs_to(
    kube, api_server, start
):
    start("a", "0/2")
    start("b", "1/2")
    shares = {each: names_of(kube, each) for each in ("0/2", "1/2")}
    mine = {each: [next(names), next(names)] for each, names in shares.items()}
    every = [name for names in mine.values() for name in names]
    for name in every:
        kube.apply(release(name))
    until(lambda: all(serves(kube, name) == "42" for name in every), what="all are promoted")
    assert (holder(kube, "0/2"), holder(kube, "1/2")) == ("a", "b")
    assert writers(api_server, kube, *mine["0/2"]) == {"a"}
    assert writers(api_server, kube, *mine["1/2"]) == {"b"}


def test_a_release_that_is_deleted_is_taken_back_by_its_shard(kube, api_server, gateway, start):
    start("a", "0/2")
    start("b", "1/2")
    mine = next(names_of(kube, "1/2"))
    flying(kube, mine)
    kube.delete("ModelRelease", mine)
    until(lambda: gateway.weights("fraud-v42")[-1] == 0, what="nothing flows to its candidate")
    assert writers(api_server, kube, mine) == {"b"}


def test_a_shard_that_dies_stops_no_other_and_its_own_standby_goes_on(
    kube, api_server, traffic, start
):
    first, standby, other = start("a", "0/2"), start("a-too", "0/2"), start("b", "1/2")
    until(lambda: leads(other) and (leads(first) or leads(standby)), what="both shards are led")
    if leads(standby):
        first, standby = standby, first
    dead = holder(kube, "0/2")
    orphaned, alive = next(names_of(kube, "0/2")), next(names_of(kube, "1/2"))
    flying(kube, orphaned, alive)
    first.kill()
    traffic.flow("fraud-v42", 50, error_share=0.5)
    ended(kube, "Reverted", alive)
    ended(kube, "Reverted", orphaned)
    assert leads(standby)
    assert leads(other)
    heir = holder(kube, "0/2")
    assert {dead, heir} == {"a", "a-too"}
    assert writers(api_server, kube, orphaned) == {dead, heir}
    assert writers(api_server, kube, alive) == {"b"}


def test_more_shards_begin_when_no_process_of_the_old_number_writes_any_more(
    kube, api_server, traffic, start
):
    old = [start("old-0", "0/2"), start("old-1", "1/2")]
    until(lambda: all(map(leads, old)), what="both of two lead")
    every = [next(names_of(kube, f"{index}/3")) for index in range(3)]
    flying(kube, *every)

    new = [start(f"new-{index}", f"{index}/3") for index in range(3)]
    until(
        lambda: all(holder(kube, f"{index}/3") for index in range(3)),
        what="each new shard has a leader, which waits",
    )
    assert old[0].stop() == 0
    assert not any(map(leads, new))
    # The last of two still reverts what is its own.
    traffic.flow("fraud-v42", 50, error_share=0.5)
    left = [name for name in every if Shard(1, 2).owns(Key(kube.namespace, name))]
    ended(kube, "Reverted", *left)
    assert not any(map(leads, new))
    old[1].kill()
    ended(kube, "Reverted", *every)
    until(lambda: all(map(leads, new)), what="all of three lead")

    by_old = [when for when, agent, _ in writes(api_server, kube) if agent.startswith("old")]
    by_new = [when for when, agent, _ in writes(api_server, kube) if agent.startswith("new")]
    assert by_old
    assert not by_new or max(by_old) < min(by_new)


def test_shards_wait_for_the_process_that_has_all_releases(kube, start_operator, start):
    settings = {"SUREFOOT_LEASE_NAMESPACE": kube.namespace, "SUREFOOT_NAMESPACES": kube.namespace}
    whole = start_operator(**settings)
    until(lambda: leads(whole), what="the one without shards leads")
    shard = start("a", "0/2")
    until(lambda: holder(kube, "0/2") == "a", what="the shard has a leader, which waits")
    until(lambda: "waiting for the Lease surefoot" in shard.log.read_text(), what="it says so")
    assert not leads(shard)
    assert whole.stop() == 0
    until(lambda: leads(shard), what="the shard works")
