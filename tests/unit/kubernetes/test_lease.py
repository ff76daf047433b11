"""The Lease: who may write, for how long, and what ends it. The API server is an HTTP server of its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.lease import Elector, LostError, NotLeaderError
from surefoot.ports import TransientError
from tests.unit.kubernetes.leases import QUICK, Clock, Leases, app_of, ended, soon


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest_asyncio.fixture
async def api(leases: Leases) -> AsyncIterator[Api]:
    async with TestServer(app_of(leases)) as server:
        made = Api(client.Configuration(host=str(server.make_url("/")).rstrip("/")))
        yield made
        await made.close()


def elector(api: Api, clock: Clock, name: str = "one") -> Elector:
    return Elector(api, "platform", "surefoot", name, QUICK, clock)


async def test_a_lease_is_made_held_and_given_back(api: Api, leases: Leases) -> None:
    clock = Clock()
    one = elector(api, clock)
    with pytest.raises(NotLeaderError, match="another replica leads"):
        one.remaining()
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    assert (leases.holder, one.leads) == ("one", True)
    assert one.remaining() == QUICK.duration - 1
    clock.now += 1
    await soon(lambda: leases.writes >= 2)
    await ended(holding)
    await one.release()
    assert (leases.holder, one.leads) == ("", False)


async def test_it_is_taken_when_it_was_watched_for_its_whole_duration_without_a_change(
    api: Api, leases: Leases
) -> None:
    clock = Clock()
    spec = {"holderIdentity": "two", "leaseDurationSeconds": 8, "leaseTransitions": 3}
    leases.keep({"metadata": {"name": "surefoot"}, "spec": spec})
    one = elector(api, clock)
    taking = asyncio.create_task(one.run())
    for _ in range(3):
        seen = leases.version
        clock.now += 7.9
        await leases.looked_at()
        assert (leases.holder, one.leads) == ("two", False)
        leases.keep(leases.lease or {})
        assert leases.version > seen
        await leases.looked_at()
    clock.now += 8.1
    await asyncio.wait_for(one.elected.wait(), 60)
    assert leases.holder == "one"
    assert leases.lease is not None
    assert leases.lease["spec"]["leaseTransitions"] == 4
    await ended(taking)


@pytest.mark.parametrize(
    ("edit", "waited_s"),
    [
        ({"holderIdentity": ""}, 8),
        ({"holderIdentity": None}, 8),
        ({"leaseDurationSeconds": None}, 8),
        ({"leaseDurationSeconds": 1}, 8),
        ({"leaseDurationSeconds": 20}, 20),
        ({"leaseDurationSeconds": 86_400}, 60),
        ({"leaseTransitions": 2**31 - 1}, 8),
    ],
)
async def test_one_that_was_edited_by_hand_is_taken_when_its_holder_can_write_no_more(
    api: Api, leases: Leases, edit: dict[str, Any], waited_s: float
) -> None:
    clock = Clock()
    spec = {"holderIdentity": "two", "leaseDurationSeconds": 8, "leaseTransitions": 3}
    leases.keep({"metadata": {"name": "surefoot"}, "spec": {**spec, **edit}})
    one = elector(api, clock)
    taking = asyncio.create_task(one.run())
    await leases.looked_at()
    clock.now += waited_s - 0.1
    await leases.looked_at()
    assert not one.leads
    clock.now += 0.2
    await asyncio.wait_for(one.elected.wait(), 60)
    assert leases.holder == "one"
    assert 0 <= (leases.lease or {})["spec"]["leaseTransitions"] < 2**31 - 1
    await ended(taking)


async def test_one_that_was_given_back_is_taken_at_once(api: Api, leases: Leases) -> None:
    clock = Clock()
    for name in ("one", "two"):
        held = elector(api, clock, name)
        holding = asyncio.create_task(held.run())
        await asyncio.wait_for(held.elected.wait(), 60)
        assert leases.holder == name
        await ended(holding)
        await held.release()


async def test_one_that_was_deleted_is_made_again_when_its_holder_can_write_no_more(
    api: Api, leases: Leases
) -> None:
    clock = Clock()
    held = {"holderIdentity": "other", "leaseDurationSeconds": 8}
    leases.keep({"metadata": {"name": "surefoot"}, "spec": held})
    elector = Elector(api, "platform", "surefoot", "mine", QUICK, clock)
    running = asyncio.create_task(elector.run())
    await leases.looked_at()
    leases.lease = None
    await leases.looked_at()
    clock.now += 7
    await leases.looked_at()
    assert leases.lease is None
    clock.now += 2
    await soon(elector.elected.is_set)
    assert leases.holder == "mine"
    await ended(running)


async def test_one_that_cannot_renew_stops_writing_long_before_others_may(
    api: Api, leases: Leases
) -> None:
    clock = Clock()
    one = elector(api, clock)
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    leases.silent = True
    clock.now += QUICK.deadline - 0.5
    await leases.looked_at()
    assert one.leads
    assert one.remaining() < QUICK.duration - QUICK.deadline + 0.5
    clock.now += 1
    assert not one.leads
    with pytest.raises(LostError, match="could not be renewed in time"):
        await asyncio.wait_for(holding, 60)


async def test_an_editors_change_is_no_loss_and_another_holder_is(api: Api, leases: Leases) -> None:
    clock = Clock()
    one = elector(api, clock)
    holding = asyncio.create_task(one.run())
    await asyncio.wait_for(one.elected.wait(), 60)
    lease = leases.lease or {}
    leases.keep({**lease, "metadata": {**lease["metadata"], "labels": {"by": "hand"}}})
    renewed = leases.version
    clock.now += 1
    await soon(lambda: leases.version > renewed)
    assert one.leads
    assert (leases.lease or {})["metadata"]["labels"] == {"by": "hand"}

    lease = leases.lease or {}
    leases.keep({**lease, "spec": {**lease["spec"], "holderIdentity": "two"}})
    clock.now += 1
    with pytest.raises(LostError, match="held by two"):
        await asyncio.wait_for(holding, 60)
    assert not one.leads
    await one.release()
    assert leases.holder == "two"


async def test_no_write_begins_without_the_lease_and_none_outlives_it(api: Api) -> None:
    left: list[float] = []

    def fence() -> float:
        if not left:
            raise NotLeaderError("another replica leads")
        return left[0]

    api.fence = fence
    with pytest.raises(NotLeaderError):
        await api.patch("/slow", {}, "application/merge-patch+json")
    left.append(0.2)
    async with asyncio.timeout(9):
        with pytest.raises(TransientError, match="TimeoutError"):
            await api.patch("/slow", {}, "application/merge-patch+json")
