"""The command line of `hack/chaos`: which kinds, which seeds, and the table of what came out."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.catalogue import KINDS
from tests.chaos.jobs import Told, told
from tests.chaos.page import PAGE, table, write_page
from tests.chaos.telling import AT_ONCE, Result, group_of_seed


def _report(group: Told) -> None:
    """A line of progress, and one for each story that did not end as it has to."""
    name, seeds, results, took = group
    fine = sum(result.fine for result in results)
    lines = [
        f"{name:<28} seeds {seeds.start}–{seeds.stop - 1}: {fine} of {len(results)} fine, {took:.0f} s"
    ]
    for result in results:
        if not result.fine:
            lines.append(f"  seed {result.seed}: {result.said}")
            lines.append(f"    again: hack/chaos --kind {name} --seed {result.seed}")
    print("\n".join(lines), file=sys.stderr, flush=True)


def main(arguments: Sequence[str], usage: str) -> int:
    """0 when every story ended as it has to and every fault struck."""
    parser = argparse.ArgumentParser(
        prog="hack/chaos", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", action="append", default=[], help="only this kind (repeatable)")
    parser.add_argument("--seed", type=int, help="only the group of stories that this seed is in")
    parser.add_argument(
        "--runs", type=int, help="seeds of each kind (default: 10, and 50 with --all)"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="groups at once, each beside servers of its own"
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
    runs = asked.runs or (50 if asked.all else AT_ONCE)
    groups = [range(at, min(at + AT_ONCE, runs)) for at in range(0, runs, AT_ONCE)]
    if asked.seed is not None:
        groups = [group_of_seed(asked.seed)]
    # Who is asked to end takes the servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    results: list[Result] = []
    for group in told(asked.jobs, asked.kind or list(KINDS), groups, asked.logs):
        _report(group)
        results += group[2]
        if asked.into is not None:
            with asked.into.open("a") as lines:
                lines.writelines(json.dumps(asdict(result)) + "\n" for result in group[2])
    if asked.output == "json":
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        print(table(results))
    return 0 if all(result.fine for result in results) else 1
