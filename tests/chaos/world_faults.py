"""The world around a release: pods, Services, routes, hands on the weights, edits of the spec."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.chaos.kinds import gone, held_or_taken_back, kind, taken_back
from tests.chaos.stage import Tale, reach
from tests.support.kube import Json
from tests.support.story import deployment, set_available

AREA = "the world"
CANDIDATE, INCUMBENT = "fraud-v42", "fraud-v41"


async def under_way(tale: Tale) -> None:
    """Somewhere after the first step was decided."""
    await reach(lambda: tale.was_at(10), f"{tale.namespace} at 10 %")
    await asyncio.sleep(tale.chance.uniform(0, 3))


async def first_step(tale: Tale) -> None:
    """Right after the first step was decided: whatever comes now comes in time."""
    await reach(lambda: tale.was_at(10), f"{tale.namespace} at 10 %")
    await asyncio.sleep(tale.chance.uniform(0, 1))


async def scale(tale: Tale, arm: str, replicas: int) -> None:
    """A Deployment scaled, and its pods as many as that at once."""
    await tale.do(tale.kube.patch, "Deployment", arm, {"spec": {"replicas": replicas}})
    await tale.do(set_available, tale.kube, arm, replicas)


async def _lacks_pods(tale: Tale, arm: str, left: int) -> None:
    """So many pods of an arm are available for a while; then both are again."""
    await under_way(tale)
    await tale.do(set_available, tale.kube, arm, left)
    tale.strike()
    await asyncio.sleep(tale.chance.uniform(3, 6))
    await tale.do(set_available, tale.kube, arm, 2)


@kind("candidate-deleted", AREA, "the candidate's Deployment deleted", ends=taken_back)
async def candidate_deleted(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(tale.kube.delete, "Deployment", CANDIDATE)
    tale.strike()


@kind("candidate-dead", AREA, "no pod of the candidate available any more", ends=taken_back)
async def candidate_dead(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(set_available, tale.kube, CANDIDATE, 0)
    tale.strike()


@kind("candidate-unready", AREA, "one of two candidate pods unready for 3 to 6 s")
async def candidate_unready(tale: Tale) -> None:
    await _lacks_pods(tale, CANDIDATE, 1)


@kind("candidate-service-deleted", AREA, "the candidate's Service deleted", ends=taken_back)
async def candidate_service(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(tale.kube.delete, "Service", CANDIDATE)
    tale.strike()


@kind("candidate-rolled", AREA, "the candidate rolled to another image under way")
async def candidate_rolled(tale: Tale) -> None:
    await first_step(tale)
    first = (tale.status.get("release") or {}).get("fingerprint")
    pods = deployment(CANDIDATE, image="model:2")["spec"]["template"]
    await tale.do(tale.kube.patch, "Deployment", CANDIDATE, {"spec": {"template": pods}})
    await tale.do(set_available, tale.kube, CANDIDATE, 2)
    tale.strike()
    await reach(
        lambda: (tale.status.get("release") or {}).get("fingerprint") != first or tale.over,
        f"{tale.namespace}: another release",
    )


@kind("incumbent-dead", AREA, "no incumbent pod available for 3 to 6 s")
async def incumbent_dead(tale: Tale) -> None:
    await _lacks_pods(tale, INCUMBENT, 0)


@kind("arms-scaled", AREA, "an autoscaler scales both arms up and down")
async def scaled(tale: Tale) -> None:
    await under_way(tale)
    for replicas in (4, 3, 2):
        for arm in (CANDIDATE, INCUMBENT):
            await scale(tale, arm, replicas)
        tale.strike()
        await asyncio.sleep(tale.chance.uniform(0.5, 2))


@kind("route-deleted", AREA, "the HTTPRoute deleted", ends=taken_back)
async def route_deleted(tale: Tale) -> None:
    await first_step(tale)
    await tale.do(tale.kube.delete, "HTTPRoute", "fraud")
    tale.strike()


@kind("release-deleted", AREA, "the ModelRelease deleted", ends=gone)
async def release_deleted(tale: Tale) -> None:
    await under_way(tale)
    await tale.do(tale.kube.delete, "ModelRelease", "fraud")
    tale.strike()


async def write_weights(tale: Tale, percent: int) -> None:
    """By hand, on the route as it stands then."""
    for _ in range(20):
        body = await tale.do(tale.kube.get, "HTTPRoute", "fraud")
        refs = body["spec"]["rules"][0]["backendRefs"]
        patch: list[Json] = [
            {"op": "test", "path": "/metadata/generation", "value": body["metadata"]["generation"]}
        ]
        for place, ref in enumerate(refs):
            weight = percent if ref["name"] == CANDIDATE else 100 - percent
            at = f"/spec/rules/0/backendRefs/{place}/weight"
            patch.append({"op": "add", "path": at, "value": weight})
        try:
            await json_patch(tale, patch)
        except Exception:
            continue
        tale.strike()
        return


async def json_patch(tale: Tale, patch: list[Json]) -> Any:
    path = tale.kube.path("HTTPRoute", "fraud") + "?fieldManager=kubectl-edit"
    content = "application/json-patch+json"
    return await tale.do(tale.kube.request, "PATCH", path, patch, content)


@kind("weights-raised", AREA, "the candidate's weight raised by hand, once")
async def raised(tale: Tale) -> None:
    await first_step(tale)
    await write_weights(tale, 90)


@kind(
    "weights-fought", AREA, "the candidate's weight raised five times in a row",
    ends=held_or_taken_back,
)  # fmt: skip
async def fought(tale: Tale) -> None:
    await first_step(tale)
    for _ in range(5):
        if not tale.over:
            await write_weights(tale, 90)
        await asyncio.sleep(tale.chance.uniform(0.2, 1.5))


@kind("weights-lowered", AREA, "the candidate's weight lowered by hand; Resume a while later")
async def lowered(tale: Tale) -> None:
    await reach(lambda: tale.weight() == 10 or tale.over, f"{tale.namespace} carries 10 %")
    await write_weights(tale, tale.chance.randint(0, 5))
    await reach(lambda: tale.over or tale.status.get("hold"), f"{tale.namespace} is held")
    await asyncio.sleep(tale.chance.uniform(1, 4))
    if not tale.over:
        await resume(tale, "once")


async def resume(tale: Tale, name: str) -> None:
    """A person's act."""
    spec = {"releaseName": "fraud", "type": "Resume", "requestedBy": "admin"}
    body = {"apiVersion": "surefoot.dev/v1alpha1", "kind": "ReleaseAction", "spec": spec}
    await tale.do(tale.kube.create, {**body, "metadata": {"name": f"fraud-resume-{name}"}})


@kind(
    "route-touched", AREA, "another tool edits the route, weights aside, every second", given=True
)
async def touched(tale: Tale) -> None:
    await reach(lambda: tale.status.get("release"), f"{tale.namespace} starts")
    for count in range(8):
        value = {"request": f"{count + 1}s"}
        await json_patch(tale, [{"op": "add", "path": "/spec/rules/0/timeouts", "value": value}])
        tale.strike()
        await asyncio.sleep(tale.chance.uniform(0.3, 1.5))


@kind("suspended", AREA, "spec.suspend for 2 to 5 s")
async def suspended(tale: Tale) -> None:
    await under_way(tale)
    await tale.do(tale.kube.patch, "ModelRelease", "fraud", {"spec": {"suspend": True}})
    tale.strike()
    await asyncio.sleep(tale.chance.uniform(2, 5))
    await tale.do(tale.kube.patch, "ModelRelease", "fraud", {"spec": {"suspend": False}})
