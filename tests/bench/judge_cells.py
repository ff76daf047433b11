"""The cells of the comparison: what is simulated in each, and the scores that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import Pool
from zlib import crc32

import numpy as np

from surefoot.stats.combine import even_shares
from tests.bench import judge_surefoot as surefoot
from tests.bench import judge_traffic as traffic
from tests.bench.judge_kayenta import NUMBERS
from tests.bench.judge_peers import RULES
from tests.bench.judge_traffic import Floats, Scenario

RATES = (20, 100, 1000)
SUREFOOT = "Surefoot"
PROMOTE_MARGIN = 0.5
CLEAN = Scenario(seed=0)


@dataclass(frozen=True)
class Cell:
    """One kind of release. `what`: errors (with the peers), promotion, all (five signals), or a
    signal's name (with Kayenta). The seed comes from the name, so that a cell does not depend on its neighbours.
    """

    name: str
    what: str
    scenario: Scenario

    @property
    def key(self) -> str:
        return f"{self.what} {self.name} {self.scenario.rps:g}"


@dataclass(frozen=True)
class Scored:
    """The running score of each rule (runs, minutes), and candidate requests until each minute."""

    cell: Cell
    seed: int
    exposed: Floats
    scores: dict[str, Floats] = field(default_factory=dict)


def cells() -> list[Cell]:
    """All of them, the slowest first."""
    faults = {
        "latency": {"margin": {"latency": 1.027}, "bad": {"latency": 1.2}},
        "drift": {"margin": {"psi": 0.1}, "bad": {"psi": 0.25}},
        "calibration": {
            "margin": {"gap": 0.01},
            "bad": {"gap": 0.05},
            "shape": {"gap": 0.05, "shaped": True},
        },
        "fairness": {"margin": {"impact": 0.9}, "bad": {"impact": 0.7}},
    }
    made = [
        Cell(name, "all", replace(CLEAN, rps=100, ratio=ratio))
        for name, ratio in (("healthy", 1.0), ("x2", 2.0), ("x4", 4.0))
    ]
    for signal, kinds in faults.items():
        made += [Cell("healthy", signal, replace(CLEAN, rps=rps)) for rps in RATES]
        made += [
            Cell(name, signal, replace(CLEAN, rps=rps, **kind))
            for name, kind in kinds.items()
            for rps in RATES
        ]
    for rps in RATES:
        made += error_cells(replace(CLEAN, rps=rps))
        made.append(Cell("margin", "promotion", replace(CLEAN, rps=rps, ratio=1 + PROMOTE_MARGIN)))
        made.append(Cell("healthy", "promotion", replace(CLEAN, rps=rps)))
    equal = error_cells(replace(CLEAN, holds=traffic.EQUAL_HOLDS))
    return made + [replace(cell, name=f"{cell.name}, equal holds") for cell in equal]


def error_cells(base: Scenario) -> list[Cell]:
    """Error rates: healthy, at the margin, disturbed on its own, doubled and fourfold."""
    kinds = {
        "healthy": {},
        "margin": {"ratio": 1.1},
        "blips": {"candidate_blips": True},
        "x2": {"ratio": 2.0},
        "x4": {"ratio": 4.0},
    }
    return [Cell(name, "errors", replace(base, **kind)) for name, kind in kinds.items()]


def score(cell: Cell, runs: int) -> Scored:
    """Draw the cell's streams and judge them by every rule that applies."""
    seed = crc32(cell.key.encode())
    rng = np.random.default_rng(seed)
    stream = traffic.draw(rng, cell.scenario, runs)
    scored = Scored(cell, seed, stream.exposed)
    if cell.what == "errors":
        errors = traffic.errors(rng, stream, cell.scenario.ratio)
        scored.scores[SUREFOOT] = surefoot.of_errors(stream, errors)
        for rule in RULES:
            scored.scores[rule.name] = rule.score(stream, errors)
    elif cell.what == "promotion":
        errors = traffic.errors(rng, stream, cell.scenario.ratio)
        scored.scores[SUREFOOT] = surefoot.of_promotion(stream, errors, PROMOTE_MARGIN)
    elif cell.what == "all":
        shares = even_shares(surefoot.SIGNALS)
        parts = {}
        for signal, of in surefoot.TESTS.items():
            drawn = surefoot.drawn(cell.scenario, signal, stream, rng)
            parts[signal] = of(stream, drawn, surefoot.LIMIT / shares[signal])
        scored.scores[SUREFOOT] = surefoot.combined(parts, shares)
        scored.scores["errors alone"] = parts["errors"]
    else:
        drawn = surefoot.drawn(cell.scenario, cell.what, stream, rng)
        scored.scores[SUREFOOT] = surefoot.TESTS[cell.what](stream, drawn, surefoot.LIMIT)
        for number in NUMBERS[cell.what]:
            scored.scores[number.name] = number.score(stream, drawn)
    return scored


def _scored(task: tuple[Cell, int]) -> Scored:
    return score(*task)


def run(chosen: Sequence[Cell], runs: int, processes: int) -> dict[str, Scored]:
    """Every cell by its key."""
    tasks = [(cell, runs) for cell in chosen]
    if processes == 1:
        return {task[0].key: _scored(task) for task in tasks}
    with Pool(processes) as pool:
        done = pool.imap_unordered(_scored, tasks)
        return {scored.cell.key: scored for scored in done}
