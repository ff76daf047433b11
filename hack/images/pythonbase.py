"""A container base image out of the running Python: what `python:3.11-slim` is to the world."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from localcluster.oci import tree_layer

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PREFIX = "usr/local"
NONROOT = 65532

# Parts of the standard library that no server needs; pip needs none of them either.
_UNWANTED = {
    "__pycache__",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "ensurepip",
    "turtledemo",
    "turtle.py",
    "lib2to3",
    "pydoc_data",
}
_UNWANTED_PREFIXES = ("config-", "_test", "_tkinter", "_ctypes_test", "xxlimited", "_xxtest")
_LAZY = r"/kubernetes/(aio/)?client/(api|models)/"
_LDD_LINE = re.compile(r"^\s*(?:(?P<name>\S+) => )?(?P<path>/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
# What wheels may expect of any system (PEP 600), and what names are resolved with before glibc 2.34.
_EXPECTED = (
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libnss_dns.so.2",
    "libnss_files.so.2",
)
_PASSWD = (
    "root:x:0:0:root:/root:/sbin/nologin\n"
    f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/tmp:/sbin/nologin\n"
)
_GROUP = f"root:x:0:\nnonroot:x:{NONROOT}:\n"


def base_layers(workdir: Path, site_packages: Path | None, *, pip: bool = False) -> list[Path]:
    """Tar layers of this Python (and of `site_packages`), the same bytes for the same input.

    Python stands in `/usr/local`, as in the official images; packages, and pip when asked for, in
    its `site-packages`. The layers are written into `workdir`.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workdir) as scratch:
        python, packages = Path(scratch, "python"), Path(scratch, "packages")
        _stage_python(python)
        extra = [site_packages] if site_packages else []
        _stage_libraries(python, [python, *extra])
        _stage_system(python)
        if pip:
            _stage_pip(_site(python))
        _strip(python)
        precompile(python)
        layers = [_layer(workdir / "python.tar", python)]
        if site_packages:
            copy_tree(site_packages, _site(packages), drop=("__pycache__",))
            precompile(packages)
            layers.append(_layer(workdir / "site-packages.tar", packages))
    return layers


def copy_tree(source: Path, target: Path, drop: Iterable[str] = ()) -> None:
    """Copies a folder, following no symbolic link, without the names in `drop`."""
    unwanted = frozenset(drop)
    shutil.copytree(
        source,
        target,
        symlinks=True,
        dirs_exist_ok=True,
        ignore=lambda _, names: [name for name in names if name in unwanted],
    )


