"""The command line of `hack/chaos`: which kinds, which seeds, and the table of what came out."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from environment import ROOT
from tests.bench.stage import Stage, api_stage
from tests.chaos import api_faults, operator_faults, prometheus_faults, world_faults  # noqa: F401
from tests.chaos.gateways import Gateways
from tests.chaos.kinds import KINDS, Kind
from tests.chaos.stage import FailedError, Group, Tale, group_of, reach
from tests.chaos.watcher import Watcher

AT_ONCE = 10
PAGE = ROOT / "docs" / "reliability.md"


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
    async with group_of(run.stage, run.watcher, chance) as group:
        for seed in seeds:
            group.tales.append(_tale(group, kind, seed, f"c{run.count}-{seed}"))
        await asyncio.gather(*(_namespace(tale) for tale in group.tales))
        await group.start()
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
    good, given = seed % 2 == 0, kind.given or seed % 4 >= 2
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


ENDS = {"Gone": _is_gone, "Held": _is_held}


def tell_all(
    run: Running, chosen: Sequence[Kind], groups: Sequence[range], into: Path | None = None
) -> list[Result]:
    """Kind after kind, with a line of progress for each group."""
    found: list[Result] = []
    for kind in chosen:
        for seeds in groups:
            began = time.monotonic()
            results = asyncio.run(tell(run, kind, seeds))
            found += results
            if into is not None:
                with into.open("a") as lines:
                    lines.writelines(json.dumps(asdict(result)) + "\n" for result in results)
            fine = sum(result.fine for result in results)
            took = time.monotonic() - began
            print(
                f"{kind.name:<28} seeds {seeds.start}–{seeds.stop - 1}: {fine} of {len(results)} fine, "
                f"{took:.0f} s",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            for result in results:
                if not result.fine:
                    print(
                        f"  seed {result.seed}: {result.said}\n    again: hack/chaos --kind "
                        f"{kind.name} --seed {result.seed}",
                        file=sys.stderr, flush=True,
                    )  # fmt: skip
    return found


def rows(results: Sequence[Result]) -> list[dict[str, object]]:
    """One row for each kind: runs, strikes, and how many ended as they have to. What strikes a whole
    group is in the result of each of its releases, and counts once."""
    runs, fine, struck = Counter[str](), Counter[str](), Counter[str]()
    for result in results:
        runs[result.kind] += 1
        fine[result.kind] += result.fine
        struck[result.kind] += result.struck
    for name in struck:
        if KINDS[name].to_all is not None:
            struck[name] = round(struck[name] / AT_ONCE)
    return [
        {
            "kind": name, "area": KINDS[name].area, "what": KINDS[name].what, "runs": runs[name],
            "struck": struck[name], "fine": fine[name],
        }
        for name in KINDS
        if name in runs
    ]  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """Markdown."""
    lines = [
        "| where | kind | what happens | runs | strikes | as it has to end |",
        "|---|---|---|--:|--:|--:|",
    ]
    lines += [
        f"| {row['area']} | `{row['kind']}` | {row['what']} | {row['runs']} | {row['struck']} | "
        f"{row['fine']} |"
        for row in rows(results)
    ]
    return "\n".join(lines)


def write_page(results: Sequence[Result]) -> None:
    """Put the table between the marks of the page."""
    before, _, rest = PAGE.read_text().partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- /table -->\n")
    PAGE.write_text(f"{before}<!-- table -->\n{table(results)}\n<!-- /table -->\n{after}")


def main(arguments: Sequence[str], usage: str) -> int:
    """0 when every story ended as it has to and every fault struck."""
    logging.getLogger("aiohttp").setLevel("CRITICAL")
    logging.getLogger("asyncio").setLevel("CRITICAL")
    parser = argparse.ArgumentParser(
        prog="hack/chaos", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", action="append", default=[], help="only this kind (repeatable)")
    parser.add_argument("--seed", type=int, help="only the group of stories that this seed is in")
    parser.add_argument(
        "--runs", type=int, default=AT_ONCE, help="seeds of each kind (default: 10)"
    )
    parser.add_argument("--all", action="store_true", help="every kind with 50 seeds")
    parser.add_argument("--list", action="store_true", help="say which kinds there are")
    parser.add_argument(
        "--into", type=Path, help="append each group's results to this file, as JSON"
    )
    parser.add_argument(
        "--write", type=Path, nargs="+", metavar="FILE",
        help=f"run nothing: write what such files hold into {PAGE.name}",
    )  # fmt: skip
    parser.add_argument("--logs", type=Path, help="keep logs and timelines of what failed there")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.kind if name not in KINDS]:
        parser.error(f"there is no kind {unknown[0]}: choose from {', '.join(KINDS)}")
    if asked.list:
        print("\n".join(f"{kind.name:<28} {kind.what}" for kind in KINDS.values()))
        return 0
    if asked.write:
        write_page([Result(**json.loads(line)) for file in asked.write for line in file.open()])
        return 0
    if not (asked.kind or asked.all):
        parser.error("say --kind NAME, or --all")
    chosen = [KINDS[name] for name in asked.kind] or list(KINDS.values())
    runs = 50 if asked.all and asked.runs == AT_ONCE else asked.runs
    groups = [range(at, min(at + AT_ONCE, runs)) for at in range(0, runs, AT_ONCE)]
    if asked.seed is not None:
        groups = [group_of_seed(asked.seed)]
    with running(asked.logs) as run:
        results = tell_all(run, chosen, groups, asked.into)
    if asked.output == "json":
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        print(table(results))
    return 0 if all(result.fine for result in results) else 1
