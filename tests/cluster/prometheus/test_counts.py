"""Exact counts of both arms, out of a real Prometheus."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import build
from surefoot.adapters.prometheus import PrometheusMetrics
from surefoot.engine.questions import Answer, ProblemKind, Question
from surefoot.ports import Key
from surefoot.stats.latency import quantile
from surefoot.stats.measures import Counts, Histogram, LabeledScores, Scalar
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.unit.prometheus.builders import question

KEY = Key("risk", "fraud")
CANDIDATE_POD = "fraud-v42-7c9f8d5b6-x2k9p"
INCUMBENT_POD = "fraud-v41-59bd7f6c4-qq7tz"
NEIGHBOUR_POD = "fraud-v42-eu-6f5d4c7b8-m4n5p"


def envoy(candidate: tuple[int, int | None], incumbent: tuple[int, int | None]) -> str:
    """Exposition text: (requests, errors) per arm; None leaves the error series out."""
    lines = []
    for name, (total, bad) in (("v42", candidate), ("v41", incumbent)):
        label = f'envoy_cluster_name="risk_fraud-{name}_80"'
        lines.append(f"envoy_cluster_external_upstream_rq_completed{{{label}}} {total}")
        for code, count in (("2", total - (bad or 0)), ("5", bad)):
            if count is not None:
                labels = f'{label},envoy_response_code_class="{code}"'
                lines.append(f"envoy_cluster_external_upstream_rq_xx{{{labels}}} {count}")
        for le, count in (("100", total // 2), ("250", total), ("+Inf", total)):
            labels = f'{label},le="{le}"'
            lines.append(f"envoy_cluster_external_upstream_rq_time_bucket{{{labels}}} {count}")
    return "\n".join(lines) + "\n"


def scores(low: int, high: int) -> str:
    """A histogram of scores with edges 0.5 and 1, and labelled scores: all high ones come true."""
    return (
        f'model_score_bucket{{le="0.5"}} {low}\n'
        f'model_score_bucket{{le="1"}} {low + high}\n'
        f'model_score_bucket{{le="+Inf"}} {low + high}\n'
        f'model_labeled_score_count{{actual="0"}} {low}\n'
        f'model_labeled_score_sum{{actual="0"}} {low * 0.25}\n'
        f'model_labeled_score_count{{actual="1"}} {high}\n'
        f'model_labeled_score_sum{{actual="1"}} {high * 0.75}\n'
    )


class World:
    """A proxy, one pod per arm and a pod of another Deployment, scraped by one Prometheus."""

    def __init__(self, folder: Path) -> None:
        self.proxy = Exporter(envoy((100, None), (1000, 5)))
        self.candidate = Exporter(scores(30, 3), {"namespace": "risk", "pod": CANDIDATE_POD})
        self.incumbent = Exporter(scores(500, 50), {"namespace": "risk", "pod": INCUMBENT_POD})
        self.neighbour = Exporter(scores(9, 9), {"namespace": "risk", "pod": NEIGHBOUR_POD})
        self.exporters = (self.proxy, self.candidate, self.incumbent, self.neighbour)
        self.prometheus = Prometheus(build.binary("prometheus"), folder, *self.exporters)

    def scraped(self, arm: str, total: int) -> None:
        name = f'envoy_cluster_name="risk_fraud-{arm}_80"'
        self.prometheus.has(f"envoy_cluster_external_upstream_rq_completed{{{name}}}", total)

    def scored(self, pod: str, count: int) -> None:
        self.prometheus.has(f'model_score_bucket{{le="+Inf",pod="{pod}"}}', count)

    def stop(self) -> None:
        self.prometheus.stop()
        for each in self.exporters:
            each.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop()


class Asker:
    """Asks as the reconciler does: start a collection, be called back, fetch the answers."""

    def __init__(self, url: str) -> None:
        self.done = asyncio.Event()
        # A look-back of a minute, so that a machine that stalls for seconds loses no baseline.
        self.metrics = PrometheusMetrics(
            url, timedelta(seconds=30), lambda key: self.done.set(), timedelta(seconds=60)
        )

    async def ask(self, questions: Sequence[Question]) -> Mapping[str, Answer]:
        now = datetime.now(UTC)
        self.done.clear()
        assert self.metrics.collect(KEY, questions, now, timedelta(hours=1)) is None
        await asyncio.wait_for(self.done.wait(), 120)
        answers = self.metrics.collect(KEY, questions, now, timedelta(hours=1))
        assert answers is not None
        self.metrics.forget(KEY)
        return answers


@pytest_asyncio.fixture
async def asker(world: World) -> AsyncIterator[Asker]:
    made = Asker(world.prometheus.url)
    yield made
    await made.metrics.close()


async def test_requests_and_errors_are_exact_across_a_reset_and_a_series_born_late(
    world: World, asker: Asker
) -> None:
    world.scraped("v42", 100)
    start = datetime.now(UTC)
    world.proxy.text = envoy((130, 4), (1100, 7))
    world.scraped("v42", 130)
    world.proxy.text = envoy((12, 1), (1150, 7))
    world.scraped("v42", 12)
    answer = (await asker.ask([question("ErrorRate", start=start)]))["s"]
    assert answer.candidate.measure == Counts(bad=4 + 1, total=30 + 12)
    assert answer.incumbent.measure == Counts(bad=2, total=150)
    assert answer.candidate.newest is not None
    assert start < answer.candidate.newest <= datetime.now(UTC)


async def test_one_query_answers_errors_and_latency_of_the_proxy(
    world: World, asker: Asker
) -> None:
    world.scraped("v42", 100)
    start = datetime.now(UTC)
    world.proxy.text = envoy((120, 1), (1000, 5))
    world.scraped("v42", 120)
    latency = question("Latency", "p", start=start, quantile=0.75)
    answers = await asker.ask([question("ErrorRate", start=start), latency])
    assert answers["s"].candidate.measure == Counts(bad=1, total=20)
    found = answers["p"].candidate.measure
    assert found == Histogram(edges=(0.1, 0.25), counts=(10, 10, 0))
    assert isinstance(found, Histogram)
    assert quantile(found, 0.75).value == pytest.approx(0.175)
    idle = answers["p"].incumbent.measure
    assert idle == Histogram(edges=(0.1, 0.25), counts=(0, 0, 0))


async def test_pods_are_told_apart_by_their_deployment_and_survive_a_restart(
    world: World, asker: Asker
) -> None:
    world.scored(CANDIDATE_POD, 33)
    world.scored(INCUMBENT_POD, 550)
    world.scored(NEIGHBOUR_POD, 18)
    start = datetime.now(UTC)
    world.incumbent.text, world.neighbour.text = scores(520, 52), scores(900, 900)
    world.scored(INCUMBENT_POD, 572)
    world.scored(NEIGHBOUR_POD, 1800)
    # Restarted: the low bucket has caught up with its old count, which alone shows no reset.
    world.candidate.text = scores(31, 1)
    world.scored(CANDIDATE_POD, 32)
    drift, calibration = (
        question("Drift", "d", start=start),
        question("Calibration", "c", start=start),
    )
    answers = await asker.ask([drift, calibration])
    assert answers["d"].candidate.measure == Histogram(edges=(0.5, 1.0), counts=(31, 1, 0))
    assert answers["d"].incumbent.measure == Histogram(edges=(0.5, 1.0), counts=(20, 2, 0))
    labelled = answers["c"].incumbent.measure
    assert labelled == LabeledScores(positives=2, score_sum=20 * 0.25 + 2 * 0.75, total=22)


async def test_a_query_of_the_users_own_is_filled_in_and_answered(
    world: World, asker: Asker
) -> None:
    world.scraped("v42", 100)
    query = (
        'sum(envoy_cluster_external_upstream_rq_completed{envoy_cluster_name=~".*_{{candidate.service}}_'
        '{{candidate.port}}"})'
    )
    several = "envoy_cluster_external_upstream_rq_completed"
    questions = [
        question("PromQL", "mine", query=query),
        question("PromQL", "many", query=several),
        question("PromQL", "wrong", query="sum("),
        question("PromQL", "nan", query="0 / 0"),
        question("PromQL", "none", query='absent_metric{pod="{{candidate.workload}}"}'),
    ]
    answers = await asker.ask(questions)
    assert answers["mine"].candidate.measure == Scalar(100.0)
    kinds = {
        name: answer.candidate.problem.kind
        for name, answer in answers.items()
        if answer.candidate.problem
    }
    assert kinds == {
        "many": ProblemKind.QUERY,
        "wrong": ProblemKind.QUERY,
        "nan": ProblemKind.NOT_A_NUMBER,
        "none": ProblemKind.EMPTY,
    }
    said = answers["wrong"].candidate.problem
    assert said is not None
    assert "parse error" in said.message


async def test_nothing_is_measured_of_an_arm_without_series(world: World, asker: Asker) -> None:
    world.scraped("v42", 100)
    missing = question("ErrorRate", candidate="fraud-v43")
    answer = (await asker.ask([missing]))["s"]
    assert answer.candidate.problem is not None
    assert answer.candidate.problem.kind is ProblemKind.EMPTY
    assert isinstance(answer.incumbent.measure, Counts)
