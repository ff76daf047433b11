"""Kubernetes' and its add-ons' binaries, built from pinned Go modules into the cache.

Each family of tools has a module of its own under `hack/tools/`, because one module for all of them
would pull versions up; its `tool` directives are the list of what can be built.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import paths, progress, system, toolchain
from .problem import Problem

API = ("etcd", "kube-apiserver", "kubectl")
NODE = (
    *API,
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "bridge",
    "loopback",
    "host-local",
    "portmap",
    "pause",
    "coredns",
    "contour",
    "prometheus",
    "envoy",
)

_RENAMED = {"go.etcd.io/etcd/server/v3": "etcd"}
# Without these a program reports a development version, which clients take for an ancient one.
_STAMPS = {
    "kubernetes": (
        "k8s.io/component-base/version.gitVersion={version}",
        "k8s.io/component-base/version.gitMajor={major}",
        "k8s.io/component-base/version.gitMinor={minor}",
    ),
    "helm": ("helm.sh/helm/v4/internal/version.version={version}",),
    "contour": ("github.com/projectcontour/contour/internal/build.Version={version}",),
    "containerd": ("github.com/containerd/containerd/v2/version.Version={version}",),
    "prometheus": ("github.com/prometheus/common/version.Version={release}",),
}


@dataclass(frozen=True)
class Family:
    """One Go module under `hack/tools/`: what it builds (`{binary: package}`) and where to."""

    name: str
    packages: dict[str, str]
    version: str
    home: Path

    @property
    def source(self) -> Path:
        return paths.TOOLS / self.name

    @property
    def ldflags(self) -> str:
        major, minor, *_ = [*self.version.lstrip("v").split("."), "", ""]
        # Prometheus's module v0.305.1 is its release 3.5.1.
        release = re.sub(r"^v0\.(\d)0?(\d+)\.", r"\1.\2.", self.version)
        values = {"version": self.version, "release": release, "major": major, "minor": minor}
        stamps = [f"-X {stamp.format(**values)}" for stamp in _STAMPS.get(self.name, ())]
        return " ".join(["-s", "-w", *stamps])


@cache
def families() -> tuple[Family, ...]:
    """All families, as their `go.mod` files describe them."""
    return tuple(_family(file.parent) for file in sorted(paths.TOOLS.glob("*/go.mod")))


def _family(folder: Path) -> Family:
    packages = parse_tools((folder / "go.mod").read_text())
    version = parse_version((folder / "go.mod").read_text(), packages.values())
    home = paths.cache_root() / "bin" / f"{folder.name}-{key(folder)}"
    return Family(folder.name, packages, version, home)


def parse_tools(text: str) -> dict[str, str]:
    """`{binary: package}` from a go.mod's `tool` directives."""
    blocks = re.findall(r"^tool \(\n(.*?)^\)", text, re.MULTILINE | re.DOTALL)
    packages = re.findall(r"^tool (?!\()(\S+)", text, re.MULTILINE)
    packages += [word for block in blocks for word in block.split()]
    return {_RENAMED.get(package, package.rpartition("/")[2]): package for package in packages}


def parse_version(text: str, packages: Iterable[str]) -> str:
    """The version at which a go.mod requires the module of `packages`."""
    required = re.findall(r"^(?:require|\t)\s*(\S+) (v\S+)", text, re.MULTILINE)
    return next(
        (
            version
            for module, version in required
            if any(f"{package}/".startswith(f"{module}/") for package in packages)
        ),
        "v0.0.0",
    )


def key(folder: Path) -> str:
    """Digest of what decides a family's binaries: pins, own sources, stamps and the machine."""
    machine = f"{platform.system()}/{platform.machine()}"
    digest = hashlib.sha256(f"{machine}/{_STAMPS.get(folder.name)}".encode())
    for file in sorted([*folder.glob("go.*"), *folder.glob("*.go")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def names() -> list[str]:
    """Every binary that `binary` knows."""
    return sorted(["envoy", *(name for family in families() for name in family.packages)])


def version(name: str) -> str:
    """The pinned version of a binary, with its `v`."""
    if name == "envoy":
        pin = (paths.TOOLS / "envoy" / "requirements.txt").read_text()
        return "v" + pin.partition("==")[2].split()[0]
    return _owner(name).version


def asset(name: str) -> Path:
    """A binary of the `api` profile: that in KUBEBUILDER_ASSETS where one is, else our own."""
    return given(name) or binary(name)


def given(name: str) -> Path | None:
    """The binary in the folder that KUBEBUILDER_ASSETS names, if it is there."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    path = Path(folder) / name if folder else None
    return path if path and path.is_file() else None


def binary(name: str) -> Path:
    """Path of a binary, which is built first when it is not in the cache yet."""
    if name == "envoy":
        return toolchain.wheel("envoy") / "envoy" / "_bin" / "envoy"
    family = _owner(name)
    target = family.home / name
    if not target.exists():
        with progress.lock(f"build-{family.name}", f"it builds {family.name}"):
            if not target.exists():
                _build(family, name)
    return target


def _owner(name: str) -> Family:
    for family in families():
        if name in family.packages:
            return family
    raise Problem(f"There is no tool {name!r}; there are {', '.join(names())}.")


def _build(family: Family, name: str) -> None:
    """Compile under a temporary name: an interrupted build leaves nothing that looks finished."""
    family.home.mkdir(parents=True, exist_ok=True)
    partial = family.home / f".{name}.partial"
    environment = toolchain.go_environment()
    with progress.step(f"build {name} {family.version}"):
        options = ["-trimpath", "-ldflags", family.ldflags, "-o", str(partial)]
        command = [str(toolchain.go()), "build", *options, family.packages[name]]
        system.run(command, cwd=family.source, env=environment)
    partial.rename(family.home / name)


def module_files(family_name: str, module: str, inside: str) -> Path:
    """A copy of the file or folder `inside` of a module that a family requires.

    Copied beside the binaries, because the module cache may be cleaned at any time.
    """
    family = next(family for family in families() if family.name == family_name)
    target = family.home / "modules" / module / inside
    if target.exists():
        return target
    environment = toolchain.go_environment()
    list_dir: list[str | Path] = [toolchain.go(), "list", "-m", "-f", "{{.Dir}}", module]
    system.run([toolchain.go(), "mod", "download", module], cwd=family.source, env=environment)
    source = Path(system.run(list_dir, cwd=family.source, env=environment).strip()) / inside
    partial = target.with_name(target.name + f".partial{os.getpid()}")
    partial.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, partial, copy_function=shutil.copyfile)
        partial.chmod(0o755)
    else:
        shutil.copyfile(source, partial)
    partial.rename(target)
    return target


def missing(wanted: Iterable[str]) -> list[str]:
    """Those of the binaries that `binary` would have to build now."""
    return [name for name in wanted if name != "envoy" and not (_owner(name).home / name).exists()]
