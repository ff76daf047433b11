"""The command line of `hack/bench`: which benches, how often, and the table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from tests.bench import crowd, footprint, reaction, reading, revert, takeover, writes
from tests.bench.figures import Figure
from tests.bench.stage import Stage, api_stage

Staged = Callable[[Stage, int], Figure | list[Figure]]
STAGED: dict[str, Staged] = {
    "start": footprint.start,
    "memory": footprint.memory,
    "crossing": reaction.crossing,
    "unavailable": reaction.unavailable,
    "deleted": reaction.deleted,
    "repair": reaction.repair,
    "abort": reaction.abort,
    "writes": writes.writes,
    "takeover": takeover.takeover,
}
ALONE: dict[str, Callable[[int], list[Figure]]] = {
    "image": footprint.image,
    "revert": revert.revert,
    "reading": reading.reading,
    "crowd": crowd.crowd,
}
NAMES = (*STAGED, *ALONE)


def measure(chosen: Sequence[str], runs: int) -> list[Figure]:
    """Every figure of the chosen benches; what needs an API server shares one."""
    found: list[Figure] = []
    staged = [name for name in chosen if name in STAGED]
    if staged:
        with api_stage() as stage:
            for name in staged:
                print(f"measuring {name} …", file=sys.stderr, flush=True)
                made = STAGED[name](stage, runs)
                found += made if isinstance(made, list) else [made]
    for name in (name for name in chosen if name in ALONE):
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        found += ALONE[name](runs)
    return found


def table(figures: Sequence[Figure]) -> str:
    """Aligned rows; the last column is CPU steal / busy / load."""
    width = max(len(figure.what) for figure in figures)
    rows = [f"{'figure':<{width}}  median     min     max   limit   n  steal / busy / load"]
    for figure in figures:
        values = figure.values or [float("nan")]
        limit = "–" if figure.limit is None else f"{figure.limit:g}"
        mark = "✗" if figure.kept is False else " "
        rows.append(
            f"{figure.what:<{width}} {figure.median or 0:>7.2f} {min(values):>7.2f} {max(values):>7.2f} "
            f"{limit:>7} {len(figure.values):>3}  {figure.load.words()} {figure.unit} {mark}"
        )
    return "\n".join(rows)


def main(arguments: Sequence[str], usage: str) -> int:
    """0 when every limit is kept."""
    if arguments and arguments[0] == "scale":
        from tests.bench import scale

        return scale.main(arguments[1:])
    if arguments and arguments[0] == "judge":
        # Imported here: it needs numpy, and takes minutes.
        from tests.bench import judge

        return judge.main(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="hack/bench", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bench", nargs="*", help=f"which ones (default: all): {', '.join(NAMES)}")
    parser.add_argument("--runs", type=int, default=10, help="repeats of each delay (default: 10)")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.bench if name not in NAMES]
    if unknown:
        parser.error(f"there is no bench {unknown[0]}: choose from {', '.join(NAMES)}")
    figures = measure(chosen.bench or NAMES, chosen.runs)
    if chosen.output == "json":
        print(json.dumps([figure.row() for figure in figures], indent=2))
    else:
        print(table(figures))
    return 0 if all(figure.kept is not False for figure in figures) else 1
