"""The CRDs' own schemas: what they describe, and what is wrong with a value by them."""

import math
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from surefoot.api.durations import parse_duration

CRDS = Path(__file__).resolve().parents[2] / "crds"
Schema = dict[str, Any]
_KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
}


@cache
def schema_of(kind: str, part: str = "spec") -> Schema:
    """The schema of a kind's spec or status, as crds/ has it."""
    (file,) = (f for f in CRDS.glob("*.yaml") if _crd(f)["spec"]["names"]["kind"] == kind)
    root: Schema = _crd(file)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return root["properties"][part]


@cache
def _crd(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())


def faults(value: Any, schema: Schema, where: str = "") -> Iterator[str]:
    """What the API server would object to, CEL rules aside; unknown fields, which it would drop, too."""
    kind = schema["type"]
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{where}: {value!r:.80} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r:.80} is none of {schema['enum']}"
    match value:
        case dict():
            yield from _faults_of_object(value, schema, where)
        case list():
            yield from _beyond(len(value), schema, "Items", where)
            for index, item in enumerate(value):
                yield from faults(item, schema["items"], f"{where}[{index}]")
        case str():
            yield from _beyond(len(value), schema, "Length", where)
            yield from _faults_of_text(value, schema, where)
        case int() | float():
            yield from _faults_of_number(value, schema, where)


def _faults_of_object(value: dict[str, Any], schema: Schema, where: str) -> Iterator[str]:
    yield from (
        f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value
    )
    known, more = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        if name in known:
            yield from faults(item, known[name], f"{where}.{name}")
        elif isinstance(more, dict):
            yield from faults(item, more, f"{where}.{name}")
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{where}.{name} is unknown"


def _faults_of_text(value: str, schema: Schema, where: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r:.80} does not match {schema['pattern']}"
    try:
        if schema.get("format") == "date-time":
            datetime.fromisoformat(value.replace("Z", "+00:00"))
        if schema.get("format") == "duration":
            parse_duration(value)
    except ValueError:
        yield f"{where}: {value!r:.80} is no {schema['format']}"


def _faults_of_number(value: float, schema: Schema, where: str) -> Iterator[str]:
    if not math.isfinite(value):
        yield f"{where}: {value} is no JSON"
    if schema["type"] == "integer" and not -(2**63) <= value < 2**63:
        yield f"{where}: {value} has more than 64 bits"
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    at_end = {e for e, n in ((least, "Minimum"), (most, "Maximum")) if schema.get(f"exclusive{n}")}
    if not least <= value <= most or value in at_end:
        yield f"{where}: {value} is out of bounds"


def _beyond(count: int, schema: Schema, what: str, where: str) -> Iterator[str]:
    if not schema.get(f"min{what}", 0) <= count <= schema.get(f"max{what}", math.inf):
        yield f"{where} has {count} {what.lower()}"
