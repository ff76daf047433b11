"""Who wrote which version of an object, from nothing but the versions."""

from tests.chaos.watcher import Version
from tests.e2e.witness import written_by_us


def route(revision, weight, owners, labels=None):
    rules = [{"backendRefs": [{"name": "fraud-v42", "port": 80, "weight": weight}]}]
    fields = [
        {"manager": name, "time": time, "fieldsV1": {"f:spec": {"f:rules": {}}}}
        for name, time in owners.items()
    ]
    meta = {"name": "fraud", "managedFields": fields, "labels": labels or {}}
    return Version(revision, "HTTPRoute", False, {"metadata": meta, "spec": {"rules": rules}})


def release(revision, **body):
    return Version(revision, "ModelRelease", False, {"metadata": {"name": "fraud"}, **body})


def test_a_route_whose_rules_changed_was_written_by_who_owned_them_last():
    ours = {"gitops": "2026-01-05T09:00:00Z", "surefoot": "2026-01-05T09:00:05Z"}
    theirs = {**ours, "kubectl-edit": "2026-01-05T09:00:07Z"}
    versions = [
        route(1, 0, {"gitops": "2026-01-05T09:00:00Z"}),
        route(2, 10, ours),
        route(3, 10, ours, labels={"team": "risk"}),
        route(4, 90, theirs),
    ]
    assert list(written_by_us(versions)) == [2]


def test_a_status_is_ours_and_a_spec_is_not():
    versions = [
        release(1, spec={"a": 1}),
        release(2, spec={"a": 1}, status={"phase": "Idle"}),
        release(3, spec={"a": 2}, status={"phase": "Idle"}),
    ]
    assert list(written_by_us(versions)) == [2]


def test_of_events_those_in_our_name():
    ours = {"metadata": {"name": "a"}, "reportingController": "surefoot.dev/operator"}
    theirs = {"metadata": {"name": "b"}, "reportingController": "deployment-controller"}
    versions = [Version(1, "Event", False, ours), Version(2, "Event", False, theirs)]
    assert list(written_by_us(versions)) == [1]


def test_what_is_deleted_is_begun_anew():
    versions = [
        release(1, spec={}, status={"phase": "Idle"}),
        Version(2, "ModelRelease", True, {"metadata": {"name": "fraud"}}),
        release(3, spec={}, status={"phase": "Idle"}),
    ]
    assert list(written_by_us(versions)) == [1, 3]
