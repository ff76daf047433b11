"""What serves: Deployments scaled, deleted, in a crash loop; Services replaced and renamed."""

from __future__ import annotations

import asyncio

from tests.chaos.kinds import kind, settled, taken_back
from tests.chaos.stage import Tale
from tests.chaos.world_faults import CANDIDATE, INCUMBENT, first_step, scale, under_way
from tests.support.story import deployment, service, set_available

AREA = "the arms"


async def _flips(tale: Tale, arm: str, away: tuple[float, float]) -> None:
    """All pods of an arm unavailable, and there again, four times."""
    for flip in range(4):
        if flip and tale.over:
            return
        await tale.do(set_available, tale.kube, arm, 0)
        tale.strike()
        await asyncio.sleep(tale.chance.uniform(*away))
        await tale.do(set_available, tale.kube, arm, 2)
        await asyncio.sleep(tale.chance.uniform(0.3, 1))


@kind("candidate-to-zero", AREA, "the candidate's Deployment scaled to 0", ends=taken_back)
async def to_zero(tale: Tale) -> None:
    await first_step(tale)
    await scale(tale, CANDIDATE, 0)
    tale.strike()


@kind(
    "candidate-crash-loops", AREA, "all pods of the candidate away for 2 s, again and again",
    ends=taken_back,
)  # fmt: skip
async def candidate_crashes(tale: Tale) -> None:
    await first_step(tale)
    await _flips(tale, CANDIDATE, (2, 3))


@kind("incumbent-crash-loops", AREA, "all incumbent pods away for up to 2 s, again and again")
async def incumbent_crashes(tale: Tale) -> None:
    await under_way(tale)
    await _flips(tale, INCUMBENT, (0.3, 2))


@kind("incumbent-deleted", AREA, "the incumbent's Deployment deleted, made anew after 3 to 6 s")
async def incumbent_deleted(tale: Tale) -> None:
    await under_way(tale)
    await tale.do(tale.kube.delete, "Deployment", INCUMBENT)
    tale.strike()
    await asyncio.sleep(tale.chance.uniform(3, 6))
    await tale.do(tale.kube.create, deployment(INCUMBENT))
    await tale.do(set_available, tale.kube, INCUMBENT, 2)


@kind("incumbent-to-zero", AREA, "the incumbent's Deployment scaled to 0 for 3 to 6 s")
async def incumbent_to_zero(tale: Tale) -> None:
    await under_way(tale)
    for replicas, lasts in ((0, tale.chance.uniform(3, 6)), (2, 0)):
        await scale(tale, INCUMBENT, replicas)
        tale.strike()
        await asyncio.sleep(lasts)


@kind("incumbent-rolled", AREA, "the incumbent rolled to another image under way")
async def incumbent_rolled(tale: Tale) -> None:
    await under_way(tale)
    pods = deployment(INCUMBENT, image="model:0.9")["spec"]["template"]
    await tale.do(tale.kube.patch, "Deployment", INCUMBENT, {"spec": {"template": pods}})
    await tale.do(set_available, tale.kube, INCUMBENT, 1)
    tale.strike()
    await asyncio.sleep(tale.chance.uniform(0.5, 3))
    await tale.do(set_available, tale.kube, INCUMBENT, 2)


@kind(
    "service-replaced", AREA, "an arm's Service deleted, and made anew within a second",
    ends=settled,
)  # fmt: skip
async def replaced(tale: Tale) -> None:
    await first_step(tale)
    arm = tale.chance.choice((CANDIDATE, INCUMBENT))
    await tale.do(tale.kube.delete, "Service", arm)
    tale.strike()
    await asyncio.sleep(tale.chance.uniform(0, 1))
    await tale.do(tale.kube.create, service(arm))


@kind("service-renamed", AREA, "the candidate's Service has another name", ends=taken_back)
async def renamed(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(tale.kube.delete, "Service", CANDIDATE)
    await tale.do(tale.kube.create, service(f"{CANDIDATE}-b"))
    tale.strike()
