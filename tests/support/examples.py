"""The example resources in crds/examples, and the rules that the models state."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from surefoot.api.actions import ReleaseActionSpec
from surefoot.api.base import ApiModel, CelRule
from surefoot.api.record import ReleaseRecordSpec
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec

EXAMPLES = Path(__file__).resolve().parents[2] / "crds" / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.yaml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.yaml"))
SPECS: dict[str, type[ApiModel]] = {
    "ModelRelease": ModelReleaseSpec,
    "ReleaseAction": ReleaseActionSpec,
    "ReleaseClass": ReleaseClassSpec,
    "ReleaseRecord": ReleaseRecordSpec,
}


def models_in(annotation: object) -> Iterator[type[ApiModel]]:
    """The API models that a type annotation names, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def rules_of(model: type[ApiModel]) -> set[CelRule]:
    """The rules of a model and of every model below it."""
    below = (sub for field in model.model_fields.values() for sub in models_in(field.annotation))
    return {*model.rules}.union(*(rules_of(sub) for sub in below))


RULES = {rule.message: rule for spec in SPECS.values() for rule in rules_of(spec)}


def stated(path: Path) -> str:
    """The message in the first line of an invalid example."""
    return path.read_text().splitlines()[0].removeprefix("# ")
