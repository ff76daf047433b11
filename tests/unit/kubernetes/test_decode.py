"""Deployments, Services and HTTPRoutes as the engine sees them."""

import copy
from datetime import UTC, datetime

import pytest

from surefoot.adapters.kubernetes.decode import (
    fingerprint,
    ports_of,
    route_of,
    time_of,
    workload_of,
)
from surefoot.engine.world import BackendWeight

CONTAINER = {
    "name": "model",
    "image": "registry.example/fraud:42",
    "command": ["serve"],
    "args": ["--port=80"],
    "env": [
        {"name": "THREADS", "value": "2"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "flags"}}],
}
VOLUME = {"name": "weights", "configMap": {"name": "weights"}}


def template(**container):
    return {
        "metadata": {"labels": {"app": "fraud"}},
        "spec": {"containers": [{**CONTAINER, **container}], "volumes": [VOLUME]},
    }


def changed(path, value):
    """The template with one more thing in it, somewhere below `path`."""
    made = copy.deepcopy(template())
    at = made
    for part in path[:-1]:
        at = at[part] if isinstance(part, int) else at.setdefault(part, {})
    at[path[-1]] = value
    return made


# fingerprints


@pytest.mark.parametrize(
    "same",
    [
        changed(["metadata", "annotations"], {"kubectl.kubernetes.io/restartedAt": "2026-01-05"}),
        changed(["metadata", "labels", "sidecar"], "injected"),
        changed(["spec", "terminationGracePeriodSeconds"], 30),
        changed(["spec", "schedulerName"], "default-scheduler"),
        changed(["spec", "containers", 0, "imagePullPolicy"], "IfNotPresent"),
        changed(["spec", "containers", 0, "resources"], {"limits": {"cpu": "2"}}),
        changed(["spec", "containers", 0, "readinessProbe"], {"periodSeconds": 10}),
        changed(["spec", "volumes", 0, "configMap", "defaultMode"], 420),
        changed(["spec", "containers", 0, "env", 1, "valueFrom", "fieldRef", "apiVersion"], "v1"),
        changed(["spec", "containers", 0, "envFrom", 0, "configMapRef", "optional"], False),
        changed(["spec", "initContainers"], []),
    ],
)
def test_what_does_not_change_what_runs_leaves_the_fingerprint(same):
    assert fingerprint("fraud", same) == fingerprint("fraud", template())


@pytest.mark.parametrize(
    "other",
    [
        template(image="registry.example/fraud:43"),
        template(command=["serve", "--fast"]),
        template(args=["--port=81"]),
        template(env=[{"name": "THREADS", "value": "4"}]),
        template(envFrom=[{"configMapRef": {"name": "others"}}]),
        changed(["spec", "volumes", 0, "configMap", "name"], "other-weights"),
        changed(["spec", "volumes", 0, "configMap", "defaultMode"], 256),
        changed(["spec", "initContainers"], [{"name": "fetch", "image": "fetch:1"}]),
        changed(["spec", "containers"], [CONTAINER, {"name": "cache", "image": "cache:1"}]),
    ],
)
def test_what_changes_what_runs_changes_the_fingerprint(other):
    assert fingerprint("fraud", other) != fingerprint("fraud", template())


def test_two_deployments_of_one_image_have_two_fingerprints():
    assert fingerprint("fraud", template()) != fingerprint("spam", template())


def test_the_order_of_keys_is_no_change():
    turned = dict(reversed(CONTAINER.items()))
    assert fingerprint("fraud", {"spec": {"containers": [turned], "volumes": [VOLUME]}}) == (
        fingerprint("fraud", template())
    )


# Deployments and Services


def deployment(spec=None, **status):
    seen = {"observedGeneration": 3, "updatedReplicas": 2, "availableReplicas": 2, **status}
    meta = {"name": "fraud", "generation": 3}
    return {
        "metadata": meta,
        "spec": {"replicas": 2, "template": template(), **(spec or {})},
        "status": seen,
    }


def test_a_deployment_with_all_of_its_pods_is_settled():
    found = workload_of(deployment())
    assert (found.replicas, found.available, found.settled) == (2, 2, True)


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 2},
        {"updatedReplicas": 1},
        {"availableReplicas": 1},
        {"availableReplicas": 0, "updatedReplicas": 0},
    ],
)
def test_a_deployment_on_its_way_is_not_settled(status):
    assert not workload_of(deployment(**status)).settled


def test_a_deployment_scaled_to_zero_is_not_settled():
    found = workload_of(deployment({"replicas": 0}, availableReplicas=0, updatedReplicas=0))
    assert (found.replicas, found.settled) == (0, False)


def test_a_deployment_without_a_status_has_no_pods_and_wants_one():
    found = workload_of({"metadata": {"name": "fraud", "generation": 1}, "spec": {}})
    assert (found.replicas, found.available, found.settled) == (1, 0, False)


def test_a_restart_changes_the_template_hash_alone():
    restarted = changed(["metadata", "annotations"], {"restartedAt": "now"})
    old, new = workload_of(deployment()), workload_of(deployment({"template": restarted}))
    assert old.fingerprint == new.fingerprint
    assert old.template_hash != new.template_hash


def test_a_service_is_its_ports():
    assert ports_of({"spec": {"ports": [{"port": 80}, {"port": 81}]}}) == (80, 81)
    assert ports_of({"spec": {"type": "ExternalName"}}) == ()


