"""Clusters as a whole: bring one up, take it down, say how it is."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

from . import access, build, controlplane, node, process, progress, state, system, teardown
from .problem import Problem
from .state import Cluster, Profile

DEFAULT_NAME = "surefoot"


def up(
    profile: Profile = "api",
    name: str = DEFAULT_NAME,
    *,
    audit: bool = False,
    scrape_interval: str | None = None,
) -> Cluster:
    """See that the cluster `name` runs and is ready; what already runs is left as it is.

    `api` is etcd and the API server (no root needed), `node` a whole cluster with pods (Linux, root).
    `audit` writes one JSON line for each request to `Cluster.audit_log`. `scrape_interval` is Prometheus's
    (`node` only; by default 5 s, or what the cluster has already). Raises `Problem` when something outside has to be put right first.
    """
    state.folder(name)
    if profile == "node":
        system.require_root_on_linux()
    _build(profile)
    with _lock(name):
        found = _usable(name, profile)
        cluster = found or _new(name, profile, audit)
        if audit and cluster.audit_log is None:
            raise Problem(
                f"Cluster {name} runs without an audit log: `hack/cluster down` it first."
            )
        cluster.scrape_interval = scrape_interval or cluster.scrape_interval
        if profile == "node":
            node.start(cluster)
        else:
            controlplane.start(cluster, "127.0.0.1")
        cluster.phase = "Ready"
        cluster.save()
    return cluster


def down(name: str = DEFAULT_NAME) -> bool:
    """Take the cluster `name` away with everything it left; False when there is none."""
    folder = state.folder(name)
    with _lock(name):
        if not folder.exists():
            return False
        teardown.remove(name)
    return True


def load(name: str) -> Cluster:
    """The cluster `name`, running or not. Raises `Problem` when there is none."""
    found = state.load(name)
    if found is None:
        raise Problem(f"There is no cluster {name}: run `hack/cluster up` first.")
    return found


def status(cluster: Cluster) -> dict[str, Any]:
    """How a cluster is, as `hack/cluster status -o json` prints it."""
    running = cluster.running()
    ready = all(running.values()) and access.get(cluster, "/readyz") is not None
    return {
        "name": cluster.name,
        "profile": cluster.profile,
        "ready": ready and cluster.phase == "Ready",
        "server": cluster.server,
        "kubeconfig": str(cluster.kubeconfig),
        "gateway": cluster.gateway,
        "prometheus": cluster.prometheus,
        "nodeAddress": cluster.node_ip,
        "networks": cluster.networks,
        "auditLog": str(cluster.audit_log) if cluster.audit_log else None,
        "logs": str(cluster.logs),
        "daemons": {
            daemon: {"pid": cluster.processes[daemon].pid, "running": alive}
            for daemon, alive in running.items()
        },
        "pods": node.pods(cluster) if ready and cluster.profile == "node" else [],
    }


def _lock(name: str) -> AbstractContextManager[None]:
    state.folder(name)
    return progress.lock(f"cluster-{name}", f"it changes cluster {name}")


def _build(profile: Profile) -> None:
    wanted: tuple[str, ...] = build.NODE
    if profile == "api":
        wanted = tuple(each for each in build.API if not build.given(each))
    if build.missing(wanted):
        progress.say("building what is not in the cache yet (everything: about 12 minutes, once)")
    for each in wanted:
        build.binary(each)


def _usable(name: str, profile: Profile) -> Cluster | None:
    """The cluster that is there, if it can be gone on with; remains of another boot are removed."""
    found = state.load(name)
    if found is None or found.boot != process.boot_id() or not found.processes:
        if state.folder(name).exists():
            teardown.remove(name)
        return None
    if found.profile != profile:
        raise Problem(
            f"Cluster {name} runs with profile {found.profile}: `hack/cluster down --name {name}`"
            " first, or give another --name."
        )
    return found


def _new(name: str, profile: Profile, audit: bool) -> Cluster:
    folder = state.folder(name)
    cluster = Cluster(
        name=name,
        profile=profile,
        dir=folder,
        kubeconfig=folder / "kubeconfig",
        tokens=access.new_tokens(name if profile == "node" else None),
        boot=process.boot_id(),
        audit_log=folder / "audit.jsonl" if audit else None,
    )
    cluster.save()
    os.chmod(folder, 0o700)
    return cluster
