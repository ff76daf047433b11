"""The project's virtual environment: made from the hashed locks, kept current, found again in a second."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
_INPUTS = ("pyproject.toml", "requirements-dev.lock", "hack/bootstrap.lock")


def cache_root() -> Path:
    """Where everything that is built or downloaded is kept between runs."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "surefoot"
    return Path(os.environ.get("SUREFOOT_CACHE", default))


def _digest() -> str:
    text = b"".join((ROOT / name).read_bytes() for name in _INPUTS)
    return hashlib.sha256(text + str(VENV).encode() + sys.version.encode()).hexdigest()


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(
            f"cannot set up the Python environment: {' '.join(map(str, command))}\n{done.stderr}"
        )


def _make_venv(target: Path) -> None:
    """Debian splits `venv` from its Python: install it when that is allowed, else say so."""
    shutil.rmtree(target, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", target], capture_output=True).returncode == 0:
        return None
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], capture_output=True, check=False)
        _run("apt-get", "install", "-y", "-q", "python3-venv")
        return _run(sys.executable, "-m", "venv", target)
    sys.exit(
        "Python's venv module is missing: install the package python3-venv and run this again."
    )


def _uv() -> Path:
    """The pinned installer, itself installed once with hashes."""
    lock = ROOT / "hack" / "bootstrap.lock"
    home = cache_root() / f"uv-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    uv = home / "bin" / "uv"
    if not uv.exists():
        _make_venv(home)
        _run(home / "bin" / "pip", "install", "-q", "--require-hashes", "-r", lock)
    return uv


def ensure() -> Path:
    """Path of the environment's Python, after making or updating it when a lock has changed."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this runs before the right Python is found)
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    python, stamp = VENV / "bin" / "python", VENV / ".surefoot-digest"
    if python.exists() and stamp.exists() and stamp.read_text() == _digest():
        return python
    print("setting up the Python environment in .venv …", file=sys.stderr, flush=True)
    uv = _uv()
    _run(uv, "venv", "-q", "--clear", "--python", sys.executable, VENV)
    lock = ROOT / "requirements-dev.lock"
    _run(uv, "pip", "sync", "-q", "--require-hashes", "--python", python, lock)
    _run(
        uv,
        "pip",
        "install",
        "-q",
        "--python",
        python,
        "--no-deps",
        "--no-build-isolation",
        "-e",
        ROOT,
    )
    stamp.write_text(_digest())
    return python


def reexec() -> None:
    """Continue the running script under the environment's Python (no-op when already there)."""
    python = ensure()
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.environ["VIRTUAL_ENV"] = str(VENV)
        os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    print(ensure())
