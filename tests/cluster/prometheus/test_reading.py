"""Long windows and native histograms, out of a real Prometheus."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import build
from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Result
from surefoot.adapters.prometheus.reader import Rules
from surefoot.engine.questions import Answer, Question
from surefoot.stats.measures import Counts, Histogram, LabeledHistogram
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.cluster.prometheus.natives import histogram
from tests.cluster.prometheus.test_counts import (
    CANDIDATE_POD,
    INCUMBENT_POD,
    World,
    envoy,
    scores,
)
from tests.support.poll import until
from tests.unit.prometheus.builders import question

# So that a machine that stalls for seconds loses no baseline.
RULES = Rules(timedelta(seconds=30))
SIGNALS = ("ErrorRate", "Latency", "Drift", "Calibration")
LONG, SHORT = timedelta(seconds=1), timedelta(hours=1)


class Asker:
    """Counts and asks."""

    def __init__(self, url: str, max_answer_bytes: int = 64 * 1024 * 1024) -> None:
        self.client = Client(url, timedelta(seconds=60), max_answer_bytes=max_answer_bytes)
        self.queries, self.memory = 0, Memory()

    async def __call__(self, query: str, at: float) -> Result:
        self.queries += 1
        return await self.client.ask(query, at)

    async def ask(
        self, questions: list[Question], now: datetime, interval: timedelta, rules: Rules = RULES
    ) -> dict[str, Answer]:
        asked = {"r": Asked(questions, now, interval)}
        return (await collect_all(self, asked, rules, self.memory))["r"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop()


@pytest_asyncio.fixture
async def asker(world: World) -> AsyncIterator[Asker]:
    made = Asker(world.prometheus.url)
    yield made
    await made.client.close()


def about(start: datetime) -> list[Question]:
    return [question(kind, kind.lower(), start=start) for kind in SIGNALS]


def later_than(start: datetime, seconds: float) -> datetime:
    until(
        lambda: datetime.now(UTC) > start + timedelta(seconds=seconds),
        120,
        what="the window is long",
    )
    return datetime.now(UTC)


async def same(asker: Asker, start: datetime, now: datetime) -> dict[str, Answer]:
    """The answers from both ends, after a look that raw samples say the same."""
    long = await asker.ask(about(start), now, LONG)
    short = await asker.ask(about(start), now, SHORT)
    for kind in map(str.lower, SIGNALS):
        assert long[kind].candidate.measure == short[kind].candidate.measure, kind
        assert long[kind].incumbent.measure == short[kind].incumbent.measure, kind
        assert long[kind].candidate.newest == short[kind].candidate.newest, kind
        assert "both ends" in long[kind].candidate.note
        assert short[kind].candidate.note == ""
    return long


async def test_both_ends_of_a_long_window_say_what_all_samples_say(
    world: World, asker: Asker
) -> None:
    world.scraped("v42", 100)
    world.scored(CANDIDATE_POD, 33)
    world.scored(INCUMBENT_POD, 550)
    start = datetime.now(UTC)
    world.proxy.text, world.incumbent.text = envoy((130, None), (1100, 7)), scores(520, 52)
    world.candidate.text = scores(40, 5)
    world.scraped("v42", 130)
    world.scored(INCUMBENT_POD, 572)
    world.scored(CANDIDATE_POD, 45)
    now = later_than(start, 11)
    asker.queries = 0
    await asker.ask(about(start), now, LONG)
    assert asker.queries == 1
    found = await same(asker, start, now)
    assert found["errorrate"].incumbent.measure == Counts(bad=2, total=100)
    assert found["drift"].candidate.measure == Histogram((0.5, 1.0), (10, 2, 0))


async def test_what_began_or_restarted_in_a_long_window_is_read_closely_once(
    world: World, asker: Asker
) -> None:
    world.scraped("v42", 100)
    world.scored(CANDIDATE_POD, 33)
    start = datetime.now(UTC)
    world.candidate.text = scores(40, 5)
    world.scored(CANDIDATE_POD, 45)
    # Restarted: the low bucket has caught up with its old count, which alone shows no restart.
    world.candidate.text = scores(41, 1)
    world.scored(CANDIDATE_POD, 42)
    world.candidate.text = scores(60, 9)
    world.scored(CANDIDATE_POD, 69)
    world.proxy.text = envoy((130, 4), (1100, 7))
    world.scraped("v42", 130)
    world.proxy.text = envoy((12, 1), (1150, 7))
    world.scraped("v42", 12)
    now = later_than(start, 11)
    found = await same(asker, start, now)
    assert found["errorrate"].candidate.measure == Counts(bad=4 + 1, total=30 + 12)
    assert found["drift"].candidate.measure == Histogram((0.5, 1.0), (10 + 60, 2 + 9, 0))
    assert "restarted" in found["drift"].candidate.note
    asker.queries = 0
    await asker.ask(about(start), datetime.now(UTC), LONG)
    assert asker.queries == 1


async def test_sums_by_prometheus_are_an_estimate_that_says_so(world: World, asker: Asker) -> None:
    world.scraped("v42", 100)
    world.scored(INCUMBENT_POD, 550)
    start = datetime.now(UTC)
    world.proxy.text, world.incumbent.text = envoy((1100, 50), (5000, 9)), scores(900, 90)
    world.scraped("v42", 1100)
    world.scored(INCUMBENT_POD, 990)
    now = later_than(start, 3)
    for kind in ("errorrate", "drift"):
        [plan] = [q for q in about(start) if q.signal.name == kind]
        few = Rules(timedelta(seconds=30), max_series=1)
        await asker.ask([plan], now, SHORT, few)
        found = (await asker.ask([plan], now, SHORT, few))[kind]
        assert "estimated by increase()" in found.incumbent.note
        assert found.incumbent.measure is not None
        samples = found.incumbent.measure.samples
        assert samples is not None
        expected = 4000 if kind == "errorrate" else 440
        assert samples == pytest.approx(expected, rel=0.9)


async def test_native_histograms_are_exact_across_a_restart_and_a_coarser_resolution(
    tmp_path: Path,
) -> None:
    """Scores and labelled scores of a model server that has native histograms only."""
    name = "model_score"

    def text(buckets: dict[int, int], schema: int, low: int = 1) -> bytes:
        labelled = [({"actual": "0"}, {-4: low}, low * 0.4), ({"actual": "1"}, {0: 4}, 3.5)]
        return histogram(name, [({}, buckets, 5.0)], schema) + histogram(
            "model_labeled_score", labelled, 2
        )

    new = Exporter(text({0: 10, -8: 5}, 2), {"namespace": "risk", "pod": CANDIDATE_POD})
    old = Exporter(text({0: 100, -8: 50}, 2), {"namespace": "risk", "pod": INCUMBENT_POD})
    prometheus = Prometheus(
        build.binary("prometheus"), tmp_path, new, old, flags=["--enable-feature=native-histograms"]
    )
    asker = Asker(prometheus.url)

    def counted(pod: str, count: int) -> None:
        prometheus.has(f'histogram_count(model_score{{pod="{pod}"}})', count)

    try:
        counted(CANDIDATE_POD, 15)
        counted(INCUMBENT_POD, 150)
        start = datetime.now(UTC)
        new.text, old.text = text({0: 20, -8: 9, -1: 3}, 2, low=9), text({0: 150, -8: 80}, 2, low=3)
        counted(CANDIDATE_POD, 32)
        counted(INCUMBENT_POD, 230)
        # Restarted with fewer, then with half of the resolution: (2^-0.5, 1] and (2^-2.5, 2^-2].
        new.text = text({0: 2, -8: 1}, 2, low=10)
        counted(CANDIDATE_POD, 3)
        new.text = text({0: 6, -4: 2}, 1, low=10)
        counted(CANDIDATE_POD, 8)
        questions = [
            question("Drift", "d", start=start),
            question("Calibration", "c", start=start),
            question("Performance", "p", start=start),
        ]
        now = later_than(start, 11)
        raw = await asker.ask(questions, now, SHORT)
        long = await asker.ask(questions, now, LONG)
    finally:
        await asker.client.close()
        prometheus.stop()
        new.stop()
        old.stop()
    drift = raw["d"].candidate.measure
    assert isinstance(drift, Histogram)
    # 17 until the restart, 3 after it, 5 more; the coarse bin holds 13 + 2 + 4.
    assert drift.samples == 17 + 8
    assert drift.counts[drift.edges.index(1.0)] == 13 + 2 + 4
    assert raw["c"].candidate.measure is not None
    assert raw["c"].candidate.measure.samples == 9
    assert isinstance(raw["p"].candidate.measure, LabeledHistogram)
    for key in raw:
        assert long[key].candidate.measure == raw[key].candidate.measure
        assert long[key].incumbent.measure == raw[key].incumbent.measure
