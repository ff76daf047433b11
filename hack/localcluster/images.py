"""The add-ons' images, made here from the binaries built here, and the way of images into the node."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import build, oci, paths, progress, system
from .problem import Problem
from .state import Cluster

_PREFIX = "surefoot.local"
_PORTS = {
    "coredns": (53, 8080),
    "contour": (8000, 8001),
    "envoy": (8002, 8080),
    "prometheus": (9090,),
}
ADDONS = ("pause", *_PORTS)


@dataclass(frozen=True)
class Image:
    """An image of one program: its name in the node and its archive in the cache."""

    name: str
    archive: Path


def addon(program: str) -> Image:
    """The image of a program, written when its binary or the recipe here has changed."""
    name = f"{_PREFIX}/{program}:{build.version(program)}"
    binary = build.binary(program)
    recipe = [Path(__file__).read_bytes(), Path(oci.__file__).read_bytes(), str(binary).encode()]
    digest = hashlib.sha256(b"\0".join(recipe)).hexdigest()[:16]
    archive = paths.cache_root() / "addons" / f"{program}-{digest}.tar"
    if not archive.exists():
        with progress.step(f"write image {name}"):
            _write(archive, name, program, binary)
    return Image(name, archive)


def _write(archive: Path, name: str, program: str, binary: Path) -> None:
    for old in archive.parent.glob(f"{program}-*.tar"):
        old.unlink(missing_ok=True)
    inside = f"/usr/bin/{program}"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        layer = Path(scratch) / "layer.tar"
        oci.tree_layer(layer, {inside: binary, **libraries(binary)})
        ports = _PORTS.get(program, ())
        oci.write_archive(archive, name, [layer], entrypoint=[inside], exposed=ports)


def libraries(binary: Path) -> dict[str, Path]:
    """The shared libraries that a binary loads, where it looks for them; none for a static one."""
    shown = subprocess.run(["ldd", binary], capture_output=True, text=True)
    return parse_ldd(shown.stdout) if shown.returncode == 0 else {}


def parse_ldd(text: str) -> dict[str, Path]:
    """Absolute paths in what `ldd` prints."""
    return {found: Path(found) for found in re.findall(r"(/\S+) \(0x", text)}


def ctr(cluster: Cluster) -> list[str]:
    """The command line of containerd's client for a cluster's node."""
    socket = f"{cluster.run_dir}/containerd.sock"
    return [str(build.binary("ctr")), "--address", socket, "--namespace", "k8s.io"]


def load(cluster: Cluster, archive: Path) -> list[str]:
    """Put the images of an OCI archive into a node and return their names."""
    if cluster.profile != "node":
        raise Problem(f"Cluster {cluster.name} has no node to put an image into: use profile node.")
    if not archive.is_file():
        raise Problem(f"There is no file {archive}: give an OCI archive, a tar with an index.json.")
    names = archive_names(archive)
    system.run([*ctr(cluster), "images", "import", archive.absolute()])
    return names


def archive_names(archive: Path) -> list[str]:
    """The image names that an OCI archive carries."""
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("index.json")
            index = json.load(member) if member else {}
    except (tarfile.TarError, KeyError, ValueError):
        raise Problem(f"{archive} is no OCI archive: it has no readable index.json.") from None
    notes: list[Mapping[str, str]] = [
        entry.get("annotations", {}) for entry in index.get("manifests", [])
    ]
    return [
        note["io.containerd.image.name"] for note in notes if "io.containerd.image.name" in note
    ]
