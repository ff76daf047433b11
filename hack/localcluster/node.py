"""A whole cluster on this machine: one node that runs pods, and the add-ons that come with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import access, addons, controlplane, daemons, images, network, progress, system
from .state import Cluster
from .teardown import cgroup_roots
from .wait import until

_PACKAGES = {
    "runc": "runc",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
}


def start(cluster: Cluster) -> None:
    """See that everything runs and is Ready; what is there already is left as it is."""
    system.require(_PACKAGES)
    archives = [images.addon(program) for program in images.ADDONS]
    with progress.lock("networks", "it picks free networks"):
        network.plan(cluster)
        network.make(cluster)
    _claim(cluster)
    with progress.step("start the control plane and load images"), ThreadPoolExecutor() as pool:
        loaded = pool.submit(_start_runtime, cluster, archives)
        controlplane.start(cluster, cluster.node_ip or "", cluster.name)
        loaded.result()
    with progress.step("start the node and its add-ons"):
        daemons.start_node(cluster)
        addons.apply(cluster)
    with progress.step("wait until everything is Ready"):
        _wait(cluster)


def _claim(cluster: Cluster) -> None:
    """Note and make the folders and cgroups outside the cluster's own folder."""
    cluster.run_dir = Path("/run/surefoot") / cluster.name
    cluster.cgroup = f"surefoot-{cluster.name}"
    cluster.save()
    cluster.run_dir.mkdir(parents=True, exist_ok=True)
    for root in cgroup_roots(cluster.cgroup):
        _enable_controllers(root.parent)
        root.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # A new cpuset of cgroup v1 is empty, and no process may enter it.
            if (root / setting).exists() and not (root / setting).read_text().strip():
                inherited = (root.parent / setting).read_text().strip()
                if inherited:
                    (root / setting).write_text(inherited)


def _enable_controllers(root: Path) -> None:
    """Hand the controllers of cgroup v2 down, as far as this machine allows."""
    if not (root / "cgroup.controllers").exists():
        return
    for controller in (root / "cgroup.controllers").read_text().split():
        try:
            (root / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue


def _start_runtime(cluster: Cluster, archives: list[images.Image]) -> None:
    daemons.start_containerd(cluster)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for done in [pool.submit(images.load, cluster, image.archive) for image in archives]:
            done.result()


def pods(cluster: Cluster) -> list[dict[str, str]]:
    """Namespace, name and state of every pod, as a person wants to see them."""
    answer = access.get_json(cluster, "/api/v1/pods") or {"items": []}
    return [
        {
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "state": pod_state(pod),
        }
        for pod in answer["items"]
    ]


def pod_state(pod: dict[str, Any]) -> str:
    """`Ready`, or the nearest reason why not."""
    status = pod.get("status", {})
    if condition(status, "Ready"):
        return "Ready"
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", "Waiting"))
    return str(status.get("phase", "Pending"))


def condition(status: dict[str, Any], kind: str) -> bool:
    """Whether a Kubernetes status has the condition `kind` with status True."""
    conditions = status.get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _wait(cluster: Cluster) -> None:
    """Wait for the node, the add-ons' pods, the Gateway, and Prometheus's answer on the machine."""

    def node_ready() -> bool:
        node = access.get_json(cluster, f"/api/v1/nodes/{cluster.name}")
        return node is not None and condition(node["status"], "Ready")

    def pods_ready() -> bool:
        ready = [f"{p['namespace']}/{p['name']}" for p in pods(cluster) if p["state"] == "Ready"]
        return all(any(name.startswith(pod) for name in ready) for pod in addons.PODS)

    def why() -> str:
        states = [f"{p['namespace']}/{p['name']} {p['state']}" for p in pods(cluster)]
        dead = [name for name, alive in cluster.running().items() if not alive]
        died = f"; ended: {controlplane.failure(cluster, dead)}" if dead else ""
        return f"pods: {', '.join(states) or 'none'}{died} (logs in {cluster.logs})"

    steps: list[tuple[str, Callable[[], bool]]] = [
        ("Ready node", node_ready),
        ("Ready pods of the add-ons", pods_ready),
        ("Programmed Gateway", lambda: addons.gateway_programmed(cluster)),
        ("answer of Prometheus", lambda: addons.prometheus_answers(cluster)),
    ]
    for what, met in steps:
        until(met, what, 240, every_s=0.25, why=why)
