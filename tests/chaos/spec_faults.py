"""The spec, edited while its release runs: every field of it, one that is wrong, another candidate."""

from __future__ import annotations

import asyncio

from tests.chaos.kinds import kind, withdrawn
from tests.chaos.stage import Tale, reach
from tests.chaos.world_faults import AREA, INCUMBENT, first_step, under_way
from tests.support.kube import Json
from tests.support.story import error_rate


async def edit(tale: Tale, spec: Json) -> None:
    """As `kubectl edit` does it."""
    await tale.do(tale.kube.patch, "ModelRelease", "fraud", {"spec": spec})
    tale.strike()


def _harmless() -> list[Json]:
    """An edit of every field, after which the release has to end as without it."""
    signal = error_rate(compare={"revertMargin": {"relative": 0.5}})
    tightened = {**signal, "threshold": {**signal["threshold"], "max": 0.04}}
    watched = {**error_rate(), "name": "watched", "onBreach": "Observe"}
    return [
        {"steps": [{"weight": weight, "hold": "2s"} for weight in (10, 30, 60)]},
        {"bake": "3s"},
        {"startDeadline": "20m"},
        {"maxDuration": "1h"},
        {"rollbackWindow": 1},
        {"signals": [tightened]},
        {"signals": [signal, watched]},
        {"analysis": {"interval": "2s"}},
        {"analysis": {"warmup": "1s"}},
        {"analysis": {"evidenceInterval": "6s"}},
        {"analysis": {"falseRevertBudget": 0.04}},
        {"analysis": {"falsePromoteBudget": 0.04}},
        {"analysis": {"minAdverseIntervals": 2}},
        {"hypothesis": {"signal": "errors", "improveBy": {"relative": 0.1}}},
        {"onNoData": "Hold"},
        {"onInconclusive": "Revert"},
        {"onDelete": "Leave"},
        {"onNewCandidate": "Queue"},
        {"summary": "more to say"},
        {"owner": {"team": "risk"}},
        {"candidate": {"version": "42.1"}},
        {"candidate": {"lineage": {"dataset": "march"}}},
        {"candidate": {"backendRef": {"name": "fraud-v42", "port": 80}}},
        {"incumbent": {"version": "41"}},
        {"incumbent": None},
    ]


@kind("spec-edited", AREA, "four fields of the spec edited, of all that it has")
async def edited(tale: Tale) -> None:
    await under_way(tale)
    for each in tale.chance.sample(_harmless(), 4):
        await edit(tale, each)
        await asyncio.sleep(tale.chance.uniform(0, 1.5))


@kind("spec-invalid", AREA, "a ReleaseClass that does not exist named in the spec for 2 to 5 s")
async def invalid(tale: Tale) -> None:
    await under_way(tale)
    await edit(tale, {"releaseClassName": "missing"})
    await asyncio.sleep(tale.chance.uniform(2, 5))
    await edit(tale, {"releaseClassName": None})


@kind("candidate-withdrawn", AREA, "the candidate set back to what serves", ends=withdrawn)
async def pointed_back(tale: Tale) -> None:
    await first_step(tale)
    serving = {"version": "41", "workloadRef": {"name": INCUMBENT}}
    await edit(tale, {"candidate": serving, "incumbent": None})


@kind("traffic-changed", AREA, "the managed route gets another hostname under way", given=False)
async def traffic(tale: Tale) -> None:
    await first_step(tale)
    first = (tale.status.get("release") or {}).get("startedAt")
    await edit(tale, {"traffic": {"managedRoute": {"hostnames": ["fraud.example"]}}})

    def another() -> bool:
        release = tale.status.get("release") or {}
        return release.get("startedAt") != first or release.get("outcome") in (
            "Promoted",
            "Reverted",
        )

    await reach(another, f"{tale.namespace}: another release")
