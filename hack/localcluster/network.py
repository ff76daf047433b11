"""A network namespace of the node's own, linked to the machine, so that its firewall and ports stay clean."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from . import net, system
from .state import Cluster

_NAMESPACES = Path("/var/run/netns")


def plan(cluster: Cluster) -> None:
    """Choose names and free networks, and note them before anything is made."""
    if cluster.networks:
        return
    used = net.networks_in_use()
    chosen: dict[str, str] = {}
    for what, candidates in (
        ("host", net.host_networks()),
        ("services", net.service_networks()),
        ("pods", net.pod_networks()),
    ):
        network = net.pick(candidates, used)
        used.append(network)
        chosen[what] = str(network)
    cluster.networks = chosen
    cluster.node_ip = net.host(net.Network(chosen["host"]), 2)
    cluster.netns = f"surefoot-{cluster.name}"
    cluster.interface = interface_name(cluster.name)
    cluster.save()


def interface_name(name: str) -> str:
    """The machine's end of the link; the kernel allows 15 characters, a cluster's name may have 40."""
    return "sf-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def make(cluster: Cluster) -> None:
    """See that the namespace, the link and the routes are there; each step may have been done before."""
    namespace, link = cluster.netns or "", cluster.interface or ""
    inside, network = cluster.node_ip or "", net.Network(cluster.networks["host"])
    if not (_NAMESPACES / namespace).exists():
        system.run(["ip", "netns", "add", namespace])
    if subprocess.run(["ip", "link", "show", link], capture_output=True).returncode:
        peer = ["peer", "name", "eth0", "netns", namespace]
        system.run(["ip", "link", "add", link, "type", "veth", *peer])
    outside = net.host(network, 1)
    for words in (
        f"address replace {outside}/24 dev {link}",
        f"link set {link} up",
        f"-n {namespace} link set lo up",
        f"-n {namespace} address replace {inside}/24 dev eth0",
        f"-n {namespace} link set eth0 up",
        f"-n {namespace} route replace default via {outside}",
        f"route replace {cluster.networks['services']} via {inside}",
        f"route replace {cluster.networks['pods']} via {inside}",
    ):
        system.run(["ip", *words.split()])
    _settings(namespace)


def _settings(namespace: str) -> None:
    """Forward between pods and the link; let the firewall see what a bridge carries, as Services need."""
    script = (
        "echo 1 > /proc/sys/net/ipv4/ip_forward;"
        " f=/proc/sys/net/bridge/bridge-nf-call-iptables; test ! -e $f || echo 1 > $f"
    )
    if not Path("/proc/sys/net/bridge").exists():
        subprocess.run(["modprobe", "br_netfilter"], capture_output=True)
    system.run(["nsenter", f"--net={_NAMESPACES / namespace}", "sh", "-c", script])
