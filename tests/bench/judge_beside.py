"""Surefoot beside Kayenta, signal by signal: the tables, and who is later at equal false reverts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench import judge_kayenta
from tests.bench.judge_cells import RATES, SUREFOOT
from tests.bench.judge_measure import Found, tuned
from tests.bench.judge_peers import KAYENTA
from tests.bench.judge_table import Required, Results, figure, number, share
from tests.bench.judge_traffic import MINUTES

TUNED = (1.0, 5.0)


@dataclass(frozen=True)
class Fault:
    """What is wrong: the cells' signal and name, and the number that Kayenta is given."""

    words: str
    signal: str
    name: str
    kayenta: str

    def found(
        self, results: Results, rule: str, rps: int, limit: float | None = None, name: str = ""
    ) -> Found:
        """What a rule does to it, at its usual limit or another; `name`: to another cell instead."""
        if limit is None and rule != SUREFOOT:
            limit = judge_kayenta.TOLERANCE
        return figure(results, self.signal, name or self.name, rps, rule, limit)

    def tuned(
        self, results: Results, rule: str, rps: int, percent: float, name: str = "healthy"
    ) -> float:
        """The limit with which a rule reverts this share of the cell with this name."""
        return tuned(results[f"{self.signal} {name} {rps}"].scores[rule], percent)


FAULTS = (
    Fault("latency p99 + 20 %", "latency", "bad", "p99"),
    Fault("drift, PSI 0.25", "drift", "bad", "PSI"),
    Fault("calibration, gap 0.05, one direction", "calibration", "bad", "gap"),
    Fault("calibration, gap 0.05, both directions", "calibration", "shape", "gap by bin"),
    Fault("fairness, ratio 0.7", "fairness", "bad", "ratio"),
)
ERRORS = (Fault("×2", "errors", "x2", KAYENTA), Fault("×4", "errors", "x4", KAYENTA))


def tables(results: Results) -> Iterator[str]:
    """One table a rate: both rules at usual settings, and tuned to equal false reverts."""
    head = "| what is wrong | rule | healthy reverted | at the margin | found | minutes "
    for percent in TUNED:
        head += f"| at {percent:g} %: at the margin | found | minutes "
    head += "| 5 % at the margin: found | minutes "
    for rps in RATES:
        yield f"\n### {rps} requests/s, each signal alone\n\n{head}|\n|---|---|" + "---|" * 12
        for fault in FAULTS:
            for rule in (SUREFOOT, fault.kayenta):
                yield _row(results, fault, rule, rps)


def _row(results: Results, fault: Fault, rule: str, rps: int) -> str:
    shown = [share(fault.found(results, rule, rps, None, "healthy").percent)]
    for limit in (None, *(fault.tuned(results, rule, rps, percent) for percent in TUNED)):
        found = fault.found(results, rule, rps, limit)
        margin = fault.found(results, rule, rps, limit, "margin")
        shown += [share(margin.percent), share(found.percent), number(found.minutes)]
    found = fault.found(results, rule, rps, fault.tuned(results, rule, rps, 5.0, "margin"))
    shown += [share(found.percent), number(found.minutes)]
    name = rule if rule == SUREFOOT else f"Kayenta, {rule}"
    return f"| {fault.words} | {name} | " + " | ".join(shown) + " |"


def required(results: Results) -> list[Required]:
    """Never later than Kayenta, each rule tuned to the same share of false reverts."""
    return [
        Required(
            f"{fault.words} at {rps}/s: later than Kayenta at equal false reverts, minutes",
            max(later(results, fault, rps, percent) for percent in TUNED),
            0,
        )
        for rps in (100, *(rps for rps in RATES if rps != 100))
        for fault in (*ERRORS, *FAULTS)
    ]


def later(results: Results, fault: Fault, rps: int, percent: float) -> float:
    """Surefoot's median minutes less Kayenta's. Who finds under half is taken to need 61."""
    ours, theirs = (
        min(
            fault.found(results, rule, rps, fault.tuned(results, rule, rps, percent)).minutes,
            MINUTES + 1.0,
        )
        for rule in (SUREFOOT, fault.kayenta)
    )
    return ours - theirs
