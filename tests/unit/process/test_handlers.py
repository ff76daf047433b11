"""The sensor: a recorded watch event enters the cache and wakes exactly the releases it is about."""

import pytest

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.cache import (
    ACTIONS,
    CLASSES,
    DECODED,
    DEPLOYMENTS,
    RECORDS,
    RELEASES,
    ROUTES,
    SERVICES,
    Cache,
)
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.handlers import Sensor
from surefoot.ports import Key

FRAUD, SPAM = Key("risk", "fraud"), Key("risk", "spam")


def body(name, namespace="risk", version="7", **parts):
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": meta, **parts}


def release(name, route=None, namespace="risk", status=None):
    """A release of <name>-v2 beside <name>-v1, whose Service of the candidate has its own name."""
    traffic = {"route": {"name": route}} if route else {"managedRoute": {"parentRefs": []}}
    spec = {
        "candidate": {"workloadRef": {"name": f"{name}-v2"}, "backendRef": {"name": f"{name}-svc"}},
        "incumbent": {"workloadRef": {"name": f"{name}-v1"}},
        "traffic": traffic,
    }
    return body(name, namespace, spec=spec, status=status or {})


class Watch:
    """A sensor that is fed by hand."""

    def __init__(self):
        self.cache, self.woken = Cache(), []
        self.store = KubernetesStore(None, self.cache)
        self.records = KubernetesRecords(None)
        self.sensor = Sensor(self.cache, self.store, self.records, self.woken.append)
        for known in (release("fraud"), release("spam"), release("far", namespace="away")):
            self.cache.put(RELEASES, known)

    async def event(self, kind, seen, type_="MODIFIED"):
        self.woken.clear()
        self.sensor.saw(kind, seen, type_ == "DELETED")
        return list(self.woken)


@pytest.fixture
def watch():
    return Watch()


@pytest.mark.parametrize("type_", ["ADDED", "MODIFIED"])
async def test_a_release_wakes_itself_and_enters_the_cache(watch, type_):
    new = release("new")
    assert await watch.event(RELEASES, new, type_) == [Key("risk", "new")]
    assert watch.cache.get(RELEASES, "risk", "new") is not None


async def test_a_deleted_release_wakes_itself_once_more_with_its_last_state(watch):
    assert await watch.event(RELEASES, release("fraud"), "DELETED") == [FRAUD]
    assert watch.cache.get(RELEASES, *FRAUD) is None
    assert watch.store._gone[FRAUD]["spec"]["incumbent"] == {"workloadRef": {"name": "fraud-v1"}}


@pytest.mark.parametrize("name", ["fraud-v1", "fraud-v2"])
async def test_a_deployment_wakes_the_release_that_names_it(watch, name):
    assert await watch.event(DEPLOYMENTS, body(name)) == [FRAUD]


@pytest.mark.parametrize("name", ["fraud-svc", "fraud-v1"])
async def test_a_service_wakes_the_release_that_names_it(watch, name):
    assert await watch.event(SERVICES, body(name)) == [FRAUD]


async def test_what_no_release_names_wakes_nobody_but_is_remembered(watch):
    assert await watch.event(DEPLOYMENTS, body("elsewhere")) == []
    assert watch.cache.get(DEPLOYMENTS, "risk", "elsewhere") is not None


async def test_a_namesake_in_another_namespace_wakes_nobody(watch):
    assert await watch.event(DEPLOYMENTS, body("fraud-v2", "away")) == []


async def test_a_deployment_named_by_the_status_alone_wakes_its_release(watch):
    status = {"incumbent": {"workload": "fraud-v0", "backend": {"name": "fraud-v0"}}}
    watch.cache.put(RELEASES, release("fraud", status=status))
    assert await watch.event(DEPLOYMENTS, body("fraud-v0")) == [FRAUD]


async def test_a_deleted_deployment_leaves_the_cache_and_wakes_its_release(watch):
    await watch.event(DEPLOYMENTS, body("fraud-v2"))
    assert await watch.event(DEPLOYMENTS, body("fraud-v2"), "DELETED") == [FRAUD]
    assert watch.cache.get(DEPLOYMENTS, "risk", "fraud-v2") is None


async def test_a_route_wakes_the_releases_that_move_its_weights(watch):
    watch.cache.put(RELEASES, release("spam", route="shared"))
    assert await watch.event(ROUTES, body("shared")) == [SPAM]
    assert await watch.event(ROUTES, body("fraud")) == [FRAUD]


async def test_a_late_route_event_wakes_but_does_not_overwrite_what_is_newer(watch):
    watch.cache.put(ROUTES, body("fraud", version="9", spec={"rules": [{}]}))
    assert await watch.event(ROUTES, body("fraud", version="8", spec={"rules": []})) == [FRAUD]
    assert watch.cache.get(ROUTES, *FRAUD)[DECODED].rules == ((),)


async def test_an_act_wakes_the_release_that_it_is_on(watch):
    act = body("abort-1", spec={"releaseName": "fraud", "type": "Abort"})
    assert await watch.event(ACTIONS, act, "ADDED") == [FRAUD]
    assert await watch.event(ACTIONS, act, "DELETED") == []


async def test_an_act_on_nothing_wakes_nobody(watch):
    assert await watch.event(ACTIONS, body("odd")) == []
    assert await watch.event(ACTIONS, body("odd", spec={"releaseName": ["fraud"]})) == []


