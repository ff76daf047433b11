"""The route of the user's: replaced, renamed, less of it, and tools that put it back as it is in Git."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.chaos.kinds import kind, settled, taken_back
from tests.chaos.stage import Tale, reach
from tests.chaos.tale import given_route
from tests.chaos.world_faults import INCUMBENT, first_step, json_patch, resume
from tests.support.kube import ApiError, Json

AREA = "the route"
TOOL = "gitops"


def in_git(name: str = "fraud") -> Json:
    """The route as it was written once: all of the traffic to the incumbent."""
    body = given_route()
    body["metadata"]["name"] = name
    body["spec"]["rules"][0]["backendRefs"][0]["weight"] = 100
    return body


@kind(
    "route-replaced", AREA, "the HTTPRoute deleted, and made anew with weights as in Git",
    ends=settled, given=True,
)  # fmt: skip
async def replaced(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(tale.kube.delete, "HTTPRoute", "fraud")
    tale.strike()
    await asyncio.sleep(tale.chance.choice((0, tale.chance.uniform(0, 1))))
    await tale.do(tale.kube.create, in_git())
    await _resumed_where_held(tale)


@kind("route-renamed", AREA, "the HTTPRoute has another name", ends=taken_back, given=True)
async def renamed(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(tale.kube.delete, "HTTPRoute", "fraud")
    await tale.do(tale.kube.create, in_git("fraud-b"))
    tale.strike()


@kind(
    "backend-removed", AREA, "the candidate's backendRef removed from the route",
    ends=taken_back, given=True,
)  # fmt: skip
async def removed(tale: Tale) -> None:
    await first_step(tale)
    refs = [{"name": INCUMBENT, "port": 80, "weight": 100}]
    await json_patch(tale, [{"op": "replace", "path": "/spec/rules/0/backendRefs", "value": refs}])
    tale.strike()


@kind(
    "gitops-weights", AREA, "a GitOps tool puts all weights back every 0.5 to 3 s; a Resume before "
    "and one after it is told to leave them alone", given=True,
)  # fmt: skip
async def gitops(tale: Tale) -> None:
    await reach(lambda: tale.weight() == 10 or tale.over, f"{tale.namespace} carries 10 %")
    for count in range(6):
        await tale.do(tale.kube.apply, in_git(), TOOL)
        tale.strike()
        await asyncio.sleep(tale.chance.uniform(0.5, 3))
        if count == 3 and not tale.over:
            await resume(tale, "before")
    await _resumed_where_held(tale)


async def _resumed_where_held(tale: Tale) -> None:
    """The weight that was put back is obeyed until a person says otherwise."""
    await reach(lambda: tale.over or tale.status.get("hold"), f"{tale.namespace} is held, or over")
    if not tale.over:
        await resume(tale, "after")


@kind(
    "gitops-beside",
    AREA,
    "a GitOps tool applies all but the weights every 0.3 to 1.5 s",
    given=True,
)
async def beside(tale: Tale) -> None:
    await first_step(tale)
    for count in range(8):
        live = await tale.do(tale.kube.get, "HTTPRoute", "fraud")
        wanted = in_git()
        wanted["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        rule = wanted["spec"]["rules"][0]
        rule["backendRefs"] = live["spec"]["rules"][0]["backendRefs"]
        rule["timeouts"] = {"request": f"{count + 1}s"}
        with suppress(ApiError):  # 409: someone else has written it since
            await tale.do(tale.kube.apply, wanted, TOOL)
            tale.strike()
        await asyncio.sleep(tale.chance.uniform(0.3, 1.5))
