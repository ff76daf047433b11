"""The cache: the newer state of an object wins, and only what ticks need is kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.kubernetes.cache import (
    DECODED,
    DEPLOYMENTS,
    MOST_GONE,
    RELEASES,
    ROUTES,
    SERVICES,
    Cache,
    slim,
)
from surefoot.adapters.kubernetes.decode import route_of, workload_of


def body(version, uid="u", name="fraud", namespace="risk", **parts):
    meta = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": meta, **parts}


def seen(cache, kind=ROUTES):
    found = cache.get(kind, "risk", "fraud")
    return None if found is None else found["metadata"]["resourceVersion"]


def names(cache, kind, namespace=""):
    return sorted(known.name for known in cache.every(kind, namespace))


@given(st.lists(st.integers(1, 10**12), min_size=1))
def test_in_whatever_order_states_arrive_the_newest_stays(versions):
    cache = Cache()
    for version in versions:
        cache.put(ROUTES, body(version))
    assert seen(cache) == str(max(versions))


def test_an_older_state_is_refused_and_says_so():
    cache = Cache()
    assert cache.put(ROUTES, body(10))
    assert not cache.put(ROUTES, body(9))


def test_versions_are_numbers_and_not_words():
    cache = Cache()
    cache.put(ROUTES, body(9))
    cache.put(ROUTES, body(10))
    assert seen(cache) == "10"


def test_the_same_version_may_come_again():
    cache = Cache()
    cache.put(ROUTES, body(9))
    assert cache.put(ROUTES, body(9))


def test_an_object_that_was_made_anew_wins_whatever_its_version():
    cache = Cache()
    cache.put(ROUTES, body(10))
    cache.put(ROUTES, body(3, uid="another"))
    assert seen(cache) == "3"


def test_a_version_that_is_no_number_never_hides_one_that_is():
    cache = Cache()
    cache.put(ROUTES, body("opaque"))
    assert cache.put(ROUTES, body(1))


def test_what_was_dropped_is_gone_and_may_be_dropped_again():
    cache = Cache()
    cache.put(ROUTES, body(1))
    cache.drop(ROUTES, "risk", "fraud")
    cache.drop(ROUTES, "risk", "fraud")
    cache.drop(RELEASES, "risk", "fraud")
    assert seen(cache) is None


def test_what_was_seen_to_be_deleted_never_comes_back_and_its_name_may_be_used_again():
    cache = Cache()
    cache.put(ROUTES, body(1))
    cache.drop(ROUTES, "risk", "fraud", "u")
    assert not cache.put(ROUTES, body(2))
    assert seen(cache) is None
    cache.put(ROUTES, body(3, uid="another"))
    assert not cache.put(ROUTES, body(4))
    assert seen(cache) == "3"


def test_of_what_was_merely_not_found_nothing_is_remembered():
    cache = Cache()
    cache.put(ROUTES, body(1))
    cache.drop(ROUTES, "risk", "fraud")
    assert cache.put(ROUTES, body(1))


def test_what_was_made_anew_while_nobody_looked_is_not_overwritten_by_what_was():
    cache = Cache()
    cache.put(ROUTES, body(1))
    cache.put(ROUTES, body(3, uid="another"))
    assert not cache.put(ROUTES, body(2))
    assert seen(cache) == "3"


def test_an_answer_about_what_was_never_seen_hides_nothing_for_ever():
    cache = Cache()
    cache.put(ROUTES, body(3, uid="another"))
    cache.put(ROUTES, body(2))
    assert cache.put(ROUTES, body(4, uid="another"))


def test_no_more_is_remembered_of_what_is_gone_than_has_room():
    cache = Cache()
    for number in range(MOST_GONE + 1):
        cache.drop(ROUTES, "risk", "fraud", f"u{number}")
    assert not cache.put(ROUTES, body(1, uid="u1"))
    assert cache.put(ROUTES, body(1, uid="u0"))


def test_kinds_and_namespaces_are_kept_apart():
    cache = Cache()
    cache.put(ROUTES, body(1))
    cache.put(ROUTES, body(2, name="other"))
    cache.put(ROUTES, body(3, namespace="away"))
    assert (names(cache, ROUTES, "risk"), seen(cache, RELEASES)) == (["fraud", "other"], None)
    assert names(cache, ROUTES) == ["fraud", "fraud", "other"]
    assert sorted(cache.namespaces(ROUTES)) == ["away", "risk"]


def test_an_object_may_be_dropped_while_its_namespace_is_walked():
    cache = Cache()
    for name in "abc":
        cache.put(ROUTES, body(1, name=name))
    for found in cache.every(ROUTES, "risk"):
        cache.drop(ROUTES, "risk", found.name)
    assert cache.every(ROUTES, "risk") == cache.namespaces(ROUTES) == []


def test_annotations_and_editors_are_not_kept():
    full = body(1, spec={"a": 1}, status={"b": 2}, kind="X")
    full["metadata"] |= {"annotations": {"big": "…"}, "managedFields": [{}], "labels": {"l": "1"}}
    thin = slim(full, RELEASES)
    assert thin.keys() == {"metadata", "spec", "status"}
    assert thin["metadata"].keys() == {"name", "namespace", "uid", "resourceVersion", "labels"}
    assert "annotations" in full["metadata"]


def test_of_kinds_of_which_there_are_most_only_what_is_decided_by_is_kept():
    cache, spec = Cache(), {"replicas": 2, "template": {"spec": {"containers": [{"image": "a"}]}}}
    full = body(1, spec=spec, status={"availableReplicas": 1})
    cache.put(DEPLOYMENTS, full)
    kept = cache.get(DEPLOYMENTS, "risk", "fraud")
    assert kept.keys() == {"metadata", DECODED}
    assert kept[DECODED] == workload_of(full)
    assert slim(kept, DEPLOYMENTS) is kept
    cache.put(SERVICES, body(1, spec={"ports": [{"port": 80}]}))
    assert cache.get(SERVICES, "risk", "fraud")[DECODED] == (80,)
    route = body(1, spec={"rules": [{"backendRefs": [{"name": "a"}, {"name": "b", "weight": 9}]}]})
    cache.put(ROUTES, route)
    assert cache.get(ROUTES, "risk", "fraud")[DECODED] == route_of(route)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, values)
def test_a_release_is_read_as_it_was_put(spec, status):
    cache, put = Cache(), body(7, spec=spec, status=status)
    cache.put(RELEASES, put)
    assert cache.get(RELEASES, "risk", "fraud") == put
    assert cache.known(RELEASES, "risk", "fraud") == ("risk", "fraud", "u", "7")


def known_ahead(stored, ahead):
    """A cache that knows a newer status of version 7 than is stored."""
    cache = Cache()
    cache.put(RELEASES, body(7, status=stored))
    assert cache.amend(RELEASES, "risk", "fraud", "7", json.dumps(ahead).encode())
    return cache


def status_of(cache):
    return cache.get(RELEASES, "risk", "fraud")["status"]


def test_an_edit_beside_the_status_takes_nothing_of_what_is_known_beyond_it():
    cache = known_ahead({"a": 1, "b": 2}, {"a": 9})
    assert cache.amend(RELEASES, "risk", "fraud", "7", b'{"a":10}')
    for version in (8, 9):
        cache.put(RELEASES, body(version, status={"a": 1, "b": 2}, spec={"edited": version}))
        found = cache.get(RELEASES, "risk", "fraud")
        assert (found["status"], found["spec"]) == ({"a": 10}, {"edited": version})


def test_what_is_written_to_a_status_replaces_what_is_known_beyond_it():
    cache = known_ahead({"a": 1}, {"a": 9})
    cache.put(RELEASES, body(8, status={"a": 2}))
    assert status_of(cache) == {"a": 2}
    cache.put(RELEASES, body(9, status={"a": 1}))
    assert status_of(cache) == {"a": 1}


def test_a_write_that_changed_nothing_of_what_is_stored_is_known_as_written():
    cache = known_ahead({"a": 1}, {"a": 9})
    cache.put(RELEASES, body(7, status={"a": 1}))
    assert status_of(cache) == {"a": 1}


def test_what_is_made_anew_knows_nothing_of_what_was():
    cache = known_ahead({"a": 1}, {"a": 9})
    cache.put(RELEASES, body(8, uid="another", status={"a": 1}))
    assert status_of(cache) == {"a": 1}
