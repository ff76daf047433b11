"""Surefoot's sequential tests beside other tools' rules, on the same simulated releases.

Examples:
  hack/bench judge                       the whole table, 2,000 releases a cell
  hack/bench judge --runs 500            a quicker look
  hack/bench judge --write               and put it into docs/judge.md
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import judge_beside, judge_cells, judge_table
from tests.bench.judge_kayenta import NUMBERS
from tests.bench.judge_peers import RULES
from tests.bench.judge_table import Results
from tests.bench.machine import measured

PAGE = Path(__file__).resolve().parents[2] / "docs" / "judge.md"
RUNS = 2000

HEAD = """# What the sequential tests reach

Written by `hack/bench judge --write`. Every cell is {runs:,} simulated releases; {total:,} in all. Seeds are fixed (CRC-32 of a cell's name), so that the
numbers come out the same again. {seconds:.0f} s on {cores} cores (steal / busy / load: {load}).

A release goes through weights 1, 5, 10, 25 and 50 % in 60 minutes (holds of 6, 12, 12, 15 and 15 minutes), judged once a minute after a warm-up of 3 minutes, which
counts as time. Base error rate 0.5 %. What is wrong is wrong from the start. "Minutes" and "exposed" (candidate requests until the revert) are medians over **all** runs, so a dash
means that under half were reverted. A share of 1 % of {runs:,} runs has a standard error of {error:.1f} points.

**Disturbances**, in every cell, of healthy and bad releases alike: traffic wanders by 15 % (AR(1), 0.8) and doubles in 2 % of the minutes; the error rate of both arms wanders by 25 %
(AR(1), 0.7) and has blips of a factor of about 4, once an hour, for 3 minutes; each pod's error rate wanders by 30 % (AR(1), 0.6), ten pods in the incumbent, three in the candidate; errors come in clumps of 1.25;
2 % of the minutes are not scraped, and 1 % more in either arm; a cold start triples the candidate's errors and fades in 1.5 minutes. *Candidate-only blips* (factor 4, 2 minutes, once in two hours) are added in their own
column only. Latency, scores, calibration and selection have noise of their own: `tests/bench/judge_traffic.py`.

Surefoot's verdicts are those of `surefoot.stats`, called as the operator calls it, with default settings: α = 0.05, margins of `docs/statistics.md`.

## Asked for and reached

The error rate at 100 requests/s, and the other signals at 100 requests/s where found, unless a row says otherwise. *Later than Kayenta at equal false reverts*: both rules
tuned to revert 1 % of the healthy, and then 5 %; Surefoot's median minutes less Kayenta's, the worse of the two. Who finds under half is taken to need 61 minutes.

{required}

## Error rate, side by side

False reverts in percent of releases. *Tuned*: each rule's limit is moved until that share of the healthy column is reverted, which nobody can do in advance; it shows what a rule could do at best.
"""

SIGNALS = """
## The other signals

Alone, with the whole budget. Share reverted, then medians. Labels for calibration come for a quarter of the requests.
"""

BESIDE = """
## The other signals beside Kayenta

Kayenta's rule as for the error rate, on one number per minute and arm. *At 1 %* and *at 5 %*: each rule's limit is moved until that share of the healthy is reverted, at most. Surefoot bets on
drift only while the past shows more than the margin, so hardly anything is ever bet on a healthy release, and its tuned limit is any evidence at all.

Kayenta knows no margin. A candidate at the margin is acceptable, yet Kayenta reverts it wherever it can tell it from the incumbent. Surefoot bets only on what a fault has above the margin.
With little traffic that costs minutes, and where a row of the first table says **no**, this is why. In the last two columns each rule's limit is moved until 5 % of the releases
*at the margin* are reverted. Gaps in both directions are hard for another reason, too: the sign of each of ten bins has to be learnt from a few labels a minute.

What Kayenta is given, chosen in its favour:

{numbers}
"""

SOURCES = """
## The rules

Minutes without a value are skipped for every rule; Flagger counts them as failed checks.
"""


def table(runs: int, processes: int = 2) -> str:
    """The whole page as Markdown. Takes minutes at thousands of runs."""
    return page(runs, processes)[0]


def page(runs: int, processes: int) -> tuple[str, bool]:
    """The page, and whether every required figure was kept."""
    began = time.monotonic()
    with measured() as load:
        results = judge_cells.run(judge_cells.cells(), runs, processes)
    rows = [*judge_table.required(results), *judge_beside.required(results)]
    text = HEAD.format(
        runs=runs,
        total=runs * len(results),
        seconds=time.monotonic() - began,
        cores=os.cpu_count(),
        load=load.words(),
        error=100 * (0.01 * 0.99 / runs) ** 0.5,
        required=judge_table.required_table(rows),
    )
    return text + _tables(results), all(row.kept for row in rows)


def _tables(results: Results) -> str:
    lines = [
        *judge_table.error_tables(results),
        SIGNALS,
        *judge_table.signal_table(results),
        *judge_table.other_tables(results),
        BESIDE.format(numbers=_numbers()),
        *judge_beside.tables(results),
        SOURCES,
        *(f"- **{rule.name}**: {rule.source}" for rule in RULES),
    ]
    return "\n".join(lines) + "\n"


def _numbers() -> str:
    return "\n".join(
        f"- **{signal}, {number.name}**: {number.words}."
        for signal, numbers in NUMBERS.items()
        for number in numbers
    )


def main(argv: Sequence[str]) -> int:
    """Print the table, or write it into docs/judge.md; 1 if a required figure was missed."""
    parser = argparse.ArgumentParser(
        prog="hack/bench judge", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--runs", type=int, default=RUNS, help="releases a cell (default: 2000)")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    parser.add_argument("--write", action="store_true", help="write docs/judge.md")
    chosen = parser.parse_args(argv)
    text, kept = page(chosen.runs, chosen.processes)
    if chosen.write:
        PAGE.write_text(text)
    print(PAGE if chosen.write else text)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
