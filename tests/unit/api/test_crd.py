"""The CRDs are structural, complete and explained."""

from collections.abc import Iterator
from typing import Any

import pytest

from surefoot.api.base import ApiModel, CelRule
from surefoot.api.crd import all_crds, schema_of
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec, Step
from surefoot.api.status import ModelReleaseStatus

CRDS = all_crds()
SHORT = {"ModelRelease": "mr", "ReleaseAction": "ra", "ReleaseClass": "mrc", "ReleaseRecord": "mrr"}
Schema = dict[str, Any]


def schemas(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema node below `node`, by its path."""
    yield path, node
    for name, below in node.get("properties", {}).items():
        yield from schemas(below, f"{path}.{name}")
    if "items" in node:
        yield from schemas(node["items"], f"{path}[]")


def nodes_of(crd: Schema) -> list[tuple[str, Schema]]:
    (version,) = crd["spec"]["versions"]
    return list(schemas(version["schema"]["openAPIV3Schema"]))


@pytest.mark.parametrize("crd", CRDS.values(), ids=lambda crd: crd["spec"]["names"]["kind"])
def test_a_schema_is_structural(crd: Schema) -> None:
    for path, node in nodes_of(crd):
        assert "type" in node, path
        assert not {"$ref", "anyOf", "allOf", "const", "default", "title"} & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path


@pytest.mark.parametrize("crd", CRDS.values(), ids=lambda crd: crd["spec"]["names"]["kind"])
def test_a_crd_has_a_category_a_short_name_and_columns(crd: Schema) -> None:
    names, (version,) = crd["spec"]["names"], crd["spec"]["versions"]
    assert crd["metadata"]["name"] == f"{names['plural']}.surefoot.dev"
    assert names["categories"] == ["surefoot"]
    assert names["shortNames"] == [SHORT[names["kind"]]]
    status = version["schema"]["openAPIV3Schema"]["properties"].get("status")
    assert version.get("subresources") == (None if status is None else {"status": {}})
    paths = {path for path, _ in nodes_of(crd)} | {".metadata.creationTimestamp"}
    assert {column["jsonPath"] for column in version["additionalPrinterColumns"]} <= paths


@pytest.mark.parametrize("model", [ModelReleaseSpec, ReleaseClassSpec])
def test_every_part_of_a_spec_that_holds_text_or_a_list_is_bounded(model: type[ApiModel]) -> None:
    """Unbounded input would be charged against the cost limit of the rules."""
    for path, node in schemas(schema_of(model)):
        if node["type"] == "string":
            assert "maxLength" in node or "enum" in node, path
        if node["type"] == "array":
            assert "maxItems" in node, path


def test_a_rule_reaches_the_schema_with_its_message() -> None:
    (rule,) = schema_of(Step)["x-kubernetes-validations"]
    assert rule == {"rule": Step.rules[0].cel, "message": Step.rules[0].message}


def test_conditions_are_a_map_by_type() -> None:
    conditions = schema_of(ModelReleaseStatus)["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_free_objects_keep_their_fields() -> None:
    properties = dict(schemas(schema_of(ModelReleaseStatus)))
    assert properties[".release.acceptedSpec"]["x-kubernetes-preserve-unknown-fields"] is True
    assert properties[".decisions[].numbers"]["additionalProperties"] == {"type": "number"}


def test_every_broken_rule_is_told() -> None:
    class Pair(ApiModel):
        low: int
        high: int
        rules = (
            CelRule("self.low > 0", "low is not positive", lambda p: p.low > 0),
            CelRule("self.low < self.high", "low is not below high", lambda p: p.low < p.high),
        )

    with pytest.raises(ValueError, match="low is not positive; low is not below high"):
        Pair(low=0, high=0)
    assert Pair(low=1, high=2).dump() == {"low": 1, "high": 2}


def test_what_a_schema_alone_lets_pass_has_a_rule_beside_it() -> None:
    """An API server takes a list for a string with a format, and 0 for 0.0001 or more."""
    found: list[str] = []
    for crd in CRDS.values():
        spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        for path, node in schemas(spec):
            rules = [rule["rule"] for rule in node.get("x-kubernetes-validations", ())]
            if node.get("format") == "duration":
                assert rules == ["self <= duration('239976h')"]
                found.append(path)
            elif node.get("type") == "number" and node.get("minimum", 0) % 1:
                assert rules == [f"self >= {node['minimum']}"]
                found.append(path)
    names = {path.rsplit(".", 1)[-1] for path in found}
    assert {"hold", "warmup", "for", "window", "falseRevertBudget", "quantile"} <= names
