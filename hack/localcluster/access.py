"""Who may speak to a cluster: token users, kubeconfig files, and requests of our own."""

from __future__ import annotations

import json
import secrets
import ssl
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import system
from .state import Cluster, write_if_changed

PEOPLE = ("alice", "bob", "carol")
_GROUPS = {
    "admin": ("admin", "system:masters"),
    **{person: (person, "surefoot:people") for person in PEOPLE},
}
_NODE_GROUPS = {
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
}


def new_tokens(node: str | None) -> dict[str, str]:
    """A secret for each user; with a `node`, for the components that run it as well."""
    users = [*_GROUPS, *((*_NODE_GROUPS, "kubelet") if node else ())]
    return {user: secrets.token_hex(16) for user in users}


def write_token_file(path: Path, tokens: dict[str, str], node: str | None) -> None:
    """The API server's `--token-auth-file`: token, user, uid and groups on each line."""
    groups = {**_GROUPS, **_NODE_GROUPS, "kubelet": (f"system:node:{node}", "system:nodes")}
    lines = [
        f'{token},{groups[user][0]},{user},"{groups[user][1]}"' for user, token in tokens.items()
    ]
    write_if_changed(path, "\n".join(lines) + "\n")


def write_kubeconfig(path: Path, cluster: Cluster, user: str, server: str | None = None) -> None:
    """A kubeconfig of `user`; JSON is YAML, so every client reads it."""
    context = {"cluster": "local", "user": user}
    address = {"server": server or cluster.server, "certificate-authority": str(cluster.ca)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster.name,
        "clusters": [{"name": "local", "cluster": address}],
        "users": [{"name": user, "user": {"token": cluster.tokens[user]}}],
        "contexts": [{"name": cluster.name, "context": context}],
    }
    write_if_changed(path, json.dumps(config, indent=2) + "\n")


def get(cluster: Cluster, path: str, timeout_s: float = 10.0) -> bytes | None:
    """Body of the API server's answer to a GET as admin; None when it does not answer with 200."""
    request = urllib.request.Request(
        cluster.server + path, headers={"Authorization": f"Bearer {cluster.tokens['admin']}"}
    )
    try:
        trust = ssl.create_default_context(cafile=str(cluster.ca))
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with direct.open(request, timeout=timeout_s) as answer:
            body: bytes = answer.read()
            return body
    except OSError:
        return None


def get_json(cluster: Cluster, path: str) -> dict[str, Any] | None:
    """As `get`, parsed."""
    body = get(cluster, path)
    return json.loads(body) if body is not None else None


def kubectl(cluster: Cluster, program: Path, words: Sequence[str], stdin: str | None = None) -> str:
    """Output of kubectl as admin."""
    cache = ["--cache-dir", str(cluster.dir / "kubectl-cache")]
    return system.run([program, "--kubeconfig", cluster.kubeconfig, *cache, *words], stdin=stdin)
