"""Two replicas, of which the Lease's holder writes: it is killed, asleep, cut off, or rolled."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.kinds import kind_for_all
from tests.chaos.operator_faults import CutOff
from tests.chaos.proxy import Answer, Call, DropError, Fault
from tests.chaos.replicas import Replica
from tests.chaos.stage import Group, reach

AREA = "two replicas"


class Unheard(Fault):
    """The server does what it is asked to, and says so to nobody. Events are heard of: that of a step
    which is over before any could be written would be told by no other replica."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group

    async def after(self, call: Call, answer: Answer) -> Answer:
        if call.path.endswith("/events"):
            return answer
        self.group.strike()
        raise DropError


async def _under_way(group: Group) -> Replica:
    """The one that leads, once it has written something; and some moment after that."""
    leader = await group.leader()
    known = len(leader.api.writes)
    await reach(lambda: len(leader.api.writes) > known or group.is_over, "a write of the leader")
    await asyncio.sleep(group.chance.uniform(0, 4))
    return leader


async def _ended(group: Group, replica: Replica) -> None:
    """One that slept or was cut off for too long ends by itself; then it is started anew."""
    process = replica.process.process
    await reach(lambda: process.poll() is not None, "the end of one that has lost the Lease", 30.0)
    assert process.returncode != 0, "it lost the Lease, and said that all was well"
    await group.join(replica)


@kind_for_all("leader-killed", AREA, "kill -9 of the one that leads, twice", replicas=2)
async def killed(group: Group) -> None:
    for _ in range(2):
        leader = await _under_way(group)
        await asyncio.to_thread(leader.process.kill)
        group.strike()
        await asyncio.sleep(group.chance.uniform(0, 12))
        await group.join(leader)


@kind_for_all(
    "leader-asleep", AREA, "SIGSTOP of the one that leads for 12 to 40 s, and SIGCONT", replicas=2
)
async def asleep(group: Group) -> None:
    leader = await _under_way(group)
    leader.process.process.send_signal(signal.SIGSTOP)
    group.strike()
    await asyncio.sleep(group.chance.uniform(12, 40))
    leader.process.process.send_signal(signal.SIGCONT)
    if await group.leader() is not leader:
        await _ended(group, leader)


@kind_for_all(
    "leader-cut-off", AREA, "no way to the API server for the one that leads, 8 to 30 s", replicas=2
)
async def cut_off(group: Group) -> None:
    leader = await _under_way(group)
    async with leader.api.having(CutOff(group)):
        leader.api.drop_watches()
        await asyncio.sleep(group.chance.uniform(8, 30))
    await _ended(group, leader)


@kind_for_all(
    "leader-unheard", AREA, "the one that leads hears no answer, Events aside, for 8 to 20 s",
    replicas=2,
)  # fmt: skip
async def unheard(group: Group) -> None:
    leader = await _under_way(group)
    async with leader.api.having(Unheard(group)):
        await asyncio.sleep(group.chance.uniform(8, 20))
    await _ended(group, leader)


@kind_for_all(
    "replicas-rolled", AREA, "SIGTERM and another process for each replica in turn", replicas=2
)
async def rolled(group: Group) -> None:
    for _ in range(2):
        leader = await _under_way(group)
        others = [each for each in group.replicas if each is not leader]
        for replica in group.chance.sample((leader, *others), 2):
            code = await asyncio.to_thread(replica.process.stop)
            assert code == 0, f"it ended with {code}"
            group.strike()
            await group.join(replica)
            await asyncio.sleep(group.chance.uniform(0, 2))
