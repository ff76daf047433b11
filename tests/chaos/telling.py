"""Tells the stories of a group under one kind of fault, and says how each ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tests.bench.stage import Stage, api_stage
from tests.chaos.gateways import Gateways
from tests.chaos.kinds import Kind
from tests.chaos.stage import FailedError, Group, Tale, group_of, reach
from tests.chaos.watcher import Watcher

AT_ONCE = 10
_LEFT = (
    "ModelRelease", "HTTPRoute", "ReleaseRecord", "ReleaseAction", "Deployment", "Service", "Event",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """How one release under one fault ended. `said` is empty when all was well."""

    kind: str
    seed: int
    good: bool
    struck: int
    said: str
    seconds: float

    @property
    def fine(self) -> bool:
        return not self.said and self.struck > 0


@dataclass
class Running:
    """What all groups share."""

    stage: Stage
    watcher: Watcher
    gateways: Gateways
    logs: Path | None = None
    count: int = 0


@contextmanager
def running(logs: Path | None = None) -> Iterator[Running]:
    """The servers, and what watches them."""
    with api_stage() as stage:
        watcher = Watcher(stage.admin)
        gateways = Gateways(stage.admin, watcher)
        try:
            yield Running(stage, watcher, gateways, logs)
        finally:
            gateways.close()
            watcher.close()


def group_of_seed(seed: int) -> range:
    """The seeds that are told together: they share an operator, and what happens to it."""
    first = seed // AT_ONCE * AT_ONCE
    return range(first, first + AT_ONCE)


async def tell(run: Running, kind: Kind, seeds: range) -> list[Result]:
    """The stories of one group."""
    chance = Random(f"{kind.name} {seeds.start}")
    run.count += 1
    async with group_of(run.stage, run.watcher, chance, kind.replicas) as group:
        for seed in seeds:
            group.tales.append(_tale(group, kind, seed, f"c{run.count}-{seed}"))
        try:
            return await _tell(run, kind, group)
        finally:
            await group.end()
            await asyncio.gather(*(_forget(run, tale) for tale in group.tales))


async def _tell(run: Running, kind: Kind, group: Group) -> list[Result]:
    await asyncio.gather(*(_namespace(tale) for tale in group.tales))
    await group.begin()
    ends = [asyncio.create_task(_tell_one(tale, kind)) for tale in group.tales]
    said = ""
    if kind.to_all is not None:
        try:
            await kind.to_all(group)
        except (FailedError, AssertionError, OSError) as error:
            said = f"the fault itself: {error}"
    group.calm.set()
    results = await asyncio.gather(*ends)
    tracebacks = sum(path.read_text().count("Traceback") for path in group.logs)
    if tracebacks and not said:
        said = f"{tracebacks} tracebacks in the operator's log"
    if run.logs is not None and (said or any(not r.fine for r in results)):
        _keep(run.logs, kind, group)
    return [r if not said or r.said else Result(**{**asdict(r), "said": said}) for r in results]


async def _forget(run: Running, tale: Tale) -> None:
    """Nothing is left of it that the next group's operator would have to look at."""
    for kind in _LEFT:
        await tale.do(tale.kube.request, "DELETE", tale.kube.path(kind))
    run.stage.exporter.forget(tale.namespace)
    run.watcher.forget(tale.namespace)


def _keep(folder: Path, kind: Kind, group: Group) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in group.logs:
        (folder / f"{kind.name}-{group.tales[0].seed}-{path.name}").write_text(path.read_text())
    for tale in group.tales:
        lines = "\n".join(str(seen) for seen in tale.timeline())
        (folder / f"{kind.name}-{tale.seed}-timeline.txt").write_text(lines)


def _tale(group: Group, kind: Kind, seed: int, namespace: str) -> Tale:
    chance = Random(f"{kind.name} {seed} one")
    kube = group.stage.admin.within(namespace)
    good, given = seed % 2 == 0, seed % 4 >= 2 if kind.given is None else kind.given
    return Tale(group, seed, namespace, chance, good, kube, given)


async def _namespace(tale: Tale) -> None:
    meta = {"name": tale.namespace}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    await tale.do(tale.kube.create, body)


async def _tell_one(tale: Tale, kind: Kind) -> Result:
    began, said = time.monotonic(), ""
    try:
        await tale.begin()
        parts = [tale.breaks()]
        if kind.to_one is not None:
            parts.append(kind.to_one(tale))
        await asyncio.gather(*parts)
        await tale.group.calm.wait()
        outcome = kind.ends(tale)
        await ENDS.get(outcome, lambda t: t.ends(outcome))(tale)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:500]
    said = tale.broken() or said
    struck = tale.group.struck[tale.namespace] + tale.group.struck[""]
    if not said and not struck:
        said = "the fault never struck"
    return Result(kind.name, tale.seed, tale.good, struck, said, time.monotonic() - began)


async def _is_gone(tale: Tale) -> None:
    """A release that was promoted or taken back before it was deleted leaves it at that."""

    def alone() -> bool:
        return 100 in (tale.weight("fraud-v41"), tale.weight("fraud-v42"))

    await reach(alone, f"{tale.namespace}: all of the traffic is with one arm")
    await reach(lambda: not tale.broken(), tale.broken, 30.0)


async def _is_held(tale: Tale) -> None:
    """The weight is the one that is intended, and a person is asked to stop the fight; raised less
    than three times in a row it was none, and the release goes on to its end."""

    def put_right() -> bool:
        status = tale.status
        stalled = any(
            c["type"] == "Stalled" and c["status"] == "True" for c in status["conditions"]
        )
        promoted = (status.get("release") or {}).get("outcome") == "Promoted"
        return (stalled or promoted) and tale.weight() == status["traffic"]["intended"]

    await reach(put_right, f"{tale.namespace}: held, at the weight that is intended")
    await reach(lambda: not tale.broken(), tale.broken, 30.0)


async def _is_settled(tale: Tale) -> None:
    await reach(lambda: tale.over, f"{tale.namespace} is over")
    taken_back = tale.status["release"]["outcome"] == "Reverted"
    await tale.ends("Reverted" if taken_back else "Promoted")


async def _is_withdrawn(tale: Tale) -> None:
    """The incumbent serves alone, and nothing is left to be acknowledged."""

    def idle() -> bool:
        status = tale.status
        serves = status["incumbent"]["workload"] == "fraud-v41"
        return serves and status.get("phase") == "Idle" and tale.weight("fraud-v41") == 100

    await reach(idle, f"{tale.namespace}: the incumbent serves alone")
    await reach(lambda: not tale.broken(), tale.broken, 30.0)


async def _is_emptied(tale: Tale) -> None:
    """And nothing comes back into it."""

    def empty() -> bool:
        return not any(where[0] == tale.namespace for where in list(tale.group.watcher.latest))

    await reach(empty, f"{tale.namespace}: nothing is left")


ENDS = {
    "Gone": _is_gone, "Held": _is_held, "Settled": _is_settled, "Withdrawn": _is_withdrawn,
    "Emptied": _is_emptied,
}  # fmt: skip
