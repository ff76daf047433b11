"""The operator's image: its cache key, its archive, and what the Containerfile promises."""

import json
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from environment import ROOT
from images import buildah, operator


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in operator._INPUTS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    package = tmp_path / "operator" / "surefoot"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "requirements.lock").write_text("other"),
        lambda root: (root / "Containerfile").write_text("other"),
        lambda root: (root / "operator" / "surefoot" / "new.py").write_text(""),
        lambda root: (root / "operator" / "surefoot" / "__init__.py").rename(root / "operator/x"),
    ],
)
def test_any_input_changes_the_name(tree: Path, change: Callable[[Path], object]) -> None:
    before = operator.digest(tree)
    change(tree)
    assert operator.digest(tree) != before


def test_what_is_no_input_changes_nothing(tree: Path) -> None:
    before = operator.digest(tree)
    cache = tree / "operator" / "surefoot" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").write_text("x")
    (tree / "CHANGELOG.md").write_text("x")
    assert operator.digest(tree) == before


def test_an_image_that_was_built_is_only_looked_up(tree: Path, tmp_path: Path) -> None:
    home = tmp_path / "cache"
    path = home / "images" / f"surefoot-{operator.digest(tree)}.tar"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w"):
        pass
    assert operator.build(tree, home).path == path


def test_the_archive_carries_the_name_that_containerd_reads(tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    layout.mkdir()
    (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:0"}]}))
    operator._archive(layout, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        annotations = json.load(index)["manifests"][0]["annotations"]
    assert annotations == {"io.containerd.image.name": "surefoot.local/surefoot:dev"}


def test_old_images_are_forgotten_but_never_the_newest(tmp_path: Path) -> None:
    paths = [tmp_path / f"surefoot-{number}.tar" for number in range(4)]
    for age, path in enumerate(paths):
        path.write_text("")
        os.utime(path, (age, age))
    operator._forget_older(tmp_path, paths[0], keep=1)
    assert sorted(tmp_path.iterdir()) == [paths[0], paths[3]]


def test_the_containerfile_needs_no_shell_and_ends_as_nobody() -> None:
    text = (ROOT / "Containerfile").read_text()
    runs = re.findall(r"^RUN (.)", text, re.MULTILINE)
    assert runs
    assert set(runs) == {"["}
    assert "USER 65532:65532" in text.rpartition("\nFROM ")[2]
    assert 'ENTRYPOINT ["python", "-m", "surefoot"]' in text


def test_every_file_that_the_containerfile_copies_is_an_input() -> None:
    text = (ROOT / "Containerfile").read_text()
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    copied = {name.rstrip("/") for line in copies for name in line.split()}
    assert copied - {"operator"} <= set(operator._INPUTS)
    allowed = (ROOT / ".containerignore").read_text()
    assert all(f"!{name}\n" in allowed for name in copied)


def test_build_tools_are_those_of_the_development_lock() -> None:
    pin = re.compile(r"^(\S+)==(\S+) ", re.MULTILINE)
    tools = set(pin.findall((ROOT / "hack" / "images" / "build.lock").read_text()))
    everything = set(pin.findall((ROOT / "requirements-dev.lock").read_text()))
    assert tools
    assert tools <= everything


def test_pip_in_a_build_stage_asks_the_same_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert "index-url = https://mirror.example/simple" in buildah._pip_settings()
