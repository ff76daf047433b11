"""The namespace goes, as its controller does it: nothing can be made any more, then all is deleted."""

from __future__ import annotations

import asyncio

from tests.chaos.kinds import kind
from tests.chaos.stage import Tale
from tests.chaos.world_faults import under_way

AREA = "the world"
_ALL = (
    "ModelRelease", "HTTPRoute", "ReleaseRecord", "ReleaseAction", "Deployment", "Service", "Event",
)  # fmt: skip


def emptied(_: Tale) -> str:
    """Nothing is left to be right or wrong."""
    return "Emptied"


@kind(
    "namespace-terminating", AREA, "the namespace deleted, and then all that is in it", ends=emptied
)
async def terminating(tale: Tale) -> None:
    await under_way(tale)
    tale.settles = False  # its last Events cannot be made
    await tale.do(tale.kube.request, "DELETE", f"/api/v1/namespaces/{tale.namespace}")
    tale.strike()
    await asyncio.sleep(tale.chance.uniform(0, 8))
    for each in tale.chance.sample(_ALL, len(_ALL)):
        await tale.do(tale.kube.request, "DELETE", tale.kube.path(each))
        await asyncio.sleep(tale.chance.uniform(0, 0.7))
