"""The operator's image: built from the Containerfile once per state of its inputs, then kept."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from environment import ROOT, cache_root
from images.buildah import Buildah
from images.pythonbase import base_layers

NAME = "surefoot.local/surefoot:dev"
_INPUTS = (
    ".containerignore",
    "Containerfile",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "requirements.lock",
    "hack/images/build.lock",
)
_KEPT_STAGES = ("dependencies", "tools")
_BASE = "FROM scratch\nADD python.tar /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n"


@dataclass(frozen=True)
class Image:
    """An image in an OCI archive, with its sizes in bytes."""

    path: Path
    packed: int
    unpacked: int

    def summary(self) -> str:
        return (
            f"{NAME}: {self.packed / 1e6:.0f} MB packed, {self.unpacked / 1e6:.0f} MB unpacked, "
            f"{self.path}"
        )


def build(root: Path = ROOT, cache: Path | None = None) -> Image:
    """The image of the tree at `root`; a second call with the same tree only looks it up."""
    home = (cache or cache_root()) / "images"
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"surefoot-{digest(root)}.tar"
    if not path.exists():
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one build at a time: they share a store
            if not path.exists():
                _build(root, home, path)
    return measure(path)


def digest(root: Path) -> str:
    """Names the state of everything that goes into the image, this Python included."""
    total = hashlib.sha256(_base_key().encode())
    for source in _sources(root):
        total.update(f"{source.relative_to(root)}\0{source.stat().st_size}\0".encode())
        total.update(source.read_bytes())
    return total.hexdigest()[:16]


def measure(path: Path) -> Image:
    """Sizes of an archive's layers, packed as they are stored and unpacked as a node keeps them."""
    packed = unpacked = 0
    with tarfile.open(path) as archive:
        for member in archive:
            packed += member.size
            content = archive.extractfile(member)
            if content is None or content.read(2) != b"\x1f\x8b":
                continue
            content.seek(0)
            with tarfile.open(fileobj=content, mode="r:gz") as layer:
                unpacked += sum(entry.size for entry in layer)
    return Image(path, packed, unpacked)


def _sources(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _INPUTS)
    for path in sorted((root / "operator").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _base_key() -> str:
    """Changes with this Python and with how a base image is made of it."""
    interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    recipe = Path(__file__).with_name("pythonbase.py").read_bytes() + _BASE.encode()
    seen = interpreter.stat()
    text = f"{sys.version}\0{interpreter}\0{seen.st_size}\0{seen.st_mtime_ns}\0".encode()
    return hashlib.sha256(text + recipe).hexdigest()[:16]


def _build(root: Path, home: Path, path: Path) -> None:
    started = time.monotonic()
    print("building the operator's image …", file=sys.stderr, flush=True)
    buildah = Buildah(home / "buildah")
    buildah.tidy()
    bases = {kind: _base(buildah, home, pip=kind == "build") for kind in ("build", "run")}
    arguments = {"BASE": bases["build"], "RUNTIME": bases["run"]}
    for stage in _KEPT_STAGES:  # a stage with a name of its own survives tidying
        kept = f"localhost/surefoot-{stage}"
        buildah.build(kept, root / "Containerfile", root, arguments, target=stage)
    buildah.build(NAME, root / "Containerfile", root, arguments)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        layout = Path(scratch, "layout")
        buildah.export(NAME, layout)
        _archive(layout, Path(scratch, "image.tar"))
        os.replace(Path(scratch, "image.tar"), path)
    _forget_older(home, path)
    print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _base(buildah: Buildah, home: Path, *, pip: bool) -> str:
    """The base image in buildah's store; its layer is made once per Python."""
    kind = "build" if pip else "run"
    context = home / f"python-{kind}-{_base_key()}"
    if not (context / "Containerfile").exists():
        shutil.rmtree(context, ignore_errors=True)
        base_layers(context, None, pip=pip)
        (context / "Containerfile").write_text(_BASE)
    name = f"localhost/surefoot-python:{kind}"
    buildah.build(name, context / "Containerfile", context)
    return name


def _archive(layout: Path, path: Path) -> None:
    """Packs an OCI layout and writes the image's name where containerd looks for it."""
    index = layout / "index.json"
    document = json.loads(index.read_text())
    for manifest in document["manifests"]:
        manifest.setdefault("annotations", {})["io.containerd.image.name"] = NAME
    index.write_text(json.dumps(document, sort_keys=True))
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for source in sorted(entry for entry in layout.rglob("*") if entry.is_file()):
            info = tarfile.TarInfo(str(source.relative_to(layout)))
            info.size, info.mode = source.stat().st_size, 0o644
            with source.open("rb") as content:
                archive.addfile(info, content)


def _forget_older(home: Path, newest: Path, keep: int = 5) -> None:
    """Keeps the last few images: someone who switches branches gets theirs back at once."""
    images = sorted(home.glob("surefoot-*.tar"), key=lambda path: path.stat().st_mtime)
    for path in images[:-keep]:
        if path != newest:
            path.unlink(missing_ok=True)
