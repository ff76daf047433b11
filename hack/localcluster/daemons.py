"""The daemons that make a machine a node, each with its configuration file."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from string import Template

from . import access, build, images, net, paths
from .controlplane import daemon, failure
from .state import Cluster, write_if_changed
from .wait import until


def start_containerd(cluster: Cluster) -> None:
    """See that the container runtime runs and answers."""
    config = cluster.dir / "containerd.toml"
    template = Template((paths.MANIFESTS / "containerd.toml").read_text())
    text = template.substitute(
        root=cluster.dir / "containerd",
        run=cluster.run_dir,
        cni_bin=build.binary("bridge").parent,
        cni_conf=_cni(cluster),
        pause=images.addon("pause").name,
    )
    write_if_changed(config, text)
    containerd = build.binary("containerd")
    # containerd looks its shim and runc up in PATH.
    search = f"{containerd.parent}:/usr/local/sbin:/usr/sbin:/sbin:{os.environ.get('PATH', '')}"
    daemon(cluster, "containerd", [containerd, "--config", config], {"PATH": search})

    def answers() -> bool:
        done = subprocess.run([*images.ctr(cluster), "version"], capture_output=True)
        return done.returncode == 0

    until(answers, "answer of containerd", 60, why=lambda: failure(cluster, ["containerd"]))


def _cni(cluster: Cluster) -> Path:
    """How pods get their interface and address."""
    folder = cluster.dir / "cni"
    folder.mkdir(exist_ok=True)
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": cluster.networks["pods"]}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(cluster.dir / "ipam"),
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    plugins = [{**bridge, "ipam": ipam}, ports]
    config = {"cniVersion": "1.0.0", "name": f"surefoot-{cluster.name}", "plugins": plugins}
    _write(folder / "10-surefoot.conflist", config)
    return folder


def start_node(cluster: Cluster) -> None:
    """See that the controllers, the scheduler, the kubelet and the service proxy run."""
    at = cluster.dir / "kubeconfigs"
    for user in ("controller-manager", "scheduler", "kubelet", "kube-proxy"):
        access.write_kubeconfig(at / user, cluster, user)
    daemon(
        cluster,
        "kube-controller-manager",
        [
            build.binary("kube-controller-manager"),
            f"--kubeconfig={at / 'controller-manager'}",
            f"--service-account-private-key-file={cluster.dir / 'pki' / 'sa.key'}",
            f"--root-ca-file={cluster.ca}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
        ],
    )
    scheduler = [f"--kubeconfig={at / 'scheduler'}", "--leader-elect=false"]
    daemon(cluster, "kube-scheduler", [build.binary("kube-scheduler"), *scheduler])
    daemon(
        cluster,
        "kubelet",
        [
            build.binary("kubelet"),
            f"--config={_kubelet(cluster)}",
            f"--kubeconfig={at / 'kubelet'}",
            f"--root-dir={cluster.dir / 'kubelet'}",
            f"--cert-dir={cluster.dir / 'kubelet-pki'}",
            f"--hostname-override={cluster.name}",
            f"--node-ip={cluster.node_ip}",
        ],
    )
    proxy: list[str | Path] = [
        build.binary("kube-proxy"),
        f"--config={_proxy(cluster, at / 'kube-proxy')}",
    ]
    daemon(cluster, "kube-proxy", proxy)


def _kubelet(cluster: Cluster) -> Path:
    """A kubelet that leaves the machine's memory, swap and firewall alone and restarts pods soon."""
    resolver = cluster.dir / "resolv.conf"
    write_if_changed(resolver, "")
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"webhook": {"enabled": True}, "x509": {"clientCAFile": str(cluster.ca)}},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cluster.cgroup}",
        "clusterDNS": [dns_address(cluster)],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{cluster.run_dir}/containerd.sock",
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "50Mi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(cluster.dir / "pods"),
        "registerNode": True,
        "resolvConf": str(resolver),
        "volumePluginDir": str(cluster.dir / "volume-plugins"),
    }
    return _write(cluster.dir / "kubelet.json", config)


def _proxy(cluster: Cluster, kubeconfig: Path) -> Path:
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": cluster.networks["pods"],
        "conntrack": {"maxPerCore": 0, "min": 0},
        "hostnameOverride": cluster.name,
        "mode": "nftables",
        "nftables": {"minSyncPeriod": "200ms", "syncPeriod": "30s"},
    }
    return _write(cluster.dir / "kube-proxy.json", config)


def dns_address(cluster: Cluster) -> str:
    """The ClusterIP of the cluster's DNS."""
    return net.host(net.Network(cluster.networks["services"]), 10)


def _write(path: Path, config: Mapping[str, object]) -> Path:
    write_if_changed(path, json.dumps(config, indent=2) + "\n")
    return path
