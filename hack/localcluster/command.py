"""The command line of `hack/cluster`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import build, cluster, images, progress, state
from .problem import Problem

_UP = """examples:
  sudo hack/cluster up                         a node with pods, Gateway and Prometheus
  hack/cluster up --profile api                etcd and the API server; no root, 3 s
  hack/cluster up --profile api --name second  one more beside it
  eval "$(hack/cluster up)"                    and point kubectl at it
"""
_DOWN = """examples:
  hack/cluster down
  hack/cluster down --name second
  hack/cluster down --all
"""
_STATUS = """examples:
  hack/cluster status
  hack/cluster status -o json
  hack/cluster status --name second
"""
_LOAD = """examples:
  hack/cluster load image.tar      an OCI archive; pods use it with imagePullPolicy: IfNotPresent
"""
_ENV = """examples:
  eval "$(hack/cluster env)"       KUBECONFIG and PATH for the cluster's kubectl
  $(hack/cluster env --bin helm) version
"""
_TOOLS = """examples:
  hack/cluster tools               every binary, and whether it is built
  hack/cluster tools kubectl helm  paths of these, which are built when they are not there yet
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; what a person has to put right is one sentence on stderr."""
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except Problem as problem:
        print(f"hack/cluster: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hack/cluster: interrupted; run it again to go on, or `hack/cluster down`.")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/cluster",
        description="A real Kubernetes cluster on this machine, without a container engine.",
        epilog="`hack/cluster COMMAND --help` shows examples.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, about: str, examples: str) -> argparse.ArgumentParser:
        form = argparse.RawDescriptionHelpFormatter
        sub = commands.add_parser(
            name, help=about, description=about, epilog=examples, formatter_class=form
        )
        sub.set_defaults(run=globals()[f"_{name}"])
        return sub

    sub = add("up", "bring a cluster up, or see that it is", _UP)
    sub.add_argument("--profile", choices=("api", "node"), default="node", help="default: node")
    _name(sub)
    sub.add_argument("--audit", action="store_true", help="write an audit log, one line a request")
    interval = "how often Prometheus scrapes (default: 5s)"
    sub.add_argument("--scrape-interval", metavar="DURATION", help=interval)
    sub = add("down", "take a cluster away, with everything it made", _DOWN)
    _name(sub)
    sub.add_argument("--all", action="store_true", help="every cluster of this user")
    sub = add("status", "say how a cluster is", _STATUS)
    _name(sub)
    sub.add_argument("-o", "--output", choices=("text", "json"), default="text")
    sub = add("load", "put an image into the node", _LOAD)
    _name(sub)
    sub.add_argument("image", type=Path, metavar="IMAGE", help="an OCI archive (tar)")
    sub = add("env", "print what a shell needs to use a cluster", _ENV)
    _name(sub)
    sub.add_argument("--bin", metavar="NAME", help="print the path of this binary instead")
    sub = add("tools", "print the paths of binaries, building them if needed", _TOOLS)
    sub.add_argument("names", nargs="*", metavar="NAME")
    return parser


def _name(parser: argparse.ArgumentParser) -> None:
    about = f"which cluster (default: {cluster.DEFAULT_NAME})"
    parser.add_argument("--name", default=cluster.DEFAULT_NAME, help=about)


def _up(chosen: argparse.Namespace) -> int:
    before = progress.last_time(f"cluster up ({chosen.profile})")
    usual = f", last time {before:.0f} s" if before is not None else ""
    progress.say(f"cluster {chosen.name} (profile {chosen.profile}{usual})")
    start = time.monotonic()
    up = cluster.up(
        chosen.profile, chosen.name, audit=chosen.audit, scrape_interval=chosen.scrape_interval
    )
    took = time.monotonic() - start
    progress.record(f"cluster up ({chosen.profile})", took)
    progress.say(f"ready in {took:.1f} s")
    for what in ("gateway", "prometheus"):
        if address := getattr(up, what):
            progress.say(f"{what:11}{address}")
    print(f"export KUBECONFIG={up.kubeconfig}")
    return 0


def _down(chosen: argparse.Namespace) -> int:
    names = state.all_names() if chosen.all else [chosen.name]
    for name in names:
        start = time.monotonic()
        gone = cluster.down(name)
        took = time.monotonic() - start
        progress.say(f"cluster {name}: " + (f"gone in {took:.1f} s" if gone else "there is none"))
    return 0


def _status(chosen: argparse.Namespace) -> int:
    seen = cluster.status(cluster.load(chosen.name))
    if chosen.output == "json":
        print(json.dumps(seen, indent=2))
        return 0
    condition = "ready" if seen["ready"] else "not ready"
    print(f"cluster {seen['name']} (profile {seen['profile']}) is {condition}")
    for what in ("server", "kubeconfig", "gateway", "prometheus", "auditLog", "logs"):
        if seen[what]:
            print(f"  {what:12}{seen[what]}")
    for daemon, found in seen["daemons"].items():
        print(f"  {daemon:24}{'running' if found['running'] else 'DEAD':9}pid {found['pid']}")
    for pod in seen["pods"]:
        print(f"  {pod['namespace'] + '/' + pod['name']:56}{pod['state']}")
    return 0


def _load(chosen: argparse.Namespace) -> int:
    for name in images.load(cluster.load(chosen.name), chosen.image):
        print(name)
    return 0


def _env(chosen: argparse.Namespace) -> int:
    if chosen.bin:
        print(build.binary(chosen.bin))
        return 0
    found = cluster.load(chosen.name)
    print(f"export KUBECONFIG={found.kubeconfig}")
    print(f'export PATH="{build.asset("kubectl").parent}:$PATH"')
    return 0


def _tools(chosen: argparse.Namespace) -> int:
    for name in chosen.names:
        print(build.binary(name))
    if not chosen.names:
        absent = build.missing(build.names())
        for name in build.names():
            print(f"{name:26}{build.version(name):12}{'' if name in absent else 'built'}")
    return 0
