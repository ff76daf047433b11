"""What this needs from the operating system, and how it gets it: commands, packages, root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import progress
from .problem import Problem

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> str:
    """Standard output of a command; a failure is a `Problem` with the command's last words."""
    words = [str(word) for word in command]
    full = {**os.environ, **(env or {})}
    done = subprocess.run(words, input=stdin, env=full, cwd=cwd, capture_output=True, text=True)
    if check and done.returncode:
        last = " | ".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise Problem(f"`{' '.join(words)[:300]}` failed: {last}")
    return done.stdout


def find(command: str) -> Path | None:
    """Where a command lies; the folders of administrative commands count even if not in PATH."""
    search = os.pathsep.join([os.environ.get("PATH", ""), *_SBIN])
    found = shutil.which(command, path=search)
    return Path(found) if found else None


def require(packages: Mapping[str, str]) -> None:
    """See that commands exist (`{command: Debian package}`), by installing what is missing."""
    wanted = sorted({package for command, package in packages.items() if find(command) is None})
    if not wanted:
        return
    words = " ".join(wanted)
    if os.geteuid() != 0 or find("apt-get") is None:
        raise Problem(f"Missing system packages: install them with `sudo apt-get install {words}`.")
    with progress.step(f"install system packages {words}"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted]
        try:
            run(install, env=quiet)
        except Problem:
            run(["apt-get", "update", "-q"], env=quiet, check=False)
            run(install, env=quiet)


def require_root_on_linux() -> None:
    """A node needs namespaces, cgroups and mounts, which only Linux's root may make."""
    if sys.platform != "linux":
        raise Problem(
            "A node needs Linux: run this on Linux, or use `hack/cluster up --profile api`."
        )
    if os.geteuid() != 0:
        raise Problem(
            "A node needs root: run `sudo hack/cluster up`, or `hack/cluster up --profile api`,"
            " which needs none."
        )
