"""The end of a cluster: every process, mount, cgroup, namespace, interface and file it made."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import process, state, system
from .problem import Problem
from .wait import until

CGROUPS = Path("/sys/fs/cgroup")


def remove(name: str) -> None:
    """Take away whatever is there of the cluster `name`, in whichever state an `up` or `down` was left."""
    folder = state.folder(name)
    cluster = state.load(name)
    same_boot = cluster is None or cluster.boot == process.boot_id()
    noted = list(cluster.processes.values()) if cluster and same_boot else []
    process.stop([*noted, *process.marked(str(folder))], patience_s=0)
    if cluster and cluster.profile == "node":
        _remove_node(cluster)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise Problem(f"{folder} cannot be removed: run this as the user who made the cluster.")


def _remove_node(cluster: state.Cluster) -> None:
    if os.geteuid() != 0:
        raise Problem("This cluster has a node: run `sudo hack/cluster down`.")
    if cluster.cgroup:
        process.stop(process.of_pids(set(_pids(cluster.cgroup))), patience_s=0)
    unmount(cluster.dir)
    if cluster.run_dir:
        unmount(cluster.run_dir)
        shutil.rmtree(cluster.run_dir, ignore_errors=True)
    if cluster.interface:
        _quietly("ip", "link", "delete", cluster.interface)
    if cluster.netns:
        _quietly("ip", "netns", "delete", cluster.netns)
    _forget_pods(cluster)
    if cluster.cgroup:
        _remove_cgroups(cluster.cgroup)


def cgroup_roots(name: str) -> list[Path]:
    """The folder of cgroup `name` under each hierarchy of this machine, existing or not."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / name]
    return [
        entry / name for entry in sorted(CGROUPS.iterdir()) if (entry / "cgroup.procs").exists()
    ]


def _pids(cgroup: str) -> Iterator[int]:
    for root in cgroup_roots(cgroup):
        for file in root.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                yield from (int(word) for word in file.read_text().split())


def _remove_cgroups(cgroup: str) -> None:
    """Remove the hierarchy from its leaves; the kernel lets go of ended processes a moment later."""

    def gone() -> bool:
        for root in cgroup_roots(cgroup):
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        return not any(root.exists() for root in cgroup_roots(cgroup))

    until(gone, f"end of cgroup {cgroup}", 30)


def mounts_under(folder: Path, table: str) -> list[str]:
    """Mount points at or under `folder`, deepest first, from the text of /proc/self/mounts."""
    points = [line.split()[1].encode().decode("unicode_escape") for line in table.splitlines()]
    inside = [point for point in points if Path(point).is_relative_to(folder)]
    return sorted(inside, key=len, reverse=True)


def unmount(folder: Path) -> None:
    """Unmount everything under a folder, so that removing it cannot reach what was mounted."""
    for point in mounts_under(folder, Path("/proc/self/mounts").read_text()):
        if subprocess.run(["umount", point], capture_output=True).returncode:
            system.run(["umount", "--lazy", point])


def _forget_pods(cluster: state.Cluster) -> None:
    """Remove what the kubelet and CNI note in places of the machine that cannot be configured."""
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and Path(os.readlink(link)).is_relative_to(cluster.dir):
            link.unlink(missing_ok=True)
    for result in Path("/var/lib/cni/results").glob("*"):
        if f'"netns":"{cluster.run_dir}/' in result.read_text(errors="replace"):
            result.unlink(missing_ok=True)


def _quietly(*command: str) -> None:
    subprocess.run(command, capture_output=True)
