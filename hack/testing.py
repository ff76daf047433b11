"""The tiers of `hack/test`: what each one runs, how long it took, and how many tests it had."""

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("lint", ("ruff", "check", "--quiet", ".")),
    ("types", ("mypy", "--no-error-summary", "operator/surefoot", "hack", "examples")),
    ("layers", ("lint-imports", "--no-cache")),
    ("generated", ("python", "hack/gen", "--check")),
)
TIERS = ("checks", "unit", "scenarios", "simulations", "cluster", "e2e")
BESIDE = "e2e"
# Unit tests and scenarios in one go: each start of the test processes takes seconds.
QUICK = ("checks", "pure")
PURE = ("unit", "scenarios", "simulations", "pure")


@dataclass(frozen=True)
class Result:
    """How a tier ended. `skipped` tests count as failures: what did not run was not seen."""

    tier: str
    passed: int
    failed: int
    skipped: int
    seconds: float

    @property
    def good(self) -> bool:
        return self.passed > 0 and not self.failed and not self.skipped


def run_checks(_: Sequence[str]) -> Result:
    """Format, lint, types, layers, generated files."""
    began, failed = time.monotonic(), 0
    for name, (tool, *arguments) in CHECKS:
        start = time.monotonic()
        done = subprocess.run(
            [BIN / tool, *arguments], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": ""},
        )  # fmt: skip
        word = "ok" if done.returncode == 0 else "FAILED"
        print(f"  {name:<10} {word:<6} {time.monotonic() - start:5.1f} s", flush=True)
        if done.returncode:
            failed += 1
            print(done.stdout + done.stderr, flush=True)
    return Result("checks", len(CHECKS) - failed, failed, 0, time.monotonic() - began)


_MARKED = {"simulations": "simulation", "pure": "not simulation and not slow"}


def run_pytest(tier: str, into: IO[str] | None = None) -> Callable[[Sequence[str]], Result]:
    """A tier that is a folder of tests; simulations are those of the pure tests that take long, and
    longer still while coverage is measured. What it prints goes `into` a file, or to the terminal."""
    both = tier in ("simulations", "pure")
    folders = ("tests/unit", "tests/scenarios") if both else (f"tests/{tier}",)
    marked = ["-m", _MARKED.get(tier, "not simulation")]

    def run(more: Sequence[str]) -> Result:
        began = time.monotonic()
        with TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.xml"
            subprocess.run(
                [BIN / "pytest", "-q", *folders, f"--junitxml={report}",
                 *marked, *_spread(tier), *more],
                cwd=ROOT, check=False, stdout=into, stderr=into,
            )  # fmt: skip
            counts = _counts(report)
        return Result(tier, *counts, time.monotonic() - began)

    return run


def _counts(report: Path) -> tuple[int, int, int]:
    """(passed, failed, skipped) of a JUnit report; no report is a failure."""
    if not report.exists():
        return 0, 1, 0
    suites = ET.parse(report).getroot().iter("testsuite")
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def run_core_coverage() -> bool:
    """The pure core is fully branch-covered by unit tests and scenarios together."""
    done = subprocess.run(
        [BIN / "coverage", "report", "--fail-under=100"], cwd=ROOT, capture_output=True, text=True
    )
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()]
    if done.returncode:
        print(done.stdout, flush=True)
    print(f"  coverage of the pure core: {re.sub(r' +', ' ', last[0])}", flush=True)
    return done.returncode == 0


def _pure(tier: str, more: Sequence[str]) -> list[str]:
    append = ["--cov-append"] if tier == "scenarios" else []
    return ["--cov", "--cov-branch", "--cov-report=", *append, *more]


def _spread(tier: str) -> list[str]:
    """Pure tests share nothing: they run on all cores. Those of the cluster tier wait for servers
    most of the time: each of three processes has API servers of its own."""
    if tier == "cluster":
        return ["--numprocesses=3", "--dist=worksteal"]
    return ["--numprocesses=auto", "--dist=worksteal"] if tier in PURE else []


def main(arguments: Sequence[str], usage: str) -> int:
    """Run the tiers that were asked for; 0 only when all of them ran and passed."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(usage)
        return 0
    chosen, more = _chosen(arguments)
    if chosen is None:
        print(
            f"unknown tier {arguments[0]}: choose from {', '.join(('quick', *TIERS))}",
            file=sys.stderr,
        )
        return 2
    # Measuring coverage doubles the time: the quick subset leaves it to the whole run.
    covering = {"unit", "scenarios"} <= set(chosen)
    if chosen == QUICK:
        os.environ["SUREFOOT_EXAMPLES"] = "quick"
    with _beside(chosen, more) as late:
        results = []
        for tier in (t for t in chosen if late is None or t != BESIDE):
            print(f"== {tier}", flush=True)
            run = run_checks if tier == "checks" else run_pytest(tier)
            extra = _pure(tier, more) if covering and tier in ("unit", "scenarios") else list(more)
            results.append(run(extra))
        covered = run_core_coverage() if covering else True
        if late is not None:
            results.append(late())
    return _summary(results, covered)


@contextmanager
def _beside(chosen: Sequence[str], more: Sequence[str]) -> Iterator[Callable[[], Result] | None]:
    """In a whole run, the stories of the real node are told while the other tiers are busy: they wait
    for pods and holds most of the time. Gives what waits for them and prints what they said."""
    if chosen != TIERS:
        yield None
        return
    with ThreadPoolExecutor(1) as pool, TemporaryFile("w+") as said:
        print(f"== {BESIDE}, beside the others; what it prints comes last", flush=True)
        running = pool.submit(run_pytest(BESIDE, said), list(more))

        def wait() -> Result:
            print(f"== {BESIDE}", flush=True)
            result = running.result()
            said.seek(0)
            print(said.read(), flush=True)
            return result

        yield wait


def _chosen(arguments: Sequence[str]) -> tuple[Sequence[str] | None, Sequence[str]]:
    if not arguments:
        return TIERS, ()
    if arguments[0] == "quick":
        return QUICK, arguments[1:]
    return ((arguments[0],), arguments[1:]) if arguments[0] in TIERS else (None, ())


def _summary(results: Sequence[Result], covered: bool) -> int:
    print("\ntier        passed  failed  skipped  seconds")
    for r in results:
        print(f"{r.tier:<10} {r.passed:>7} {r.failed:>7} {r.skipped:>8} {r.seconds:>8.1f}")
    bad = [r.tier for r in results if not r.good]
    for tier in bad:
        print(f"{tier}: failed, or something in it did not run")
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    skipped = sum(r.skipped for r in results)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if not bad and covered else 1
