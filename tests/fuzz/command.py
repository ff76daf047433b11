"""The command line of `hack/fuzz`: how many examples, from which seed, and what came of them."""

import argparse
import logging
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.drive import drive

CHUNK = 500
MOST_TOLD = 10


@dataclass
class Found:
    """What some examples came to: how often each kind, and the numbers of those that failed."""

    examples: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        self.examples += other.examples
        self.kinds.update(other.kinds)
        self.failed |= other.failed


def chance(seed: int, number: int) -> Random:
    """What example `number` is made by."""
    return Random(f"{seed}/{number}")


def some(seed: int, numbers: range) -> Found:
    """Drive these examples; a failure stops none of the others."""
    found = Found(len(numbers))
    for number in numbers:
        try:
            drive(chance(seed, number), found.kinds)
        except Exception as error:
            found.failed[number] = f"{type(error).__name__}: {str(error)[:300]}"
    return found


def many(seed: int, examples: int, jobs: int) -> Found:
    """All of them, spread over processes; progress goes to standard error."""
    began, all_found = time.monotonic(), Found()
    with ProcessPoolExecutor(jobs, initializer=logging.disable) as pool:
        waiting = [pool.submit(some, seed, numbers) for numbers in chunks(examples)]
        for done in waiting:
            all_found.add(done.result())
            seconds = time.monotonic() - began
            text = f"{all_found.examples:,} of {examples:,}, {len(all_found.failed)} failed, {seconds:.0f} s"
            print(f"\r{text}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return all_found


def chunks(examples: int) -> Iterator[range]:
    return (range(at, min(at + CHUNK, examples)) for at in range(0, examples, CHUNK))


def tell(found: Found, seed: int, seconds: float) -> int:
    """The account on standard output; the exit code."""
    for kind, count in sorted(found.kinds.items()):
        print(f"{count:>9,}  {kind}")
    for number, text in list(found.failed.items())[:MOST_TOLD]:
        print(f"FAILED: {text}\n  again: hack/fuzz --seed {seed} --only {number}")
    failed = len(found.failed)
    print(f"{found.examples:,} examples from seed {seed} in {seconds:.0f} s: {failed} failed")
    return 1 if failed else 0


def one(seed: int, number: int) -> int:
    """One example with its traceback."""
    logging.disable()
    try:
        drive(chance(seed, number))
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        logging.disable(logging.NOTSET)
    print("nothing is wrong with it")
    return 0


def main(arguments: Sequence[str], usage: str) -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(
        prog="hack/fuzz", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="what they are made from (default: 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this one, with its traceback")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--server", action="store_true", help="compare with a real API server")
    chosen = parser.parse_args(arguments)
    if min(chosen.examples, chosen.jobs) < 1:
        parser.error("--examples and --jobs have to be 1 or more")
    if chosen.only is not None:
        return one(chosen.seed, chosen.only)
    began = time.monotonic()
    if chosen.server:
        # Imported here: it needs the tools of a local cluster.
        from tests.fuzz.admission import server

        return server(chosen.seed, chosen.examples)
    found = many(chosen.seed, chosen.examples, chosen.jobs)
    return tell(found, chosen.seed, time.monotonic() - began)
