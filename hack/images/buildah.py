"""buildah, confined to one folder: builds Containerfiles without a daemon, a registry or user namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_INSTALL = (
    "buildah is missing: install it (Debian: apt-get install buildah), or build the same image "
    "with a container engine: docker build -t surefoot.local/surefoot:dev ."
)


class Buildah:
    """One store of images under `home`; nothing is read from or written to the system's own."""

    def __init__(self, home: Path) -> None:
        _require()
        home.mkdir(parents=True, exist_ok=True)
        self._policy = home / "policy.json"
        self._policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}\n')
        self._pip = home / "pip.conf"
        self._pip.write_text(_pip_settings())
        self._scratch = home / "tmp"
        self._scratch.mkdir(exist_ok=True)
        driver = _driver(home)
        self._store = ("--root", home / f"store-{driver}", "--runroot", home / f"run-{driver}")
        self._driver = ("--storage-driver", driver)

    def build(
        self,
        name: str,
        containerfile: Path,
        context: Path,
        args: Mapping[str, str] | None = None,
        target: str | None = None,
    ) -> None:
        """Builds `name`, or one stage; unchanged steps come from the store. All times are 1970's."""
        arguments = [f"--build-arg={key}={value}" for key, value in (args or {}).items()]
        self._run(
            "build",
            "--isolation=chroot",
            "--layers",
            "--force-rm",
            "--pull-never",
            "--timestamp=0",
            f"--volume={self._pip}:/etc/pip.conf:ro",
            f"--signature-policy={self._policy}",
            *arguments,
            *([f"--target={target}"] if target else []),
            "--tag",
            name,
            "--file",
            containerfile,
            context,
        )

    def export(self, name: str, folder: Path) -> None:
        """Writes the image as an OCI layout, its layers compressed, into an empty folder."""
        self._run("push", f"--signature-policy={self._policy}", name, f"oci:{folder}:{name}")

    def tidy(self) -> None:
        """Forgets what failed builds and earlier builds of the same names left behind."""
        self._run("rm", "--all")
        self._run("rmi", "--prune")

    def _run(self, verb: str, *rest: str | Path) -> None:
        buildah = ["buildah", *map(str, self._store), *self._driver, verb, *map(str, rest)]
        command = [*_own_mounts(), *buildah]
        environment = {**os.environ, "TMPDIR": str(self._scratch)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"buildah {verb} failed:\n{_tail(done.stdout)}{_tail(done.stderr)}")


def _own_mounts() -> list[str]:
    """A mount namespace: what a build mounts is gone with it, also when it was killed."""
    unshare = shutil.which("unshare")
    return [unshare, "--mount"] if unshare and os.geteuid() == 0 else []


def _tail(text: str, lines: int = 30) -> str:
    return "".join(text.splitlines(keepends=True)[-lines:])


def _require() -> None:
    """Installs buildah where that is allowed, else says what to do."""
    if shutil.which("buildah"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing buildah …", file=sys.stderr, flush=True)
        subprocess.run(["apt-get", "update", "-q"], capture_output=True, check=False)
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "buildah"]
        subprocess.run(install, capture_output=True, check=False)
    if not shutil.which("buildah"):
        sys.exit(_INSTALL)


def _driver(folder: Path) -> str:
    """`overlay` shares layers; it cannot lie on another overlay, as in a container: `vfs` can."""
    kind = subprocess.run(
        ["stat", "--file-system", "--format=%T", folder], capture_output=True, text=True
    ).stdout.strip()
    native = os.geteuid() == 0 and kind not in {"overlayfs", "tmpfs", "nfs", "fuseblk"}
    return "overlay" if native and _has_overlay() else "vfs"


def _has_overlay() -> bool:
    known = Path("/proc/filesystems")
    return known.exists() and "\toverlay\n" in known.read_text()


def _pip_settings() -> str:
    """Lets pip in a build stage ask the same index as pip here, and trust what this system trusts."""
    lines = ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt", "no-cache-dir = true"]
    lines += [
        f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {os.environ[name]}"
        for name in ("PIP_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
        if os.environ.get(name)
    ]
    return "\n".join(lines) + "\n"
