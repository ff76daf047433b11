"""The page that `judge` writes: what was asked for, what was reached, and every cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from tests.bench.judge_cells import RATES, SUREFOOT, Scored
from tests.bench.judge_measure import Found, found, tuned
from tests.bench.judge_peers import RULES
from tests.bench.judge_surefoot import LIMIT

Results = dict[str, Scored]
LIMITS = {SUREFOOT: LIMIT} | {rule.name: rule.limit for rule in RULES}


def figure(results: Results, what: str, name: str, rps: int, rule: str = SUREFOOT,
           limit: float | None = None) -> Found:  # fmt: skip
    """What a rule does in a cell, at its usual limit or another one."""
    scored = results[f"{what} {name} {rps}"]
    usual = limit is None
    at = LIMITS.get(rule, LIMIT) if limit is None else limit
    return found(
        scored.scores[rule],
        scored.exposed,
        at,
        inclusive=usual and rule in (SUREFOOT, "errors alone"),
    )


def at_false_reverts(
    results: Results, rule: str, percent: float, rps: int, suffix: str = ""
) -> float:
    """The limit with which a rule reverts this share of the healthy releases at this rate."""
    return tuned(results[f"errors healthy{suffix} {rps}"].scores[rule], percent)


def number(value: float) -> str:
    """Thousands with commas; a dash where under half of the runs were reverted."""
    return f"{value:,.0f}" if isfinite(value) else "–"


def share(value: float) -> str:
    return f"{value:.1f}"


ERROR_HEAD = (
    "| rule | healthy reverted | at the margin | candidate-only blips | ×2 found | minutes | exposed "
    "| ×4 found | minutes | exposed |\n|---|---|---|---|---|---|---|---|---|---|"
)


def error_row(
    results: Results, rule: str, rps: int, percent: float | None, suffix: str = ""
) -> str:
    """One rule at one rate; `percent` tunes it to that share of false reverts."""
    limit = None if percent is None else at_false_reverts(results, rule, percent, rps, suffix)
    row = [
        figure(results, "errors", name + suffix, rps, rule, limit)
        for name in ("healthy", "margin", "blips", "x2", "x4")
    ]
    shares = [share(cell.percent) for cell in row[:3]]
    for cell in row[3:]:
        shares += [share(cell.percent), number(cell.minutes), number(cell.exposed)]
    return f"| {rule} | " + " | ".join(shares) + " |"


def error_tables(results: Results) -> Iterator[str]:
    """Side by side at each rate: as documented, and tuned to equal false reverts."""
    for rps in RATES:
        for title, percent in (
            ("at usual settings", None),
            ("each tuned to 1 % false reverts", 1.0),
            ("each tuned to 5 % false reverts", 5.0),
        ):
            yield f"\n### {rps} requests/s, {title}\n\n{ERROR_HEAD}"
            for rule in LIMITS:
                yield error_row(results, rule, rps, percent)
    yield f"\n### 100 requests/s, equal holds of 12 minutes, at usual settings\n\n{ERROR_HEAD}"
    for rule in LIMITS:
        yield error_row(results, rule, 100, None, ", equal holds")


SIGNAL_ROWS = (
    ("latency", "margin", "latency p99, 10 % more slow requests (the margin)"),
    ("latency", "bad", "latency p99 + 20 %"),
    ("drift", "margin", "drift, PSI 0.1 (the margin)"),
    ("drift", "bad", "drift, PSI 0.25"),
    ("calibration", "margin", "calibration, gap 0.01 (the margin)"),
    ("calibration", "bad", "calibration, gap 0.05, one direction"),
    ("calibration", "shape", "calibration, gap 0.05, both directions"),
    ("fairness", "margin", "fairness, ratio 0.9 (the margin)"),
    ("fairness", "bad", "fairness, ratio 0.7"),
)


def signal_table(results: Results) -> Iterator[str]:
    """The other signals alone, each with the whole budget."""
    yield (
        "| what is wrong | "
        + " | ".join(f"{rps}/s reverted, minutes, exposed" for rps in RATES)
        + " |\n|---|"
        + "---|" * len(RATES)
    )
    rows = [
        (signal, "healthy", f"{signal}, healthy")
        for signal in ("latency", "drift", "calibration", "fairness")
    ]
    for signal, name, words in sorted((*rows, *SIGNAL_ROWS), key=lambda row: _order(row[0])):
        cells = [figure(results, signal, name, rps) for rps in RATES]
        yield (
            f"| {words} | "
            + " | ".join(
                f"{share(c.percent)} %, {number(c.minutes)}, {number(c.exposed)}" for c in cells
            )
            + " |"
        )


def _order(signal: str) -> int:
    return ("latency", "drift", "calibration", "fairness").index(signal)


def other_tables(results: Results) -> Iterator[str]:
    """Five signals under one budget, and early promotion."""
    yield "\n### Five signals, one of them bad (100 requests/s)\n"
    yield "| errors | five signals: reverted | minutes | exposed | errors alone: minutes | exposed |\n|---|---|---|---|---|---|"
    for name in ("healthy", "x2", "x4"):
        five = figure(results, "all", name, 100)
        alone = figure(results, "all", name, 100, "errors alone")
        yield (
            f"| {name} | {share(five.percent)} % | {number(five.minutes)} | {number(five.exposed)} "
            f"| {number(alone.minutes)} | {number(alone.exposed)} |"
        )
    yield "\n### Early promotion on the error rate, promoteMargin 50 %, β = 0.05\n"
    yield "| requests/s | promoted though 50 % worse | healthy promoted within the hour | median minutes |\n|---|---|---|---|"
    for rps in RATES:
        wrong = figure(results, "promotion", "margin", rps)
        right = figure(results, "promotion", "healthy", rps)
        yield f"| {rps} | {share(wrong.percent)} % | {share(right.percent)} % | {number(right.minutes)} |"


@dataclass(frozen=True)
class Required:
    """A figure that the project set itself."""

    words: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> str:
        sign, mark = "≥" if self.at_least else "≤", "yes" if self.kept else "**no**"
        return f"| {self.words} | {self.value:,.1f} | {sign} {self.limit:,g} | {mark} |"


def required(results: Results) -> list[Required]:
    """Every figure with a limit, of Surefoot at 100 requests/s unless it says otherwise."""
    e = {
        name: figure(results, "errors", name, 100)
        for name in ("healthy", "margin", "blips", "x2", "x4")
    }
    limit = at_false_reverts(results, SUREFOOT, 5.0, 100)
    tuned_x2 = figure(results, "errors", "x2", 100, SUREFOOT, limit)
    rows = [
        Required("healthy reverted, %", e["healthy"].percent, 1),
        Required("healthy reverted with candidate-only blips, %", e["blips"].percent, 4),
        Required("at the margin reverted, %", e["margin"].percent, 5),
        Required("×2 found, %", e["x2"].percent, 98, True),
        Required("×2, median minutes", e["x2"].minutes, 27),
        Required("×2, median exposed requests", e["x2"].exposed, 10400),
        Required("×2 tuned to 5 % false reverts, median minutes", tuned_x2.minutes, 20),
        Required("×2 tuned to 5 % false reverts, median exposed", tuned_x2.exposed, 5400),
        Required("×4, median minutes", e["x4"].minutes, 12),
        Required("×4, median exposed requests", e["x4"].exposed, 2200),
    ]
    for rps in (20, 1000):
        healthy = figure(results, "errors", "healthy", rps).percent
        edge = figure(results, "errors", "margin", rps).percent
        rows.append(Required(f"healthy reverted at {rps}/s, %", healthy, 1))
        rows.append(Required(f"at the margin reverted at {rps}/s, %", edge, 5))
    return rows + _required_of_others(results)


def _required_of_others(results: Results) -> list[Required]:
    """The same for the other signals, five signals together, and promotion."""
    rows: list[Required] = []
    for signal in ("latency", "drift", "calibration", "fairness"):
        healthy = max(figure(results, signal, "healthy", rps).percent for rps in RATES)
        margin = max(figure(results, signal, "margin", rps).percent for rps in RATES)
        rows.append(Required(f"{signal}: healthy reverted, worst of the rates, %", healthy, 1))
        rows.append(Required(f"{signal}: at the margin reverted, worst of the rates, %", margin, 5))
    for signal, name, words in SIGNAL_ROWS:
        if name != "margin":
            rows.append(
                Required(f"{words}: found, %", figure(results, signal, name, 100).percent, 98, True)
            )
    for name in ("x2", "x4"):
        five = figure(results, "all", name, 100)
        alone = figure(results, "all", name, 100, "errors alone")
        ratio = five.minutes / alone.minutes if alone.minutes < inf else inf
        rows.append(Required(f"five signals, errors {name}: delay against errors alone", ratio, 2))
    rows.append(
        Required(
            "five signals: healthy reverted, %", figure(results, "all", "healthy", 100).percent, 1
        )
    )
    wrong = max(figure(results, "promotion", "margin", rps).percent for rps in RATES)
    rows.append(Required("promoted at the promote margin, worst of the rates, %", wrong, 5))
    return rows


def required_table(rows: Sequence[Required]) -> str:
    head = "| figure | reached | asked for | kept |\n|---|---|---|---|"
    return "\n".join([head, *(row.row() for row in rows)])
