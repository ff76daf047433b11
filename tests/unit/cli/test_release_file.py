"""A release in a file, under the class that stands beside it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from surefoot.api.plan import Plan
from surefoot.cli.problem import Problem
from surefoot.cli.releasefile import read
from tests.support.examples import EXAMPLES

FRAUD = EXAMPLES.parents[1] / "examples" / "fraud"


def together(folder: Path, *texts: str) -> str:
    file = folder / "release.yaml"
    file.write_text("\n---\n".join(texts))
    return str(file)


def test_release_and_class_make_the_plan(tmp_path: Path) -> None:
    texts = [(FRAUD / f"{name}.yaml").read_text() for name in ("class", "release-of-class")]
    found = read(together(tmp_path, *texts))
    assert isinstance(found.spec, Plan)
    assert [step.weight for step in found.spec.steps] == [10, 25, 50]


def test_a_class_that_is_not_in_the_file_is_told(tmp_path: Path) -> None:
    text = (FRAUD / "release-of-class.yaml").read_text()
    with pytest.raises(Problem, match="kubectl get mrc demo-tabular -o yaml"):
        read(together(tmp_path, text))


def test_what_does_not_fit_is_told_with_the_file(tmp_path: Path) -> None:
    texts = [(FRAUD / f"{name}.yaml").read_text() for name in ("class", "release-of-class")]
    with pytest.raises(
        Problem, match=r"release.yaml is not sound: spec.bake is 1s: it must be 30s or more"
    ):
        read(together(tmp_path, texts[0], texts[1] + "  bake: 1s\n"))


def test_a_class_that_is_not_in_the_file_is_looked_up(tmp_path: Path) -> None:
    texts = {each: (FRAUD / f"{each}.yaml").read_text() for each in ("class", "release-of-class")}
    asked = []

    def look_up(name: str) -> dict[str, Any]:
        asked.append(name)
        found: dict[str, Any] = yaml.safe_load(texts["class"])
        found["spec"]["steps"] = [{"weight": 30, "hold": "1m"}]
        return found

    found = read(together(tmp_path, texts["release-of-class"]), look_up)
    assert [step.weight for step in found.spec.steps] == [30]
    assert asked == ["demo-tabular"]
    beside = read(together(tmp_path, *texts.values()), look_up)
    assert [step.weight for step in beside.spec.steps] == [10, 25, 50]
    assert asked == ["demo-tabular"]


def test_a_class_that_is_not_sound_is_told_apart_from_the_release(tmp_path: Path) -> None:
    text = (FRAUD / "release-of-class.yaml").read_text()
    with pytest.raises(
        Problem, match=r"^ReleaseClass demo-tabular in the cluster is not sound: spec\.bake: "
    ):
        read(together(tmp_path, text), lambda name: {"spec": {"bake": "soon"}})
