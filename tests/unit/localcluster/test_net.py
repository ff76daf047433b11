"""Addresses are picked so that they disturb nothing that this machine uses."""

from __future__ import annotations

import pytest

from localcluster import net, network, node
from localcluster.net import Network
from localcluster.problem import Problem


def test_the_first_network_that_overlaps_nothing_is_picked() -> None:
    used = [Network("10.213.0.0/23"), Network("10.213.2.128/25")]
    assert net.pick(net.host_networks(), used) == Network("10.213.3.0/24")


def test_customary_networks_are_preferred_and_left_when_taken() -> None:
    assert net.pick(net.service_networks(), []) == Network("10.96.0.0/16")
    used = [Network("10.244.5.0/24"), Network("10.96.0.0/16")]
    assert net.pick(net.pod_networks(), used) == Network("10.97.0.0/16")


def test_no_free_network_is_a_sentence() -> None:
    with pytest.raises(Problem, match="in use"):
        net.pick(net.service_networks(), [Network("10.0.0.0/8")])


def test_free_ports_differ() -> None:
    assert len(set(net.free_ports(20))) == 20


def test_interfaces_have_names_that_the_kernel_takes() -> None:
    names = {network.interface_name("a" * 40), network.interface_name("a" * 39)}
    assert len(names) == 2
    assert all(len(name) <= 15 for name in names)


def test_a_pod_that_waits_says_why() -> None:
    waiting = {"state": {"waiting": {"reason": "ErrImageNeverPull"}}}
    pod = {"status": {"phase": "Pending", "containerStatuses": [waiting]}}
    assert node.pod_state(pod) == "ErrImageNeverPull"
    assert node.pod_state({"status": {"phase": "Pending"}}) == "Pending"
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert node.pod_state(ready) == "Ready"
