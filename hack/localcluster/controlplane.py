"""etcd and the API server: all of an `api` cluster, and the ground floor of a `node` one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import access, build, net, pki, process
from .problem import Problem
from .state import Cluster, write_if_changed
from .wait import until

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
_ATTEMPTS = 4


def daemon(
    cluster: Cluster, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> None:
    """See that the daemon `name` runs, in the cluster's network namespace where it has one."""
    known = cluster.processes.get(name)
    if known and known.alive():
        return
    inside = ["nsenter", f"--net=/var/run/netns/{cluster.netns}"] if cluster.netns else []
    log = cluster.logs / f"{name}.log"
    cluster.note(name, process.spawn([*inside, *command], log, cluster.mark, env or {}))


def failure(cluster: Cluster, names: Sequence[str]) -> str:
    """What the logs of daemons say last, for an error message."""
    return "; ".join(
        f"{name}: {cluster.processes[name].tail(cluster.logs / f'{name}.log')}"
        for name in names
        if name in cluster.processes
    )


def start(cluster: Cluster, host: str, node: str | None = None) -> None:
    """See that etcd and the API server run and answer on `host`.

    A port that was free when asked for may be taken a moment later by someone else; then others are tried.
    """
    pki.make(cluster.dir / "pki", sorted({"127.0.0.1", host, *_service_address(cluster)}))
    tokens = cluster.dir / "tokens.csv"
    access.write_token_file(tokens, cluster.tokens, node)
    for attempt in range(1, _ATTEMPTS + 1):
        if not cluster.ports:
            etcd, peer, api = net.free_ports(3)
            cluster.ports = {"etcd": etcd, "peer": peer, "api": 6443 if node else api}
        cluster.server = f"https://{host}:{cluster.ports['api']}"
        access.write_kubeconfig(cluster.kubeconfig, cluster, "admin")
        daemon(cluster, "etcd", _etcd(cluster))
        daemon(cluster, "kube-apiserver", _apiserver(cluster, host, tokens, node))
        if _answers(cluster):
            return
        _give_up_ports(cluster, attempt)


def _answers(cluster: Cluster) -> bool:
    """Wait for the API server; False when it or etcd ended because its port was taken."""
    names = ("etcd", "kube-apiserver")

    def settled() -> bool:
        ended = not all(cluster.processes[name].alive() for name in names)
        # Ready comes a moment before the first namespaces, which every client takes for granted.
        needed = ("/readyz", "/api/v1/namespaces/default")
        return ended or all(access.get(cluster, path) is not None for path in needed)

    until(settled, "answer of the API server", 120, why=lambda: failure(cluster, names))
    return all(cluster.processes[name].alive() for name in names)


def _give_up_ports(cluster: Cluster, attempt: int) -> None:
    said = failure(cluster, ("etcd", "kube-apiserver"))
    process.stop(cluster.processes.values())
    if attempt == _ATTEMPTS or "address already in use" not in said:
        raise Problem(f"The control plane does not start: {said}")
    cluster.ports = {}


def _etcd(cluster: Cluster) -> list[str | Path]:
    client = f"http://127.0.0.1:{cluster.ports['etcd']}"
    peer = f"http://127.0.0.1:{cluster.ports['peer']}"
    return [
        _program(cluster, "etcd"),
        f"--data-dir={cluster.dir / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver(cluster: Cluster, host: str, tokens: Path, node: str | None) -> list[str | Path]:
    secrets = cluster.dir / "pki"
    command: list[str | Path] = [
        _program(cluster, "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{cluster.ports['etcd']}",
        f"--cert-dir={cluster.dir / 'apiserver'}",
        f"--tls-cert-file={secrets / 'apiserver.crt'}",
        f"--tls-private-key-file={secrets / 'apiserver.key'}",
        f"--bind-address={'0.0.0.0' if node else host}",
        f"--secure-port={cluster.ports['api']}",
        f"--advertise-address={host}",
        f"--service-cluster-ip-range={cluster.networks.get('services', '10.96.0.0/16')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={secrets / 'sa.pub'}",
        f"--service-account-signing-key-file={secrets / 'sa.key'}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        *_audit(cluster),
    ]
    if not node:
        # No controller makes the default service account here, so pods could not be created.
        return [*command, "--disable-admission-plugins=ServiceAccount"]
    return [
        *command,
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={secrets / 'kubelet-client.crt'}",
        f"--kubelet-client-key={secrets / 'kubelet-client.key'}",
    ]


def _program(cluster: Cluster, name: str) -> Path:
    """A node takes no binaries from elsewhere: the kubelet must not be newer than the API server."""
    return build.binary(name) if cluster.profile == "node" else build.asset(name)


def _audit(cluster: Cluster) -> list[str]:
    if cluster.audit_log is None:
        return []
    policy = cluster.dir / "audit-policy.json"
    write_if_changed(policy, json.dumps(_AUDIT_POLICY))
    return [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={cluster.audit_log}",
        "--audit-log-mode=blocking",
    ]


def _service_address(cluster: Cluster) -> list[str]:
    """The first ClusterIP, at which pods reach the API server."""
    services = cluster.networks.get("services")
    return [net.host(net.Network(services), 1)] if services else []
