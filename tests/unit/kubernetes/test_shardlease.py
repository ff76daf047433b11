"""The Leases of shards: one writer for each shard, and no writers of two different numbers of shards."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.lease import Elector, LostError, NotLeaderError
from surefoot.adapters.kubernetes.shardlease import ShardElector
from surefoot.sharding import Shard
from tests.unit.kubernetes.leases import QUICK, Clock, Leases, app_of, ended, soon


class Server:
    """The Leases of two and of three shards, and the one that all of them share."""

    def __init__(self) -> None:
        names = ("0-of-2", "1-of-2", "0-of-3")
        self.own = {name: Leases(f"surefoot-{name}") for name in names}
        self.number = Leases("surefoot")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest_asyncio.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with TestServer(app_of(server.number, *server.own.values())) as running:
        made = Api(client.Configuration(host=str(running.make_url("/")).rstrip("/")))
        yield made
        await made.close()


def shard(api: Api, clock: Clock, text: str, name: str = "one") -> ShardElector:
    return ShardElector(api, "platform", "surefoot", name, Shard.of(text), QUICK, clock)


def writes(elector: ShardElector | Elector) -> bool:
    try:
        return elector.remaining() > 0
    except NotLeaderError:
        return False


async def test_shards_of_one_number_write_side_by_side(api: Api, server: Server) -> None:
    clock = Clock()
    both = [shard(api, clock, "0/2", "one"), shard(api, clock, "1/2", "two")]
    tasks = [asyncio.create_task(each.run()) for each in both]
    assert not any(map(writes, both))
    for each in both:
        await asyncio.wait_for(each.elected.wait(), 60)
    assert server.own["0-of-2"].holder == "one"
    assert server.own["1-of-2"].holder == "two"
    assert server.number.holder == "2 shards"
    # Each of them goes on, although the other one renews the same Lease: no write of it is a loss.
    for _ in range(4):
        clock.now += QUICK.deadline - 0.5
        await soon(lambda: all(each.remaining() == QUICK.duration - 1 for each in both))
    for task in tasks:
        await ended(task)
    await both[0].release()
    assert (server.own["0-of-2"].holder, server.number.holder) == ("", "2 shards")
    assert [writes(each) for each in both] == [False, True]


async def test_many_that_renew_one_lease_do_not_get_in_each_other_s_way(
    api: Api, server: Server
) -> None:
    clock, together = Clock(), server.number
    one = Elector(api, "platform", "surefoot", "9 shards", QUICK, clock, shared=True)
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    for _ in range(3):
        together.keep(together.lease or {})
        clock.now += 1
        await soon(lambda: one.remaining() == QUICK.duration - 1)
    assert together.conflicts == 0
    await ended(holding)


async def test_a_replica_that_waits_for_its_shard_does_not_keep_the_number_alive(
    api: Api, server: Server
) -> None:
    clock = Clock()
    leader, other = shard(api, clock, "0/2", "one"), shard(api, clock, "0/2", "two")
    leading = asyncio.create_task(leader.run())
    await asyncio.wait_for(leader.elected.wait(), 60)
    await ended(leading)
    waiting = asyncio.create_task(other.run())
    seen = server.number.reads
    for _ in range(3):
        await server.own["0-of-2"].looked_at()
    assert server.number.reads == seen
    clock.now += QUICK.duration + 0.1
    await asyncio.wait_for(other.elected.wait(), 60)
    assert not writes(leader)
    await ended(waiting)


@pytest.mark.parametrize("asks", ["0/3", "0/1"])
async def test_another_number_waits_until_nobody_of_the_first_can_write(
    api: Api, server: Server, asks: str
) -> None:
    clock = Clock()
    old = [shard(api, clock, "0/2", "one"), shard(api, clock, "1/2", "two")]
    tasks = [asyncio.create_task(each.run()) for each in old]
    for each in old:
        await asyncio.wait_for(each.elected.wait(), 60)
    one = Elector(api, "platform", "surefoot", "three", QUICK, clock)
    new = one if asks == "0/1" else shard(api, clock, asks, "three")
    coming = asyncio.create_task(new.run())
    await ended(tasks[0])
    for _ in range(4):
        clock.now += QUICK.deadline - 0.5
        await soon(lambda: old[1].remaining() == QUICK.duration - 1)
        await server.number.looked_at()
        assert not writes(new)
    await ended(tasks[1])
    await server.number.looked_at()
    clock.now += QUICK.duration - 1
    await server.number.looked_at()
    assert not any(map(writes, old))
    assert not writes(new)
    clock.now += 1.1
    await asyncio.wait_for(new.elected.wait(), 60)
    assert server.number.holder == ("three" if asks == "0/1" else "3 shards")
    await ended(coming)


async def test_shards_wait_for_the_one_that_has_all_releases(api: Api, server: Server) -> None:
    clock = Clock()
    whole = Elector(api, "platform", "surefoot", "one", QUICK, clock)
    leading = asyncio.create_task(whole.run())
    await asyncio.wait_for(whole.elected.wait(), 60)
    new = shard(api, clock, "0/2", "two")
    coming = asyncio.create_task(new.run())
    await soon(lambda: server.own["0-of-2"].lease)
    await server.number.looked_at()
    assert not writes(new)
    await ended(leading)
    await whole.release()
    await asyncio.wait_for(new.elected.wait(), 60)
    assert server.number.holder == "2 shards"
    await ended(coming)


@pytest.mark.parametrize("lost", ["surefoot", "surefoot-0-of-2"])
async def test_one_of_the_two_lost_is_all_lost(api: Api, server: Server, lost: str) -> None:
    clock = Clock()
    elector = shard(api, clock, "0/2")
    leading = asyncio.create_task(elector.run())
    await asyncio.wait_for(elector.elected.wait(), 60)
    leases = server.number if lost == "surefoot" else server.own["0-of-2"]
    lease = leases.lease or {}
    leases.keep({**lease, "spec": {**lease["spec"], "holderIdentity": "someone"}})
    clock.now += 1
    with pytest.raises(LostError, match="held by someone"):
        await asyncio.wait_for(leading, 60)
    assert not writes(elector)
