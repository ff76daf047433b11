"""The command line of `hack/demo`, and the order in which the story is told."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.live import Live as Screen

from demo_story import setup, summary
from demo_story.api import Reader
from demo_story.figures import Course, course_of
from demo_story.lines import Narrator
from demo_story.live import Live, follow, read_traffic
from demo_story.picture import Picture
from demo_story.setup import Stopwatch
from demo_story.story import Ending, ending_of, faults
from localcluster import build, cluster, progress
from localcluster.problem import Problem
from localcluster.state import Cluster
from surefoot.api.vocabulary import ConditionType

STORY_S = 420.0
SETTLE_S = 7.0
_EXAMPLES = """examples:
  sudo hack/demo                      the whole story; the cluster stays for a look around
  sudo hack/demo --down               and takes the cluster away afterwards
  sudo hack/demo | cat                plain lines, as in a log
  sudo hack/demo --third-image good   v43 is a good model after all: the demo must exit with 1
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when both stories end as told, 1 when not, 2 when something outside is missing."""
    chosen = _parser().parse_args(arguments)
    busy = f"hack/demo tells its story on cluster {chosen.name}; --name takes another one"
    try:
        with progress.lock(f"demo-{chosen.name}", busy):
            return asyncio.run(_demo(chosen))
    except Problem as problem:
        print(f"hack/demo: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ninterrupted; hack/cluster down --name {chosen.name} cleans up", file=sys.stderr)
        return 130
    finally:
        if chosen.down:
            cluster.down(chosen.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/demo",
        description="A fraud model goes from v41 to v42 on a real cluster, and v43 is thrown out.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        "--keep", action="store_true", help="leave the cluster up afterwards (the default)"
    )
    after.add_argument("--down", action="store_true", help="take the cluster away afterwards")
    parser.add_argument("--name", default="demo", help="which cluster to use (default: demo)")
    parser.add_argument(
        "--third-image",
        choices=("faulty", "good"),
        default="faulty",
        help="what answers as v43 (default: faulty)",
    )
    parser.add_argument("--plain", action="store_true", help="plain lines on a terminal, too")
    return parser


async def _demo(chosen: argparse.Namespace) -> int:
    began = time.monotonic()
    console = Console(highlight=False)
    watch = Stopwatch(lambda text: console.print(text, markup=False, soft_wrap=True))
    model = "v43" if chosen.third_image == "faulty" else "v43-good"
    found = setup.bring_up(chosen.name, watch, model)
    live = Live()
    async with _reading(found, live) as reader:
        teller = Teller(found, live, console, plain=chosen.plain or not console.is_terminal)
        with watch.phase("v41 serves alone"):
            await teller.adopt("41")
        with watch.phase("story of v42"):
            good, good_course = await teller.tell("42")
        with watch.phase("story of v43"):
            bad, bad_course = await teller.tell("43")
            await asyncio.sleep(SETTLE_S)  # the last requests are answered, and scraped
            await read_traffic(reader, live)
            bad_course = course_of("43", live.status, live.route)
    wrong = faults(good, bad, live.failed)
    _conclude(console, found, watch, time.monotonic() - began)
    rows = list(summary.measured([(good_course, good), (bad_course, bad)], live))
    console.print(summary.rows("Measured", rows), markup=False, soft_wrap=True)
    console.print()
    for fault in wrong:
        console.print(f"✗ {fault}", style="bold red", markup=False, soft_wrap=True)
    if not wrong:
        console.print(
            "✓ v42 was promoted, v43 was thrown out, no request failed", style="bold green"
        )
    return 1 if wrong else 0


def _conclude(console: Console, found: Cluster, watch: Stopwatch, total_s: float) -> None:
    plugin = Path(sys.prefix) / "bin" / "kubectl-surefoot"
    console.print()
    onward = summary.onward(found.kubeconfig, build.binary("kubectl"), plugin, found.name)
    times = summary.rows("Time", list(summary.phases(watch.phases, total_s)))
    console.print(f"{onward}\n\n{times}\n", markup=False, soft_wrap=True)


@contextlib.asynccontextmanager
async def _reading(found: Cluster, live: Live) -> AsyncIterator[Reader]:
    """Keep `live` current while the block runs."""
    trust = ssl.create_default_context(cafile=str(found.ca))
    async with aiohttp.ClientSession() as session:
        reader = Reader(session, found.server, found.tokens["admin"], trust, found.prometheus or "")
        following = asyncio.create_task(follow(reader, live))
        try:
            yield reader
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


class Teller:
    """Makes each version the candidate and shows what becomes of it."""

    def __init__(self, found: Cluster, live: Live, console: Console, *, plain: bool) -> None:
        self._cluster, self._live, self._console, self._plain = found, live, console, plain

    async def adopt(self, version: str) -> None:
        """The first apply: what is there is taken over. Raises `Problem` when it is not."""
        await self._release(version)

        def adopted(live: Live) -> bool:
            promoted = live.status and live.status.condition(ConditionType.PROMOTED)
            return bool(promoted and promoted.status == "True" and live.weights)

        if not await self._live.until(adopted, 60):
            raise Problem(
                f"v{version} was not taken over within a minute: see `kubectl describe mr -n risk`."
            )
        await asyncio.to_thread(setup.start_load, self._cluster)
        if not await self._live.until(lambda live: bool(live.sent), 60):
            raise Problem("no request was counted: see `kubectl logs -n risk deployment/load`.")

    async def tell(self, version: str) -> tuple[Ending, Course]:
        """One release from its first line to its end."""
        live, began = self._live, datetime.now(UTC)
        await self._release(version)
        async with self._shown(f"v{version}", began):
            await live.until(lambda _: ending_of(version, live.status).outcome is not None, STORY_S)
            await live.until(lambda _: _settled(version, live), 10)
        return ending_of(version, live.status), course_of(version, live.status, live.route)

    async def _release(self, version: str) -> None:
        line = await asyncio.to_thread(setup.release, self._cluster, version)
        self._console.print(f"  kubectl apply: {line}", markup=False, soft_wrap=True)

    @contextlib.asynccontextmanager
    async def _shown(self, title: str, began: datetime) -> AsyncIterator[None]:
        """The live picture on a terminal, plain lines elsewhere."""
        if not self._plain:
            with Screen(Picture(self._live, title), console=self._console, refresh_per_second=3):
                yield
            return
        say = lambda text: self._console.print(text, markup=False, soft_wrap=True)  # noqa: E731
        narrator = Narrator(self._live, say, began)
        telling = asyncio.create_task(narrator.run())
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            narrator.tell_decisions()


def _settled(version: str, live: Live) -> bool:
    """Whether the route carries what the ending means."""
    course = course_of(version, live.status, live.route)
    ending = ending_of(version, live.status)
    return ending.outcome != "Reverted" or course.at_zero is not None
