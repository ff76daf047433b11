"""The operator and what it stands on: killed, stopped, cut off; etcd, its rights, its CRD."""

from __future__ import annotations

import asyncio
import os
import signal

from localcluster import controlplane
from tests.chaos import crashing
from tests.chaos.kinds import kind_for_all
from tests.chaos.proxy import Answer, Call, DropError, Fault
from tests.chaos.stage import Group, reach

AREA = "the operator"
MOST_WRITES = 60


@kind_for_all("operator-killed", AREA, "kill -9, two to four times, started again after up to 2 s")
async def killed(group: Group) -> None:
    for _ in range(group.chance.randint(2, 4)):
        known = len(group.api.writes)
        await reach(lambda n=known: len(group.api.writes) > n or group.is_over, "a write")
        await asyncio.sleep(group.chance.uniform(0, 3))
        group.operator.kill()
        group.strike()
        await asyncio.sleep(group.chance.uniform(0, 2))
        await group.start()


@kind_for_all("operator-crashes", AREA, "os._exit right after the n-th write, n from the seed")
async def crashes(group: Group) -> None:
    for _ in range(3):
        group.operator.kill()
        nth = group.chance.randint(1, MOST_WRITES)
        await group.start("tests.chaos.crashing", str(nth))
        process = group.operator.process
        await reach(lambda p=process: p.poll() is not None or group.is_over, "an end")
        if group.operator.process.poll() == crashing.EXIT_CODE:
            group.strike()
        else:
            group.operator.kill()
        await group.start()


@kind_for_all("operator-stopped", AREA, "SIGSTOP for 5 to 40 s")
async def stopped(group: Group) -> None:
    await asyncio.sleep(group.chance.uniform(0.5, 6))
    group.operator.process.send_signal(signal.SIGSTOP)
    group.strike()
    await asyncio.sleep(group.chance.uniform(5, 40))
    group.operator.process.send_signal(signal.SIGCONT)


@kind_for_all("operator-rolled", AREA, "SIGTERM, and another process once it has ended")
async def rolled(group: Group) -> None:
    for _ in range(2):
        await asyncio.sleep(group.chance.uniform(0.5, 5))
        code = await asyncio.to_thread(group.operator.stop)
        assert code == 0, f"it ended with {code}"
        group.strike()
        await group.start()


class CutOff(Fault):
    """Nothing goes through, neither way."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    async def before(self, call: Call) -> Answer | None:
        self.group.strike()
        raise DropError

    async def line(self, call: Call, line: bytes) -> list[bytes]:
        raise DropError


@kind_for_all("operator-cut-off", AREA, "no connection to the API server for 5 to 30 s")
async def cut_off(group: Group) -> None:
    await asyncio.sleep(group.chance.uniform(0.5, 6))
    async with group.api.having(CutOff(group)):
        group.api.drop_watches()
        await asyncio.sleep(group.chance.uniform(5, 30))


@kind_for_all("etcd-killed", "API server", "kill -9 of etcd, started again after 1 to 5 s")
async def etcd_killed(group: Group) -> None:
    await asyncio.sleep(group.chance.uniform(1, 6))
    cluster = group.stage.cluster
    os.kill(cluster.processes["etcd"].pid, signal.SIGKILL)
    group.strike()
    await asyncio.sleep(group.chance.uniform(1, 5))
    await asyncio.to_thread(controlplane.daemon, cluster, "etcd", controlplane._etcd(cluster))


@kind_for_all("rbac-lost", "API server", "one right of the operator taken away for 4 to 10 s")
async def rbac_lost(group: Group) -> None:
    await asyncio.sleep(group.chance.uniform(1, 5))
    admin, path = group.stage.admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles/surefoot"
    role = await asyncio.to_thread(admin.request, "GET", path)
    lost = group.chance.choice(("httproutes", "modelreleases/status", "events", "deployments"))
    less = [rule for rule in role["rules"] if lost not in rule.get("resources", [])]
    assert less != role["rules"], lost
    merge = "application/merge-patch+json"
    await asyncio.to_thread(admin.request, "PATCH", path, {"rules": less}, merge)
    group.strike()
    await asyncio.sleep(group.chance.uniform(4, 10))
    await asyncio.to_thread(admin.request, "PATCH", path, {"rules": role["rules"]}, merge)


@kind_for_all(
    "crd-upgraded", "API server", "the CRD of ModelReleases replaced by another version of it"
)
async def crd_upgraded(group: Group) -> None:
    admin = group.stage.admin
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modelreleases.surefoot.dev"
    at = "/spec/versions/0/schema/openAPIV3Schema/description"
    for count in range(3):
        await asyncio.sleep(group.chance.uniform(0.5, 4))
        patch = [{"op": "add", "path": at, "value": f"chaos {group.chance.random()} {count}"}]
        await asyncio.to_thread(admin.request, "PATCH", path, patch, "application/json-patch+json")
        group.strike()
