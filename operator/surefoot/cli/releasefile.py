"""A ModelRelease as it lies in a file, before the API server has seen it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from surefoot.api.plan import resolve
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean, part, words

Object = Mapping[str, Any]
LookUp = Callable[[str], Object]
"""The ReleaseClass of a name. Raises `Problem`."""

S = TypeVar("S", ModelReleaseSpec, ReleaseClassSpec)


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One release; `namespace` is None where the file names none."""

    name: str
    namespace: str | None
    spec: ModelReleaseSpec


def read(path: str, look_up: LookUp | None = None) -> ReleaseFile:
    """The one ModelRelease of a YAML file (`-`: standard input), under its ReleaseClass, which stands
    in the same file, or is looked up. Raises `Problem`."""
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
    what = f"The ModelRelease in {shown}"
    spec = _sound(ModelReleaseSpec, found[0], what)
    plan = resolve(spec, _class_of(spec, documents, shown, look_up))
    if isinstance(plan, str):
        raise Problem(f"{what} is not sound: {clean(plan)}")
    return ReleaseFile(name, words(metadata, "namespace") or None, plan)


def _class_of(
    spec: ModelReleaseSpec, documents: Sequence[Object], shown: str, look_up: LookUp | None
) -> ReleaseClassSpec | None:
    """The class that the release names: the file's, else the cluster's. Raises `Problem`."""
    name = spec.release_class_name
    if name is None:
        return None
    classes = (each for each in documents if each.get("kind") == "ReleaseClass")
    found = next((each for each in classes if words(part(each, "metadata"), "name") == name), None)
    if found is not None:
        return _sound(ReleaseClassSpec, found, f"ReleaseClass {clean(name)} in {shown}")
    unknown = f"{shown} lacks ReleaseClass {clean(name)}, which the release names"
    advice = f"add the class to the file (kubectl get mrc {quote(clean(name))} -o yaml), or point kubectl at the cluster"
    if look_up is None:
        raise Problem(f"{unknown}: {advice}")
    try:
        found = look_up(name)
    except Problem as problem:
        text = f"{unknown}, and the cluster does not give it ({str(problem).rstrip('.')}): {advice}"
        raise Problem(text, problem.is_passing) from None
    return _sound(ReleaseClassSpec, found, f"ReleaseClass {clean(name)} in the cluster")


def _sound(kind: type[S], found: Object, what: str) -> S:
    """The spec of an object. Raises `Problem`."""
    try:
        return kind.model_validate(found.get("spec") or {})
    except ValidationError as error:
        faults = "; ".join(_fault(dict(each)) for each in error.errors()[:5])
        raise Problem(f"{what} is not sound: {faults}") from None


def _documents(path: str, shown: str) -> list[Object]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return [each for each in yaml.safe_load_all(text) if isinstance(each, Mapping)]
    except OSError as error:
        raise Problem(f"Cannot read {shown}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Problem(f"{shown} is no YAML: {clean(' '.join(str(error).split()))}") from None


def _fault(error: Object) -> str:
    where = ".".join(str(each) for each in ("spec", *error["loc"]))
    return clean(f"{where}: {str(error['msg']).removeprefix('Value error, ')}")
