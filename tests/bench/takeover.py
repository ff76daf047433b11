"""How long nobody writes when the replica that leads is killed, or stopped; how long stopping takes
where nothing answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.bench.figures import Figure
from tests.bench.machine import measured
from tests.bench.stage import Stage
from tests.support.poll import until
from tests.support.relay import Relay, relayed
from tests.support.story import OperatorProcess

KILLED_S, STOPPED_S, GONE_S = 15.0, 2.0, 5.0


def takeover(stage: Stage, runs: int) -> list[Figure]:
    """From kill -9, and from SIGTERM, until another replica has read all releases and works."""
    killed = Figure("takeover", "leader killed -9 → another replica works", "s", [], KILLED_S)
    stopped = Figure("takeover", "leader gets SIGTERM → another replica works", "s", [], STOPPED_S)
    stuck = "SIGTERM while API server and Prometheus are silent → process is gone"
    gone = Figure("takeover", stuck, "s", [], GONE_S)
    with measured() as load:
        killed.values = [_once(stage, OperatorProcess.kill) for _ in range(max(1, runs // 2))]
        stopped.values = [_once(stage, _ask_to_stop) for _ in range(runs)]
        gone.values = [_in_silence(stage) for _ in range(runs)]
    killed.load = stopped.load = gone.load = load
    return [killed, stopped, gone]


def _ask_to_stop(process: OperatorProcess) -> None:
    process.process.terminate()


def _once(stage: Stage, end: Callable[[OperatorProcess], None]) -> float:
    settings = {"SUREFOOT_LEASE_NAMESPACE": stage.home}
    replicas = [stage.spawn(**settings) for _ in range(2)]
    try:
        for each in replicas:
            each.ready()
        until(lambda: any(map(_leads, replicas)), 60, what="one of them leads")
        leader, other = sorted(replicas, key=_leads, reverse=True)
        began = time.monotonic()
        end(leader)
        until(lambda: _leads(other), 60, every_s=0.02, what="the other one leads")
        return time.monotonic() - began
    finally:
        for each in replicas:
            each.kill()


def _in_silence(stage: Stage) -> float:
    """From SIGTERM to the end of a leader of which neither reads nor writes nor queries are answered."""
    to_api = Relay("127.0.0.1", stage.cluster.ports["api"])
    to_prometheus = Relay("127.0.0.1", stage.prometheus.port)
    kubeconfig = relayed(stage.kubeconfig, to_api, stage.folder)
    leader = stage.spawn(
        f"http://127.0.0.1:{to_prometheus.port}",
        KUBECONFIG=str(kubeconfig),
        SUREFOOT_LEASE_NAMESPACE=stage.home,
    )
    try:
        leader.ready()
        until(lambda: _leads(leader), 60, what="it leads")
        to_api.hold()
        to_prometheus.hold()
        until(
            lambda: to_api.swallowed, 60, every_s=0.02, what="a renewal of the Lease is under way"
        )
        began = time.monotonic()
        _ask_to_stop(leader)
        leader.process.wait(timeout=60)
        return time.monotonic() - began
    finally:
        leader.kill()
        to_api.close()
        to_prometheus.close()


def _leads(process: OperatorProcess) -> bool:
    return "surefoot_leader 1.0" in process.metrics()