def precompile(root: Path) -> None:
    """Compiles the modules below `root`, under the names that they have in the image.

    A read-only root file system cannot keep what Python compiles at start. `unchecked-hash` and a
    fixed seed make the result the same each time. The thousands of lazily imported modules of the
    Kubernetes client stay source: they would add 50 MB.
    """
    options = ("--invalidation-mode", "unchecked-hash", "-x", _LAZY, "-s", str(root), "-p", "/")
    # Templates, and modules for other versions of Python, do not compile; none is ever imported.
    subprocess.run(
        [str(_interpreter()), "-m", "compileall", "-qq", *options, str(root)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=False,
    )


def _layer(path: Path, root: Path) -> Path:
    tree_layer(path, {"/": root})
    return path


def _site(root: Path) -> Path:
    return root / PREFIX / "lib" / f"python{VERSION}" / "site-packages"


def _unwanted(_: str, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if name in _UNWANTED or name.startswith(_UNWANTED_PREFIXES) or name.endswith(".a")
    ]


def _interpreter() -> Path:
    """The real interpreter, also when this runs in a virtual environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Path(base).resolve()


def _stage_python(root: Path) -> None:
    binaries = root / PREFIX / "bin"
    binaries.mkdir(parents=True)
    shutil.copyfile(_interpreter(), binaries / f"python{VERSION}")
    (binaries / f"python{VERSION}").chmod(0o755)
    for name in ("python", "python3"):
        (binaries / name).symlink_to(f"python{VERSION}")
    library = root / PREFIX / "lib" / f"python{VERSION}"
    # Links are followed: distributions link single modules into other folders.
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=_unwanted)
    (library / "site-packages").mkdir()
    # Debian's Python looks for `dist-packages`; everybody else's for `site-packages`.
    (library / "dist-packages").symlink_to("site-packages")


def _shared_objects(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            is_library = path.name.endswith(".so") or ".so." in path.name
            if path.is_file() and not path.is_symlink() and is_library:
                yield path


def _needed(binaries: Iterable[Path]) -> dict[str, Path]:
    """Name the loader asks for, and the file that answers here, over all `binaries`."""
    found: dict[str, Path] = {}
    for binary in binaries:
        listing = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
        for match in _LDD_LINE.finditer(listing.stdout):
            path = match["path"]
            found.setdefault(match["name"] or path, Path(path))
    return found


def _stage_libraries(root: Path, folders: list[Path]) -> None:
    """Puts every library beside libc: the one folder that the loader searches on any system."""
    own = [folder.resolve() for folder in folders]
    needed = _needed([_interpreter(), *_shared_objects(folders)])
    libc = next((path for name, path in needed.items() if name.startswith("libc.so")), None)
    if libc is None:
        sys.exit("ldd names no libc for this Python: a dynamically linked Python is needed.")
    for name in _EXPECTED:
        beside = libc.parent / name
        if beside.exists():
            needed.setdefault(name, beside)
    for name, path in sorted(needed.items()):
        if any(path.resolve().is_relative_to(folder) for folder in own):
            continue  # bundled in a wheel, found relative to it
        is_loader = name.startswith("/")
        target = root / (name.lstrip("/") if is_loader else libc.parent.relative_to("/") / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path.resolve(), target)
        target.chmod(0o755)


def _strip(root: Path) -> None:
    """Takes the debugging symbols out, which are half of a Python that was built from source."""
    tool = shutil.which("strip")
    if tool:
        binaries = [root / PREFIX / "bin" / f"python{VERSION}", *_shared_objects([root])]
        subprocess.run([tool, "--strip-debug", *map(str, binaries)], check=True)


def _stage_system(root: Path) -> None:
    etc = root / "etc"
    etc.mkdir()
    (etc / "passwd").write_text(_PASSWD)
    (etc / "group").write_text(_GROUP)
    (etc / "nsswitch.conf").write_text("hosts: files dns\n")
    bundle = etc / "ssl" / "certs" / "ca-certificates.crt"
    bundle.parent.mkdir(parents=True)
    shutil.copyfile(_certificates(), bundle)
    (root / "usr" / "lib" / "ssl").mkdir(parents=True)
    for name, target in (("cert.pem", "certs/ca-certificates.crt"), ("certs", "certs")):
        (root / "usr" / "lib" / "ssl" / name).symlink_to(f"../../../etc/ssl/{target}")
    for name in ("tmp", "var/tmp"):
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o1777)


def _certificates() -> Path:
    """The certificate authorities that this system trusts."""
    known = (
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    )
    for name in known:
        if Path(name).is_file():
            return Path(name)
    return sys.exit("No certificate authorities found: install the package ca-certificates.")


def _stage_pip(site: Path) -> None:
    """pip as `venv` brings it: from the standard library, nothing is downloaded."""
    with tempfile.TemporaryDirectory() as scratch:
        made = subprocess.run(
            [str(_interpreter()), "-m", "venv", scratch], capture_output=True, text=True
        )
        if made.returncode:
            sys.exit(f"Python's venv module is missing: install python3-venv.\n{made.stdout}")
        packages = Path(scratch, "lib", f"python{VERSION}", "site-packages")
        for path in sorted(packages.glob("pip*")):
            # RECORD names the files of this very environment.
            copy_tree(path, site / path.name, drop=("__pycache__", "RECORD"))