@pytest.mark.parametrize("odd", ["text", 7, [], ["a"], None, True])
async def test_a_release_of_any_shape_keeps_no_event_from_the_others(watch, odd):
    for broken in ({"spec": odd}, {"status": odd}, {"spec": {"traffic": odd, "candidate": odd}}):
        whole = {"spec": {}, "status": {"traffic": {"route": odd}, "release": odd}, **broken}
        watch.cache.put(RELEASES, body("odd", version="8", **whole))
        assert FRAUD in await watch.event(DEPLOYMENTS, body("fraud-v1"))
        assert FRAUD in await watch.event(ROUTES, body("fraud"))
        assert await watch.event(CLASSES, {"metadata": {"name": "tier1", "uid": "u"}}) == []


async def test_what_a_tick_wrote_itself_wakes_nobody_when_it_comes_back(watch):
    written = release("fraud", status={"phase": "Idle"})
    written["metadata"]["resourceVersion"] = "8"
    watch.cache.put(RELEASES, written)
    assert await watch.event(RELEASES, written) == []
    edited = {**written, "metadata": {**written["metadata"], "resourceVersion": "9"}}
    assert await watch.event(RELEASES, edited) == [FRAUD]
    made_anew = {**edited, "metadata": {**edited["metadata"], "uid": "another"}}
    assert await watch.event(RELEASES, made_anew) == [FRAUD]


async def test_a_record_wakes_its_release_and_what_it_says_is_known(watch):
    spec = {
        "releaseName": "fraud",
        "end": {"outcome": "Reverted"},
        "startedAt": "2026-01-05T09:00:00Z",
    }
    sealed = body("fraud-1", spec=spec)
    assert await watch.event(RECORDS, sealed) == [FRAUD]
    assert [(r.name, r.sealed) for r in watch.records.known(FRAUD)] == [("fraud-1", True)]
    assert watch.cache.get(RECORDS, "risk", "fraud-1") is None
    assert await watch.event(RECORDS, sealed, "DELETED") == [FRAUD]
    assert watch.records.known(FRAUD) == ()
    assert await watch.event(RECORDS, body("odd")) == []


# what a release names


def test_a_release_mentions_the_route_of_its_spec_of_its_status_and_of_its_own_name():
    moving = release("fraud", route="given", status={"traffic": {"route": {"name": "held"}}})
    routes = {word for word in mentions.of_release(moving) if word.startswith("route/")}
    assert routes == {"route/given", "route/held", "route/fraud"}


@pytest.mark.parametrize("parts", [{}, {"spec": None, "status": None}, {"spec": {"traffic": None}}])
def test_a_release_that_says_nothing_mentions_only_itself(parts):
    assert mentions.of_release(body("fraud", **parts)) == {"route/fraud"}
    assert mentions.of_action(body("fraud", **parts)) == set()


def test_a_release_mentions_workloads_and_services_of_spec_and_status():
    status = {
        "incumbent": {"workload": "w1", "backend": {"name": "s1"}},
        "release": {"workload": "w2", "backend": {"name": "s2"}},
    }
    named = ("fraud-v2", "fraud-svc", "fraud-v1", "w1", "s1", "w2", "s2")
    found = mentions.of_release(release("fraud", status=status))
    assert found == {"route/fraud", *map(mentions.arm, named)}


async def test_what_a_release_mentions_no_more_wakes_it_no_more(watch):
    await watch.event(RELEASES, release("fraud"))
    assert await watch.event(DEPLOYMENTS, body("fraud-v1")) == [FRAUD]
    changed = release("fraud")
    changed["spec"]["incumbent"]["workloadRef"]["name"] = "other"
    changed["metadata"]["resourceVersion"] = "8"
    await watch.event(RELEASES, changed)
    assert await watch.event(DEPLOYMENTS, body("fraud-v1", version="9")) == []
    assert await watch.event(DEPLOYMENTS, body("other")) == [FRAUD]


def of_class(name, class_, namespace):
    made = release(name, namespace=namespace)
    return {**made, "spec": {**made["spec"], "releaseClassName": class_}}


async def test_a_class_wakes_its_releases_in_all_namespaces_and_no_others(watch):
    for known in (of_class("one", "tier1", "risk"), of_class("two", "tier1", "away")):
        watch.cache.put(RELEASES, known)
    watch.cache.put(RELEASES, of_class("three", "tier2", "risk"))
    class_ = body("tier1", spec={"bake": "1h"})
    del class_["metadata"]["namespace"]
    assert await watch.event(CLASSES, class_) == [Key("risk", "one"), Key("away", "two")]
    found = await watch.store.release_class("tier1")
    assert found.as_written() == {"bake": "1h"}
    assert await watch.event(CLASSES, class_, "DELETED") == [Key("risk", "one"), Key("away", "two")]
    assert watch.cache.get(CLASSES, "", "tier1") is None


async def test_a_class_that_cannot_be_read_is_a_sentence(watch):
    class_ = body("tier1", namespace="", spec={"bake": "soon"})
    watch.cache.put(CLASSES, class_)
    said = await watch.store.release_class("tier1")
    assert said.startswith("spec.bake: 'soon' is not a duration")
