"""The ModelRelease in a file, as a person is about to apply it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surefoot.api.spec import Candidate, ModelReleaseSpec
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean
from surefoot.engine.questions import ArmRef

DEFAULT_PORT = 80


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """Its name, the namespace that it says (or None), and its spec."""

    name: str
    namespace: str | None
    spec: ModelReleaseSpec


def read_release(path: str) -> ReleaseFile:
    """The only ModelRelease in a YAML file, `-` being standard input, under its ReleaseClass, which
    stands in the same file. Raises `Problem`."""
    documents = [each for each in _documents(path) if isinstance(each, dict)]
    bodies = [each for each in documents if each.get("kind") == "ModelRelease"]
    classes = [each for each in documents if each.get("kind") == "ReleaseClass"]
    if len(bodies) != 1:
        count = "no ModelRelease" if not bodies else f"{len(bodies)} ModelReleases"
        raise Problem(f"{clean(path)} holds {count}: give a file with exactly one")
    return _parsed(bodies[0], classes, path)


def _documents(path: str) -> list[Any]:
    import yaml

    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"Cannot read {clean(path)}: {clean(error)}") from None
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise Problem(f"{clean(path)} is no YAML: {clean(line)}") from None


def _parsed(body: dict[str, Any], classes: list[dict[str, Any]], path: str) -> ReleaseFile:
    from pydantic import ValidationError

    try:
        spec = _planned(ModelReleaseSpec.model_validate(body.get("spec") or {}), classes, path)
    except ValidationError as error:
        from surefoot.api.base import sentence

        raise Problem(f"{clean(path)}: {clean(sentence(error))}") from None
    meta = body.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    namespace = meta.get("namespace")
    return ReleaseFile(
        str(meta.get("name") or "release"), str(namespace) if namespace else None, spec
    )


def _planned(spec: ModelReleaseSpec, classes: list[dict[str, Any]], path: str) -> ModelReleaseSpec:
    """The plan of release and class, as the operator makes it. Raises `Problem`, ValidationError."""
    from surefoot.api.plan import resolve
    from surefoot.api.release_class import ReleaseClassSpec

    name = spec.release_class_name
    found = [each for each in classes if (each.get("metadata") or {}).get("name") == name]
    if name is not None and not found:
        raise Problem(
            f"{clean(path)} lacks ReleaseClass {clean(name)}, which the release names: add it to the "
            f"file, as kubectl get mrc {clean(name)} -o yaml prints it"
        )
    of = ReleaseClassSpec.model_validate(found[0].get("spec") or {}) if found else None
    plan = resolve(spec, of)
    if isinstance(plan, str):
        raise Problem(f"{clean(path)}: {clean(plan)}")
    return plan


def candidate_of(spec: ModelReleaseSpec) -> ArmRef:
    """The candidate as metrics know it."""
    return _arm(spec.candidate)


def incumbent_of(spec: ModelReleaseSpec, given: str | None) -> ArmRef | None:
    """What serves now: `--incumbent WORKLOAD[/SERVICE[:PORT]]`, else what the file asserts."""
    if given is None:
        return _arm(spec.incumbent) if spec.incumbent is not None else None
    workload, _, backend = given.partition("/")
    service, _, port = backend.partition(":")
    if not workload or (port and not port.isdigit()):
        raise Problem(f"{clean(given)!r} is no incumbent: write WORKLOAD, or WORKLOAD/SERVICE:PORT")
    return ArmRef(workload, service or workload, int(port or DEFAULT_PORT))


def _arm(arm: Candidate) -> ArmRef:
    return ArmRef(arm.workload_ref.name, arm.service, arm.port or DEFAULT_PORT)
