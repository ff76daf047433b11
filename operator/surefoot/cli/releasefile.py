"""A ModelRelease as it lies in a file, before the API server has seen it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from surefoot.api.spec import ModelReleaseSpec
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean, part, words


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One release; `namespace` is None where the file names none."""

    name: str
    namespace: str | None
    spec: ModelReleaseSpec


def read(path: str) -> ReleaseFile:
    """The one ModelRelease of a YAML file (`-`: standard input), under its ReleaseClass, which stands
    in the same file. Raises `Problem`."""
    shown = "standard input" if path == "-" else clean(path)
    documents = _documents(path, shown)
    found = [each for each in documents if each.get("kind") == "ModelRelease"]
    if len(found) != 1:
        many = "more than one ModelRelease" if found else "no ModelRelease"
        raise Problem(f"{shown} holds {many}: give a file with exactly one")
    metadata = part(found[0], "metadata")
    name = words(metadata, "name")
    if not name:
        raise Problem(f"The ModelRelease in {shown} has no metadata.name: give it one")
    try:
        written = ModelReleaseSpec.model_validate(found[0].get("spec") or {})
        spec = _planned(written, documents, shown)
    except ValidationError as error:
        faults = "; ".join(_fault(dict(each)) for each in error.errors()[:5])
        raise Problem(f"The ModelRelease in {shown} is not sound: {faults}") from None
    return ReleaseFile(name, words(metadata, "namespace") or None, spec)


def _planned(
    spec: ModelReleaseSpec, documents: Sequence[Mapping[str, Any]], shown: str
) -> ModelReleaseSpec:
    """The plan of release and class, as the operator makes it. Raises `Problem`, ValidationError."""
    from surefoot.api.plan import resolve
    from surefoot.api.release_class import ReleaseClassSpec

    name = spec.release_class_name
    classes = [each for each in documents if each.get("kind") == "ReleaseClass"]
    found = [each for each in classes if words(part(each, "metadata"), "name") == name]
    if name is not None and not found:
        raise Problem(
            f"{shown} lacks ReleaseClass {clean(name)}, which the release names: add it to the "
            f"file, as kubectl get mrc {clean(name)} -o yaml prints it"
        )
    of = ReleaseClassSpec.model_validate(found[0].get("spec") or {}) if found else None
    plan = resolve(spec, of)
    if isinstance(plan, str):
        raise Problem(f"{shown}: {clean(plan)}")
    return plan


def _documents(path: str, shown: str) -> list[Mapping[str, Any]]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return [each for each in yaml.safe_load_all(text) if isinstance(each, Mapping)]
    except OSError as error:
        raise Problem(f"Cannot read {shown}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Problem(f"{shown} is no YAML: {clean(' '.join(str(error).split()))}") from None


def _fault(error: Mapping[str, Any]) -> str:
    where = ".".join(str(each) for each in ("spec", *error["loc"]))
    return clean(f"{where}: {str(error['msg']).removeprefix('Value error, ')}")
