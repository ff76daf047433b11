"""What is sent to the API server: the smallest merge patch, weights behind tests, a whole route."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.kubernetes.merge import merge_patch
from surefoot.adapters.kubernetes.routes import managed_spec, weight_patch
from surefoot.api.spec import ManagedRoute
from surefoot.api.status import Backend
from surefoot.engine.effects import SetWeights, WriteManagedRoute
from surefoot.engine.weights import WeightChange

# In a merge patch null means "remove", so a document that is patched holds none (RFC 7386, 1). No
# booleans beside numbers: to Python they are equal, and a schema lets no field change its type.
SCALARS = st.one_of(st.integers(-3, 3), st.sampled_from("ab"))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def applied(target, patch):
    """`MergePatch` as RFC 7386 writes it down."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = applied(merged.get(key), value)
    return merged


@given(DOCUMENTS, DOCUMENTS)
def test_the_patch_applied_to_the_old_document_gives_the_new_one(old, new):
    assert applied(old, merge_patch(old, new)) == new


@given(DOCUMENTS)
def test_nothing_to_change_is_an_empty_patch(document):
    assert merge_patch(document, copy.deepcopy(document)) == {}


@given(DOCUMENTS, DOCUMENTS)
def test_making_a_patch_changes_neither_document(old, new):
    before = copy.deepcopy((old, new))
    merge_patch(old, new)
    assert (old, new) == before


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
        ({}, {"a": {}}, {"a": {}}),
    ],
)
def test_only_what_changed_is_sent_and_lists_are_sent_whole(old, new, patch):
    assert merge_patch(old, new) == patch


# routes


def test_weights_are_written_behind_tests_of_generation_and_names():
    effect = SetWeights(
        "fraud", 7, (WeightChange(0, 1, "fraud-v42", 25), WeightChange(2, 0, "fraud-v41", 75))
    )
    assert weight_patch(effect) == [
        {"op": "test", "path": "/metadata/generation", "value": 7},
        {"op": "test", "path": "/spec/rules/0/backendRefs/1/name", "value": "fraud-v42"},
        {"op": "add", "path": "/spec/rules/0/backendRefs/1/weight", "value": 25},
        {"op": "test", "path": "/spec/rules/2/backendRefs/0/name", "value": "fraud-v41"},
        {"op": "add", "path": "/spec/rules/2/backendRefs/0/weight", "value": 75},
    ]  # fmt: skip


def managed(**route):
    spec = ManagedRoute.model_validate(
        {"parentRefs": [{"name": "public", "sectionName": "web"}], **route}
    )
    arms = ((Backend(name="fraud-v41", port=80), 75), (Backend(name="fraud-v42", port=81), 25))
    return managed_spec(WriteManagedRoute("fraud", spec, arms, None))


def test_a_managed_route_sends_both_arms_to_its_gateways():
    assert managed(hostnames=["fraud.example"]) == {
        "parentRefs": [{"name": "public", "sectionName": "web"}],
        "hostnames": ["fraud.example"],
        "rules": [
            {
                "backendRefs": [
                    {"name": "fraud-v41", "port": 80, "weight": 75},
                    {"name": "fraud-v42", "port": 81, "weight": 25},
                ]
            }
        ],
    }


def test_a_managed_route_without_hostnames_has_no_such_field():
    assert "hostnames" not in managed()
