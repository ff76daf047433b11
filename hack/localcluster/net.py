"""Addresses that are free on this machine: ports, and private networks that nothing here uses."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable, Iterator

from . import system
from .problem import Problem

Network = ipaddress.IPv4Network


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports that the operating system says are free; held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((host, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def networks_in_use() -> list[Network]:
    """Every network that this machine has an address in or a route to, but for the default."""
    routes = json.loads(system.run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    addresses = json.loads(system.run(["ip", "-json", "-4", "address"]) or "[]")
    seen = [str(route["dst"]) for route in routes if route["dst"] != "default"]
    seen += [f"{a['local']}/{a['prefixlen']}" for each in addresses for a in each["addr_info"]]
    return [Network(text, strict=False) for text in seen]


def pick(candidates: Iterable[Network], used: Iterable[Network]) -> Network:
    """The first candidate that overlaps nothing in use."""
    taken = list(used)
    for candidate in candidates:
        if not any(candidate.overlaps(other) for other in taken):
            return candidate
    raise Problem("Every private network is in use here: free a 10.x.0.0/16 and run this again.")


def host_networks() -> Iterator[Network]:
    """Candidates for the link between the machine and a node."""
    yield from Network("10.213.0.0/16").subnets(new_prefix=24)
    yield from Network("172.20.0.0/14").subnets(new_prefix=24)
    yield from Network("192.168.0.0/16").subnets(new_prefix=24)


def service_networks() -> Iterator[Network]:
    """Candidates for ClusterIPs, the customary one first."""
    yield from _wide("10.96.0.0/16")


def pod_networks() -> Iterator[Network]:
    """Candidates for pods, the customary one first."""
    yield from _wide("10.244.0.0/16")


def _wide(customary: str) -> Iterator[Network]:
    yield Network(customary)
    for range_ in ("10.96.0.0/11", "10.128.0.0/9"):  # the low ones are what others like to use
        yield from Network(range_).subnets(new_prefix=16)


def host(network: Network, number: int) -> str:
    """The `number`-th address of a network."""
    return str(network[number])