def test_a_time_stamp_of_the_api_is_in_utc():
    assert time_of("2026-01-05T09:00:00Z") == datetime(2026, 1, 5, 9, tzinfo=UTC)


# routes


def route(*refs, generation=2, status=None, **meta):
    return {
        "metadata": {"name": "fraud", "namespace": "risk", "generation": generation, **meta},
        "spec": {
            "parentRefs": [{"name": "public", "sectionName": "web", "port": 80}],
            "hostnames": ["fraud.example"],
            "rules": [{"backendRefs": list(refs)}, {"filters": []}],
        },
        "status": status or {},
    }


def backend(**ref):
    return route_of(route({"name": "fraud-v41", "port": 80, **ref})).rules[0][0]


def test_a_route_that_was_made_anew_is_another_one():
    assert route_of(route(generation=1, uid="new")) != route_of(route(generation=1, uid="old"))


def test_a_route_is_its_rules_parents_and_hostnames():
    found = route_of(route({"name": "fraud-v41", "port": 80, "weight": 90}))
    assert found.rules == ((BackendWeight("fraud-v41", 80, 90),), ())
    assert found.parents == ({"name": "public", "sectionName": "web"},)
    assert found.hostnames == ("fraud.example",)


def test_a_route_without_a_spec_has_no_rules():
    found = route_of({"metadata": {"name": "fraud", "namespace": "risk"}})
    assert (found.rules, found.generation, found.accepted) == ((), 0, None)


def test_an_omitted_weight_is_1_and_a_zero_is_0():
    assert backend().weight == 1
    assert backend(weight=0).weight == 0


@pytest.mark.parametrize("ref", [{}, {"kind": "Service"}, {"group": ""}, {"namespace": "risk"}])
def test_a_service_of_the_same_namespace_goes_by_its_name(ref):
    assert backend(**ref).name == "fraud-v41"


@pytest.mark.parametrize(
    "ref",
    [{"namespace": "away"}, {"kind": "ServiceImport"}, {"group": "multicluster.x-k8s.io"}],
)
def test_what_is_no_service_of_the_same_namespace_is_never_taken_for_an_arm(ref):
    assert "/" in backend(**ref).name


def test_a_route_of_ours_carries_the_releases_uid():
    assert not route_of(route()).managed
    assert route_of(route(labels={"app.kubernetes.io/managed-by": "surefoot"})).managed


def judged(*verdicts, name="public", generation=2):
    """A Gateway's conditions: (type, status) each, on one generation."""
    conditions = [
        {"type": kind, "status": state, "reason": "Why", "message": "so", "observedGeneration": generation}
        for kind, state in verdicts
    ]  # fmt: skip
    return {"parentRef": {"name": name}, "conditions": conditions}


GOOD = (("Accepted", "True"), ("ResolvedRefs", "True"))


def accepted(*parents):
    found = route_of(route(status={"parents": list(parents)}))
    return found.accepted, found.verdict


def test_a_route_is_accepted_when_every_gateway_accepts_it():
    assert accepted(judged(*GOOD), judged(*GOOD, name="internal")) == (True, "")


@pytest.mark.parametrize(
    "parents",
    [
        (),
        (judged(*GOOD, generation=1),),
        (judged(("Accepted", "True")),),
        (judged(*GOOD), judged(*GOOD, name="internal", generation=1)),
        (judged(("Accepted", "False"), ("ResolvedRefs", "True"), generation=1),),
    ],
)
def test_a_route_that_a_gateway_has_not_judged_as_it_is_now_is_not_judged(parents):
    assert accepted(*parents) == (None, "")


@pytest.mark.parametrize("kind", ["Accepted", "ResolvedRefs"])
def test_a_gateway_that_says_no_is_named_with_its_reason(kind):
    said = judged(*[(k, "False" if k == kind else v) for k, v in GOOD])
    assert accepted(judged(*GOOD, name="internal"), said) == (
        False,
        f"Gateway public says {kind}=False, Why: so",
    )


def test_a_no_of_one_gateway_outweighs_the_silence_of_another():
    late = judged(*GOOD, name="internal", generation=1)
    assert accepted(late, judged(("Accepted", "False")))[0] is False


def test_conditions_without_a_generation_are_about_this_one():
    parent = judged(*GOOD)
    for condition in parent["conditions"]:
        del condition["observedGeneration"]
    assert accepted(parent) == (True, "")


def entry(manager, time, fields=None, **more):
    return {"manager": manager, "time": time, "fieldsV1": fields or {"f:spec": {}}, **more}


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ([], "someone"),
        ([entry("surefoot", "2026-01-05T10:00:00Z")], "someone"),
        ([entry("kubectl-edit", "2026-01-05T09:00:00Z"), entry("argocd", "2026-01-05T10:00:00Z")], "argocd"),
        ([entry("kubectl-edit", "2026-01-05T09:00:00Z"), entry("surefoot", "2026-01-05T10:00:00Z")], "kubectl-edit"),
        ([entry("gateway", "2026-01-05T09:00:00Z", subresource="status")], "someone"),
        ([entry("labeller", "2026-01-05T09:00:00Z", {"f:metadata": {}})], "someone"),
    ],
)  # fmt: skip
def test_the_last_other_editor_of_the_spec_is_named(fields, who):
    assert route_of(route(managedFields=fields)).manager == who
