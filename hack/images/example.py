"""The image of `examples/fraud`: this Python, the two packages that it needs, and its source."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from environment import ROOT, cache_root
from images.pythonbase import base_layers, copy_tree, precompile
from localcluster.oci import tree_layer, write_archive

NAME = "surefoot.local/example-fraud:dev"
REQUIREMENTS = ("aiohttp", "prometheus-client")
_SOURCE = Path("examples/fraud")
_HOME = "/app"
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PROMETHEUS_DISABLE_CREATED_SERIES": "True",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


def build(root: Path = ROOT, cache: Path | None = None) -> Path:
    """The OCI archive for the tree at `root`; a second call with the same tree only looks it up."""
    home = (cache or cache_root()) / "images"
    path = home / f"example-fraud-{_digest(root)}.tar"
    if path.exists():
        return path
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        partial = Path(scratch) / "image.tar"
        write_archive(
            partial,
            NAME,
            _layers(root, Path(scratch)),
            entrypoint=("python", "-m"),
            cmd=("examples.fraud.server",),
            env=_ENVIRONMENT,
            workdir=_HOME,
            exposed=(8080,),
        )
        os.replace(partial, path)
    for other in home.glob("example-fraud-*.tar"):
        if other != path:
            other.unlink(missing_ok=True)
    return path


def closure(names: tuple[str, ...]) -> dict[str, metadata.Distribution]:
    """The installed packages that `names` need, themselves included; extras are left out."""
    found: dict[str, metadata.Distribution] = {}
    open_names = list(names)
    while open_names:
        name = _normal(open_names.pop())
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in map(_normal, names):
                raise
            continue  # needed on other versions of Python only
        for line in found[name].requires or ():
            match = re.match(r"[A-Za-z0-9._-]+", line)
            if match and "extra ==" not in line:
                open_names.append(match[0])
    return dict(sorted(found.items()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sources(root: Path) -> list[Path]:
    return sorted((root / _SOURCE).rglob("*.py"))


def _digest(root: Path) -> str:
    """Names everything that goes into the image, this Python included."""
    interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve().stat()
    total = hashlib.sha256(f"{sys.version}\0{interpreter.st_mtime_ns}".encode())
    for name, package in closure(REQUIREMENTS).items():
        total.update(f"{name}=={package.version}\0".encode())
    recipes = (Path(__file__), Path(__file__).with_name("pythonbase.py"))
    for source in (*recipes, *_sources(root)):
        total.update(f"{source.name}\0".encode() + source.read_bytes())
    return total.hexdigest()[:16]


def _layers(root: Path, scratch: Path) -> list[Path]:
    packages, app = scratch / "packages", scratch / "app"
    for package in closure(REQUIREMENTS).values():
        _copy_package(package, packages)
    for source in _sources(root):
        target = app / _HOME.strip("/") / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    precompile(app)
    tree_layer(scratch / "app.tar", {"/": app})
    return [*base_layers(scratch / "base", packages), scratch / "app.tar"]


def _copy_package(package: metadata.Distribution, target: Path) -> None:
    """The top-level folders and files of an installed package, without its scripts."""
    tops = {Path(file).parts[0] for file in package.files or ()} - {"..", "__pycache__"}
    for top in tops:
        source = Path(str(package.locate_file(top)))
        if source.is_dir():
            copy_tree(source, target / top, drop=("__pycache__",))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / top)
