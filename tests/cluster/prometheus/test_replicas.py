"""Two replicas of a real Prometheus behind a real Thanos: their samples interleave, counts stay exact."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import build
from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.connections import Connection, Connections, Limits
from surefoot.adapters.prometheus.payload import Failed, Result, Series
from surefoot.api.metrics_source import SourceKind
from surefoot.engine.questions import Answer
from surefoot.stats.measures import Counts
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.cluster.prometheus.test_counts import envoy
from tests.support.story import free_port
from tests.unit.prometheus.builders import question

COUNTER = 'envoy_cluster_external_upstream_rq_completed{envoy_cluster_name="risk_fraud-v42_80"}'
# Long enough that a machine that stalls for seconds loses no baseline.
SCRAPE = timedelta(seconds=30)


class Thanos:
    """A querier with a sidecar for each replica."""

    def __init__(self, folder: Path, *replicas: Prometheus) -> None:
        self._folder, self._processes = folder, []
        endpoints = [self._sidecar(i, replica) for i, replica in enumerate(replicas)]
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._run(
            "query", "query", f"--http-address=127.0.0.1:{port}",
            f"--grpc-address=127.0.0.1:{free_port()}", "--query.replica-label=replica",
            *(f"--endpoint={each}" for each in endpoints),
        )  # fmt: skip

    def _sidecar(self, number: int, replica: Prometheus) -> str:
        address = f"127.0.0.1:{free_port()}"
        self._run(
            f"sidecar-{number}", "sidecar", f"--prometheus.url={replica.url}",
            f"--grpc-address={address}", f"--http-address=127.0.0.1:{free_port()}",
            f"--tsdb.path={self._folder / str(number) / 'data'}",
        )  # fmt: skip
        return address

    def _run(self, name: str, *words: str) -> None:
        with (self._folder / f"{name}.log").open("w") as log:
            command = [build.binary("thanos"), *words]
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


class World:
    """A proxy that two replicas scrape every second, each in its own rhythm."""

    def __init__(self, folder: Path) -> None:
        self.proxy = Exporter(envoy((100, 0), (1000, 5)))
        self.replicas = []
        for i in range(2):
            (folder / str(i)).mkdir()
            settings = {
                "external_labels": {"replica": f"r{i}", "cluster": "eu-1"},
                # The only one of its list that this Thanos knows, too.
                "scrape_protocols": ["PrometheusText0.0.4"],
            }
            binary = build.binary("prometheus")
            made = Prometheus(binary, folder / str(i), self.proxy, settings=settings)
            self.replicas.append(made)
        self.thanos = Thanos(folder, *self.replicas)
        self.alive = list(self.replicas)

    def counts(self, candidate: tuple[int, int], incumbent: tuple[int, int]) -> None:
        """Every living replica has scraped these counters, and Thanos finds them."""
        self.proxy.text = envoy(candidate, incumbent)
        for replica in self.alive:
            replica.has(COUNTER, candidate[0])

    def stop(self) -> None:
        self.thanos.stop()
        for replica in self.replicas:
            replica.stop()
        self.proxy.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop()


class Asker:
    """Asks Thanos as the operator does."""

    def __init__(self, url: str) -> None:
        limits = Limits(timeout=timedelta(seconds=60))
        self.connections = Connections(Connection(url, SourceKind.THANOS), SCRAPE, limits)

    async def ask(self, query: str, at: float) -> Result:
        return await self.connections.ask(None, query, at)

    async def errors(self, start: datetime, **matchers: str) -> Answer:
        made = replace(question("ErrorRate", start=start), matchers=tuple(matchers.items()))
        return (await collect(self.ask, [made], datetime.now(UTC), SCRAPE))["s"]

    async def knows_both(self) -> bool:
        """Whether both replicas answer through Thanos."""
        await self.ask("vector(1)", datetime.now(UTC).timestamp())
        found = await self.union(f"{COUNTER}[1m]")
        return len({series.labels["replica"] for series in found}) == 2

    async def union(self, query: str) -> tuple[Series, ...]:
        """All samples of all replicas, as the server gives them without deduplication."""
        source = self.connections._sources[self.connections.connection_of(None)]
        found = await source.client.ask(query, datetime.now(UTC).timestamp(), {"dedup": "false"})
        assert isinstance(found, tuple)
        return found


@pytest_asyncio.fixture
async def asker(world: World) -> AsyncIterator[Asker]:
    made = Asker(world.thanos.url)
    await eventually(made.knows_both, "the querier knows both replicas")
    yield made
    await made.connections.close()


async def eventually(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Poll until it is so; servers that are still starting are no answer."""
    deadline, said = time.monotonic() + 120, ""
    while True:
        try:
            if await true():
                return
        except Failed as failed:
            said = str(failed)
        assert time.monotonic() < deadline, f"{what}: {said}"
        await asyncio.sleep(0.2)


def risen(series: Series) -> float:
    return series.samples[-1][1] - series.samples[0][1]


async def test_interleaved_replicas_are_counted_once(world: World, asker: Asker) -> None:
    world.counts((100, 0), (1000, 5))
    start = datetime.now(UTC)
    world.counts((130, 4), (1100, 7))
    union = await asker.union(f"{COUNTER}[5m]")
    assert sorted(each.labels["replica"] for each in union) == ["r0", "r1"]
    assert {t for t, _ in union[0].samples}.isdisjoint(t for t, _ in union[1].samples)
    assert sum(map(risen, union)) == 2 * 30, "the union counts twice"
    answer = await asker.errors(start)
    assert answer.candidate.measure == Counts(bad=4, total=30)
    assert answer.incumbent.measure == Counts(bad=2, total=100)


async def test_a_lost_replica_is_replaced_and_a_reset_is_still_seen(
    world: World, asker: Asker
) -> None:
    world.counts((100, 0), (1000, 5))
    start = datetime.now(UTC)
    world.counts((130, 4), (1100, 7))
    assert (await asker.errors(start)).candidate.measure == Counts(bad=4, total=30)
    world.replicas[0].stop()
    world.alive = world.replicas[1:]
    world.counts((12, 1), (1150, 7))

    async def exact() -> bool:
        found = (await asker.errors(start)).candidate.measure
        return found == Counts(bad=4 + 1, total=30 + 12)

    await eventually(exact, "the other replica is read")


async def test_matchers_are_forced_into_every_query(world: World, asker: Asker) -> None:
    world.counts((100, 0), (1000, 5))
    start = datetime.now(UTC)
    world.counts((130, 4), (1100, 7))
    assert (await asker.errors(start, cluster="eu-1")).candidate.measure == Counts(4, 30)
    elsewhere = (await asker.errors(start, cluster="us-1")).candidate
    assert elsewhere.problem is not None
    assert 'cluster="us-1"' in elsewhere.problem.message
