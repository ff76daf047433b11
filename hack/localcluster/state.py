"""What is known about one cluster, kept in its folder so that any later command can go on from it."""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from . import paths
from .problem import Problem
from .process import Process, boot_id

Profile = Literal["api", "node"]
_CHANGING = threading.Lock()
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass
class Cluster:
    """One cluster: where it is, how to reach it, and everything that `down` has to take away."""

    name: str
    profile: Profile
    dir: Path
    kubeconfig: Path
    tokens: dict[str, str]
    boot: str
    phase: str = "Starting"
    server: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    audit_log: Path | None = None
    scrape_interval: str = "5s"
    netns: str | None = None
    interface: str | None = None
    cgroup: str | None = None
    run_dir: Path | None = None
    networks: dict[str, str] = field(default_factory=dict)
    node_ip: str | None = None
    gateway: str | None = None
    prometheus: str | None = None

    @property
    def ca(self) -> Path:
        return self.dir / "pki" / "ca.crt"

    @property
    def logs(self) -> Path:
        return self.dir / "logs"

    @property
    def mark(self) -> str:
        """What the environment of every process of this cluster carries."""
        return str(self.dir)

    def running(self) -> dict[str, bool]:
        """For each daemon, whether it is alive."""
        same = self.boot == boot_id()
        return {name: same and daemon.alive() for name, daemon in self.processes.items()}

    def note(self, daemon: str, process: Process) -> None:
        """Add a daemon that was just started; several threads may do so at once."""
        with _CHANGING:
            self.processes[daemon] = process
        self.save()

    def save(self) -> None:
        """Write the state so that a reader never sees half of it."""
        with _CHANGING:
            self.dir.mkdir(parents=True, exist_ok=True)
            partial = self.dir / ".state.partial"
            partial.touch(mode=0o600)
            partial.write_text(json.dumps(asdict(self), indent=2, default=str) + "\n")
            os.replace(partial, self.dir / "state.json")


def folder(name: str) -> Path:
    """The folder of the cluster `name`."""
    if not _NAME.fullmatch(name):
        raise Problem(
            f"{name!r} is no cluster name: use at most 40 lower-case letters, digits and dashes."
        )
    return paths.clusters_root() / name


def load(name: str) -> Cluster | None:
    """The cluster `name`, or None when there is none."""
    return read(folder(name) / "state.json")


def read(file: Path) -> Cluster | None:
    """The cluster that a state file describes, or None when there is no such file."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    known = {key: value for key, value in found.items() if key in Cluster.__dataclass_fields__}
    for key in ("dir", "kubeconfig", "audit_log", "run_dir"):
        known[key] = Path(known[key]) if known.get(key) else None
    known["processes"] = {name: Process(**raw) for name, raw in known["processes"].items()}
    return Cluster(**known)


def write_if_changed(path: Path, text: str) -> None:
    """Leave a file alone that says this already: daemons watch theirs, and kube-proxy ends on a write."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)


def all_names() -> list[str]:
    """The names of all clusters that have a folder here, whole or broken."""
    root = paths.clusters_root()
    return sorted(entry.name for entry in root.iterdir()) if root.is_dir() else []
