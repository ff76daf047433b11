"""Two replicas of a real Prometheus that write to a real Mimir: each sample is kept, and counted, once."""

import json
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import build
from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.connections import Connection, Connections, Limits
from surefoot.adapters.prometheus.payload import Failed, Result, Vector
from surefoot.api.metrics_source import SourceKind
from surefoot.engine.questions import Answer, ProblemKind
from surefoot.stats.measures import Counts
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.cluster.prometheus.test_counts import envoy
from tests.cluster.prometheus.test_replicas import eventually
from tests.support.story import free_port
from tests.unit.prometheus.builders import question

COUNTER = 'envoy_cluster_external_upstream_rq_completed{envoy_cluster_name="risk_fraud-v42_80"}'
# Long enough that a machine that stalls for seconds loses no baseline.
SCRAPE = timedelta(seconds=30)
TENANT, LOOPBACK = "risk-team", "127.0.0.1"


class Mimir:
    """All of Mimir in one process, with tenants, that keeps one replica's samples of each cluster."""

    def __init__(self, folder: Path) -> None:
        port, inner = free_port(), free_port()
        self._base = f"http://{LOOPBACK}:{port}"
        self.url, self.push = f"{self._base}/prometheus", f"{self._base}/api/v1/push"
        rings = ("distributor.", "ingester.", "querier.", "query-scheduler.", "compactor.")
        self._log = (folder / "mimir.log").open("w")
        self._process = subprocess.Popen(
            [
                build.binary("mimir"), "-target=all", "-usage-stats.enabled=false",
                f"-config.file={_settings(folder)}", "-activity-tracker.filepath=",
                f"-server.http-listen-address={LOOPBACK}", f"-server.http-listen-port={port}",
                f"-server.grpc-listen-address={LOOPBACK}", f"-server.grpc-listen-port={inner}",
                f"-memberlist.bind-addr={LOOPBACK}", f"-memberlist.bind-port={free_port()}",
                f"-query-frontend.instance-addr={LOOPBACK}",
                f"-store-gateway.sharding-ring.instance-addr={LOOPBACK}",
                f"-ruler.ring.instance-addr={LOOPBACK}",
                *(f"-{ring}ring.instance-addr={LOOPBACK}" for ring in rings),
            ],
            cwd=folder, stdout=self._log, stderr=self._log,
        )  # fmt: skip

    def elected(self) -> int:
        """The number of the replica whose samples are kept."""
        request = urllib.request.Request(
            self._base + "/distributor/ha_tracker", headers={"Accept": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            [one] = json.load(answer)["elected"]
        return int(one["replica"].removeprefix("r"))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def _settings(folder: Path) -> Path:
    """What has no flag, or reads better so: storage in the folder, one copy, a quick failover."""
    one = {"replication_factor": 1}
    made = {
        "multitenancy_enabled": True,
        "common": {"storage": {"backend": "filesystem", "filesystem": {"dir": "blocks"}}},
        "blocks_storage": {
            "storage_prefix": "tsdb",
            "tsdb": {"dir": str(folder / "tsdb")},
            "bucket_store": {"sync_dir": str(folder / "sync")},
        },
        "compactor": {"data_dir": str(folder / "compactor")},
        "ruler_storage": {"storage_prefix": "ruler"},
        "ingester": {"ring": {**one, "min_ready_duration": "0s", "final_sleep": "0s"}},
        "store_gateway": {"sharding_ring": one},
        "distributor": {
            "ha_tracker": {"enable_ha_tracker": True, "kvstore": {"store": "memberlist"}}
        },
        "limits": {
            "accept_ha_samples": True,
            "ha_tracker_update_timeout": "1s",
            "ha_tracker_update_timeout_jitter_max": "0s",
            "ha_tracker_failover_timeout": "3s",
        },
    }
    file = folder / "mimir.yaml"
    file.write_text(json.dumps(made))
    return file


class World:
    """A proxy that two replicas scrape every second, each in its own rhythm."""

    def __init__(self, folder: Path) -> None:
        self.proxy = Exporter(envoy((100, 0), (1000, 5)))
        self.mimir = Mimir(folder)
        write = {"url": self.mimir.push, "headers": {"X-Scope-OrgID": TENANT}}
        self.replicas = []
        for name in ("r0", "r1"):
            (folder / name).mkdir()
            labels = {"external_labels": {"__replica__": name, "cluster": "eu-1"}}
            made = Prometheus(
                build.binary("prometheus"), folder / name, self.proxy,
                settings=labels, remote_write=[write],
            )  # fmt: skip
            self.replicas.append(made)

    def stop(self) -> None:
        for replica in self.replicas:
            replica.stop()
        self.mimir.stop()
        self.proxy.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop()


class Asker:
    """Asks Mimir as the operator does, as some tenant."""

    def __init__(self, url: str, tenant: str | None) -> None:
        limits = Limits(timeout=timedelta(seconds=60))
        self.connections = Connections(Connection(url, SourceKind.MIMIR, tenant), SCRAPE, limits)

    async def ask(self, query: str, at: float) -> Result:
        return await self.connections.ask(None, query, at)

    async def errors(self, start: datetime) -> Answer:
        return (
            await collect(self.ask, [question("ErrorRate", start=start)], datetime.now(UTC), SCRAPE)
        )["s"]

    async def counted(self, world: World, candidate: tuple[int, int], old: tuple[int, int]) -> None:
        """Mimir has got these counters, by whichever replica it listens to."""
        world.proxy.text = envoy(candidate, old)

        async def arrived() -> bool:
            found = await self.ask(COUNTER, time.time())
            return isinstance(found, Vector) and found.values == (candidate[0],)

        await eventually(arrived, f"{candidate[0]} requests have arrived")


@pytest_asyncio.fixture
async def asker(world: World) -> AsyncIterator[Asker]:
    made = Asker(world.mimir.url, TENANT)
    yield made
    await made.connections.close()


async def test_of_two_replicas_one_is_kept_and_another_takes_over(
    world: World, asker: Asker
) -> None:
    await asker.counted(world, (100, 0), (1000, 5))
    start = datetime.now(UTC)
    await asker.counted(world, (130, 4), (1100, 7))
    found = await asker.errors(start)
    assert found.candidate.measure == Counts(bad=4, total=30)
    assert found.incumbent.measure == Counts(bad=2, total=100)
    world.replicas[world.mimir.elected()].stop()
    await asker.counted(world, (142, 5), (1150, 7))
    assert (await asker.errors(start)).candidate.measure == Counts(bad=5, total=42)


async def test_a_tenant_sees_its_own_samples_only(world: World, asker: Asker) -> None:
    await asker.counted(world, (100, 0), (1000, 5))
    start = datetime.now(UTC)
    await asker.counted(world, (130, 4), (1100, 7))
    other, nobody = Asker(world.mimir.url, "ads-team"), Asker(world.mimir.url, None)
    try:
        unseen = (await other.errors(start)).candidate
        assert unseen.problem is not None
        assert unseen.problem.kind is ProblemKind.EMPTY
        with pytest.raises(Failed, match="401"):
            await nobody.ask(COUNTER, time.time())
    finally:
        await other.connections.close()
        await nobody.connections.close()
