"""The CustomResourceDefinitions, made from the pydantic models as structural schemas."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from surefoot.api.actions import ReleaseActionSpec, ReleaseActionStatus
from surefoot.api.base import ApiModel
from surefoot.api.record import ReleaseRecordSpec
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import GROUP, VERSION

_DROPPED = ("title", "default", "$defs", "const")


def _column(name: str, kind: str, path: str, priority: int = 0) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, "priority": priority}


def _resolve(node: Any, definitions: dict[str, Any]) -> Any:
    """Inline `$ref`s: a structural schema has none. What stands beside a reference wins over it."""
    if isinstance(node, list):
        return [_resolve(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _resolve({**target, **beside}, definitions)
    return {key: _resolve(value, definitions) for key, value in node.items()}


def _structural(node: dict[str, Any]) -> dict[str, Any]:
    """One schema node as Kubernetes wants it: no `anyOf null`, no defaults, enums instead of consts."""
    if "anyOf" in node:
        (kept,) = (option for option in node["anyOf"] if option.get("type") != "null")
        node = {**kept, **{key: value for key, value in node.items() if key != "anyOf"}}
    if "const" in node:
        node = {**node, "enum": [node["const"]]}
    node = {key: value for key, value in node.items() if key not in _DROPPED}
    for bound in ("Minimum", "Maximum"):
        # A number in JSON Schema, a flag beside the bound in OpenAPI 3.0.
        if not isinstance(node.get(f"exclusive{bound}", True), bool):
            node[bound.lower()] = node[f"exclusive{bound}"]
            node[f"exclusive{bound}"] = True
    if "properties" in node:
        node["properties"] = {name: _structural(sub) for name, sub in node["properties"].items()}
        node.pop("additionalProperties", None)
    if "items" in node:
        node["items"] = _structural(node["items"])
    if node.get("type") == "integer":
        node["format"] = "int64"
    if node.get("x-kubernetes-preserve-unknown-fields"):
        node.pop("additionalProperties", None)
    if "description" in node:
        node["description"] = " ".join(node["description"].split())
    if (guard := _guard(node)) is not None:
        node["x-kubernetes-validations"] = [*node.get("x-kubernetes-validations", ()), guard]
    return node


def _guard(node: dict[str, Any]) -> dict[str, str] | None:
    """A rule for what an API server lets pass by the schema alone: a list in place of a string that
    has a format (every duration obeys the rule, of a list it cannot be told), and a whole number
    against a bound that is none, which it rounds down: 0 is not below 0."""
    if node.get("format") == "duration":
        text = "write a duration as a string such as 90s, 15m, 1h30m or 7d"
        return {"rule": "self <= duration('239976h')", "message": text}
    least = node.get("minimum", 0)
    if node.get("type") == "number" and least != int(least):
        return {"rule": f"self >= {least}", "message": f"must be {least} or more"}
    return None


def schema_of(model: type[ApiModel]) -> dict[str, Any]:
    """The structural schema of one model, with its CEL rules."""
    raw = model.model_json_schema(
        by_alias=True, mode="validation", schema_generator=GenerateJsonSchema
    )
    return _structural(_resolve(raw, raw.get("$defs", {})))


def _crd(
    kind: str,
    plural: str,
    short: list[str],
    spec: type[ApiModel],
    status: type[ApiModel] | None,
    columns: list[dict[str, Any]],
    description: str,
    scope: str = "Namespaced",
) -> dict[str, Any]:
    """A CRD; without a `status` nothing is ever said in the resource itself."""
    root: dict[str, Any] = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schema_of(spec),
        },
    }
    if status is not None:
        root["properties"]["status"] = schema_of(status)
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        **({"subresources": {"status": {}}} if status is not None else {}),
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": root},
    }
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": short,
        "categories": ["surefoot"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": [version]},
    }


def model_release_crd() -> dict[str, Any]:
    """The CRD of ModelRelease."""
    columns = [
        _column("Phase", "string", ".status.phase"),
        _column("Weight", "integer", ".status.traffic.observed"),
        _column("Step", "string", ".status.step.position"),
        _column("Candidate", "string", ".spec.candidate.version"),
        _column("Incumbent", "string", ".status.incumbent.version"),
        _column("Reason", "string", ".status.reason"),
        _column("Age", "date", ".metadata.creationTimestamp"),
        _column("Class", "string", ".spec.releaseClassName", priority=1),
        _column("Message", "string", ".status.message", priority=1),
    ]
    text = "A ModelRelease moves traffic step by step from the model that serves to the next one."
    return _crd(
        "ModelRelease", "modelreleases", ["mr"], ModelReleaseSpec, ModelReleaseStatus, columns, text
    )


def release_action_crd() -> dict[str, Any]:
    """The CRD of ReleaseAction."""
    columns = [
        _column("Release", "string", ".spec.releaseName"),
        _column("Type", "string", ".spec.type"),
        _column("By", "string", ".spec.requestedBy"),
        _column("Phase", "string", ".status.phase"),
        _column("Age", "date", ".metadata.creationTimestamp"),
    ]
    text = "A ReleaseAction is one audited act of one person on one ModelRelease."
    return _crd(
        "ReleaseAction",
        "releaseactions",
        ["ra"],
        ReleaseActionSpec,
        ReleaseActionStatus,
        columns,
        text,
    )


def release_class_crd() -> dict[str, Any]:
    """The CRD of ReleaseClass."""
    columns = [
        _column("Bake", "string", ".spec.bake"),
        _column("Locked", "string", ".spec.locked"),
        _column("Metrics", "string", ".spec.metrics.address"),
        _column("Kind", "string", ".spec.metrics.kind"),
        _column("Age", "date", ".metadata.creationTimestamp"),
        _column("Tenant", "string", ".spec.metrics.tenant", priority=1),
        _column("Summary", "string", ".spec.summary", priority=1),
    ]
    text = (
        "A ReleaseClass holds steps, signals and the metrics source of the releases that name it."
    )
    return _crd(
        "ReleaseClass", "releaseclasses", ["mrc"], ReleaseClassSpec, None, columns, text, "Cluster"
    )


def release_record_crd() -> dict[str, Any]:
    """The CRD of ReleaseRecord: no status, as what a backup brings back has none."""
    columns = [
        _column("Release", "string", ".spec.releaseName"),
        _column("Candidate", "string", ".spec.candidate.version"),
        _column("Incumbent", "string", ".spec.incumbent.version"),
        _column("Attempt", "integer", ".spec.attempt"),
        _column("Outcome", "string", ".spec.end.outcome"),
        _column("Reason", "string", ".spec.end.reason"),
        _column("Started", "date", ".spec.startedAt"),
        _column("Ended", "date", ".spec.end.endedAt"),
        _column("Message", "string", ".spec.end.message", priority=1),
    ]
    text = "A ReleaseRecord is the account of one release; the operator alone writes it."
    return _crd("ReleaseRecord", "releaserecords", ["mrr"], ReleaseRecordSpec, None, columns, text)


def all_crds() -> dict[str, dict[str, Any]]:
    """Every CRD by the name of its file."""
    crds = (
        model_release_crd(),
        release_action_crd(),
        release_class_crd(),
        release_record_crd(),
    )
    return {f"{crd['metadata']['name']}.yaml": crd for crd in crds}
