"""Hours of a real Prometheus: outages caught up with, long windows, and how often it is asked."""

import asyncio
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from surefoot.adapters.prometheus import PrometheusMetrics
from surefoot.api.spec import ModelReleaseSpec
from surefoot.engine import compare, intervals
from surefoot.engine.judge import Stand
from surefoot.engine.questions import Answer, Question
from surefoot.ports import Key
from surefoot.stats.measures import Counts, Histogram, Ratio, Scalar
from tests.cluster.prometheus.exporters import Prometheus
from tests.cluster.prometheus.history import Past
from tests.cluster.prometheus.test_reading import LONG, RULES, SHORT, Asker
from tests.unit.engine.builders import plan
from tests.unit.prometheus.builders import question

RELEASES = ("fraud", "churn", "spam", "price")
REQUESTS = "envoy_cluster_external_upstream_rq_completed"
EDGES = ("0.25", "0.5", "0.75", "1", "+Inf")


def rising(per_second: float) -> Any:
    return lambda since: float(int(1000 + per_second * since))


def arm(past: Past, release: str, version: str, factor: float) -> None:
    """One arm's proxy and its two pods."""
    cluster = {"envoy_cluster_name": f"risk_{release}-{version}_80", "instance": "envoy"}
    past.add(REQUESTS, cluster, rising(20 * factor))
    for code, share in (("2", 0.99), ("5", 0.01)):
        labels = {**cluster, "envoy_response_code_class": code}
        past.add("envoy_cluster_external_upstream_rq_xx", labels, rising(20 * factor * share))
    for position, edge in enumerate(("10", "50", "100", "250", "+Inf")):
        past.add(
            "envoy_cluster_external_upstream_rq_time_bucket",
            {**cluster, "le": edge},
            rising(4 * factor * (position + 1)),
        )
    for pod in ("aaaaa", "bbbbb"):
        labels = {
            "namespace": "risk",
            "pod": f"{release}-{version}-7c9f8d5b6-{pod}",
            "instance": f"{release}-{version}-{pod}",
        }
        server(past, labels, factor)


def server(past: Past, labels: dict[str, str], factor: float) -> None:
    past.add("orders_total", labels, rising(factor))
    past.add("requests_total", labels, rising(10 * factor))
    past.add("model_features_last_update_timestamp_seconds", labels, lambda s: past.first + s)
    past.add("model_features_missing_total", labels, rising(0.01))
    past.add("model_features_total", labels, rising(10))
    for position, edge in enumerate(EDGES):
        for group in "ab":
            made = {**labels, "group": group, "le": edge}
            past.add("model_score_bucket", made, rising(factor * (position + 1)))
        for actual in "01":
            made = {**labels, "actual": actual, "le": edge}
            past.add("model_labeled_score_bucket", made, rising(0.5 * factor * (position + 1)))
    for actual in "01":
        made = {**labels, "actual": actual}
        past.add("model_labeled_score_count", made, rising(2.5 * factor))
        past.add("model_labeled_score_sum", made, rising(1.2 * factor))


def whole(first: float, last: float, *gaps: tuple[float, float], releases: int = 1) -> Past:
    past = Past(first, last, *gaps)
    for release in RELEASES[:releases]:
        arm(past, release, "v42", 0.1)
        arm(past, release, "v41", 0.9)
    return past


class Clock:
    """Minutes of the recent past, on a second."""

    def __init__(self) -> None:
        self.now = float(int(time.time())) - 5

    def ago(self, minutes: float) -> float:
        return self.now - 60 * minutes


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def compared(start: float, now: float) -> tuple[Stand, ModelReleaseSpec]:
    signals = [
        {"name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}, "compare": {}},
        {
            "name": "p99",
            "type": "Latency",
            "source": {"preset": "envoy"},
            "quantile": 0.99,
            "compare": {},
        },
    ]
    spec = plan(signals=signals)
    return Stand(spec, 0, at(start), at(start), at(now)), spec


async def caught_up(prometheus: Prometheus, stand: Stand) -> tuple[dict[str, Answer], int]:
    """All intervals up to now, as ticks take them in, and the queries that they took."""
    asker, found = Asker(prometheus.url), dict[str, Answer]()
    evidence = compare.begin(None, stand)
    assert evidence is not None
    for signal in evidence.signals:
        signal.__dict__["until"] = stand.since
    try:
        while spans := compare.spans(evidence, stand):
            template = question(start=stand.now)
            questions = [
                Question(s.signal, "risk", template.candidate, template.incumbent, s.start, s.end)
                for s in spans
            ]
            answers = await asker.ask(questions, stand.now, timedelta(seconds=15), CAUGHT)
            found |= answers
            evidence = intervals.take_in(evidence, stand, answers)
    finally:
        await asker.client.close()
    assert all(signal.until > stand.now - timedelta(seconds=60) for signal in evidence.signals)
    return found, asker.queries


CAUGHT = type(RULES)(timedelta(seconds=15))


async def test_after_an_outage_of_the_operator_every_interval_is_exact(tmp_path: Path) -> None:
    clock = Clock()
    past = whole(clock.ago(40), clock.now)
    stand, _ = compared(clock.ago(20), clock.now)
    prometheus = past.serve(tmp_path)
    try:
        found, queries = await caught_up(prometheus, stand)
    finally:
        prometheus.stop()
    assert len(found) == 2 * 20
    assert queries <= 6
    for minute in range(20):
        start, end = clock.ago(20 - minute), clock.ago(19 - minute)
        answer = found[f"errors@{end:.3f}"]
        for reading, version in ((answer.candidate, "v42"), (answer.incumbent, "v41")):
            name = f"risk_fraud-{version}_80"
            bad = past.risen(
                "envoy_cluster_external_upstream_rq_xx", start, end,
                envoy_cluster_name=name, envoy_response_code_class="5",
            )  # fmt: skip
            total = past.risen(REQUESTS, start, end, envoy_cluster_name=name)
            assert reading.measure == Counts(bad, total)
        assert isinstance(found[f"p99@{end:.3f}"].candidate.measure, Histogram)


async def test_minutes_without_samples_are_missing_intervals(tmp_path: Path) -> None:
    clock = Clock()
    gap = clock.ago(25), clock.ago(5)
    past = whole(clock.ago(40), clock.now, gap)
    stand, _ = compared(clock.ago(30), clock.now)
    prometheus = past.serve(tmp_path)
    try:
        found, _ = await caught_up(prometheus, stand)
    finally:
        prometheus.stop()
    missing = {minute for minute in range(30) if measured(found, clock.ago(29 - minute)) is None}
    assert missing == set(range(5, 25))
    for minute in {*range(30)} - missing:
        start, end = clock.ago(30 - minute), clock.ago(29 - minute)
        total = past.risen(REQUESTS, start, end, envoy_cluster_name="risk_fraud-v42_80")
        assert measured(found, end) == total


def measured(found: dict[str, Answer], end: float) -> float | None:
    answer = found[f"errors@{end:.3f}"].candidate
    if answer.measure is None:
        assert answer.problem is not None
        assert "no samples" in answer.problem.message
    return answer.measure.samples if answer.measure is not None else None


async def test_twelve_hours_are_read_at_both_ends_and_say_what_all_samples_say(
    tmp_path: Path,
) -> None:
    clock = Clock()
    past = whole(clock.ago(12 * 60 + 10), clock.now)

    def restarted(since: float) -> float:
        return float(int(since * 0.7 if since < 30_000 else (since - 30_000) * 0.4))

    def born(since: float) -> float | None:
        return None if since < 20_000 else float(int((since - 20_000) * 0.3))

    pods = (("fraud-v42-7c9f8d5b6-ccccc", restarted), ("fraud-v41-7c9f8d5b6-ddddd", born))
    for pod, value in pods:
        for actual in "01":
            for part in ("count", "sum"):
                labels = {"namespace": "risk", "pod": pod, "instance": pod, "actual": actual}
                past.add(f"model_labeled_score_{part}", labels, value)
    prometheus = past.serve(tmp_path)
    asker = Asker(prometheus.url)
    asked = [
        question("Calibration", "c", start=at(clock.ago(2000)), window="12h"),
        question("Drift", "d", start=at(clock.ago(2000)), window="12h"),
    ]
    try:
        long = await asker.ask(asked, at(clock.now), LONG, CAUGHT)
        first, asker.queries = asker.queries, 0
        again = await asker.ask(asked, at(clock.now), LONG, CAUGHT)
        then = asker.queries
        raw = await asker.ask(asked, at(clock.now), timedelta(hours=10), CAUGHT)
    finally:
        await asker.client.close()
        prometheus.stop()
    for key in ("c", "d"):
        assert long[key].candidate.measure == raw[key].candidate.measure
        assert long[key].incumbent.measure == raw[key].incumbent.measure
        assert again[key] == long[key]
        assert "both ends" in long[key].candidate.note
    assert (first, then) == (1 + 13, 1)


async def test_forty_thousand_series_are_summed_by_prometheus(tmp_path: Path) -> None:
    clock = Clock()
    past = Past(clock.ago(2), clock.now)
    for version, factor in (("v42", 1.0), ("v41", 2.0)):
        pod = f"fraud-{version}-7c9f8d5b6-aaaaa"
        for customer in range(10_000):
            labels = {"namespace": "risk", "pod": pod, "instance": pod, "customer": f"c{customer}"}
            past.add("requests_total", labels, rising(factor))
            past.add("orders_total", labels, rising(factor * 0.5))
    prometheus = past.serve(tmp_path)
    asker = Asker(prometheus.url, max_answer_bytes=8 * 1024 * 1024)
    business = question("Business", "b", start=at(clock.ago(1.5)))
    sound = question("PromQL", "q", query="vector(3)")
    try:
        found = await asker.ask([business, sound], at(clock.now), SHORT, CAUGHT)
        first, asker.queries = asker.queries, 0
        again = await asker.ask([business, sound], at(clock.now), SHORT, CAUGHT)
    finally:
        await asker.client.close()
        prometheus.stop()
    # Raw samples, then their count, then sums; beside them the user's query.
    assert (first, asker.queries) == (4, 1)
    for answers in (found, again):
        reading = answers["b"].candidate
        assert "its 40000 series are above the limit of 10000" in reading.note
        assert isinstance(reading.measure, Ratio)
        assert reading.measure.denominator == pytest.approx(10_000 * 90, rel=0.2)
        assert answers["q"].candidate.measure == Scalar(3)


async def test_signals_and_releases_share_their_queries(tmp_path: Path) -> None:
    clock = Clock()
    past = whole(clock.ago(90), clock.now, releases=len(RELEASES))
    prometheus = past.serve(tmp_path)
    done: asyncio.Queue[Key] = asyncio.Queue()
    metrics = PrometheusMetrics(
        prometheus.url, timedelta(seconds=15), done.put_nowait, timedelta(seconds=60)
    )
    counts: list[int] = []
    try:
        for many in (1, len(RELEASES)):
            before, rounds = asked(prometheus), 4
            for number in range(rounds):
                now = at(clock.ago(2) + 15 * number)
                answers = await one_round(metrics, done, many, now)
                assert all(each.candidate.problem is None for each in answers), answers
            counts.append(asked(prometheus) - before)
            per_tick = counts[-1] / rounds / many
            print(f"{many} releases of 8 signals: {per_tick:.2f} queries per release and tick")
            for release in RELEASES:
                metrics.forget(Key("risk", release))
    finally:
        await metrics.close()
        prometheus.stop()
    assert counts[1] <= 4 * len(RELEASES)


async def one_round(
    metrics: PrometheusMetrics, done: "asyncio.Queue[Key]", many: int, now: datetime
) -> list[Answer]:
    answers: list[Answer] = []
    for release in RELEASES[:many]:
        metrics.collect(Key("risk", release), eight(release, now), now, timedelta(seconds=15))
    left = many
    while left:
        # A key comes when a release's turn has come to ask, too, which is within the second.
        key, turn = await asyncio.wait_for(done.get(), 120), now + timedelta(seconds=1)
        found = metrics.collect(key, eight(key.name, now), turn, timedelta(seconds=15))
        left -= found is not None
        answers += (found or {}).values()
    return answers


def eight(release: str, now: datetime) -> list[Question]:
    """Eight signals of as many types, one over an hour, and the minute that has just closed."""
    arms = {"candidate": f"{release}-v42", "incumbent": f"{release}-v41"}
    start = now - timedelta(seconds=100)
    mine = f'sum({REQUESTS}{{envoy_cluster_name="risk_{release}-v42_80"}})'
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("ErrorRate", {}),
        ("Latency", {}),
        ("Drift", {}),
        ("Calibration", {"start": now - timedelta(hours=1)}),
        ("Performance", {}),
        ("Fairness", {}),
        ("Business", {}),
        ("PromQL", {"query": mine}),
    ]
    windows = [
        question(kind, kind.lower(), **{"start": start, **arms, **more}) for kind, more in kinds
    ]
    closed = question("ErrorRate", "errorrate", start=now - timedelta(seconds=75), **arms)
    end = now - timedelta(seconds=15)
    whole_minute = Question(
        closed.signal, "risk", closed.candidate, closed.incumbent, closed.start, end
    )
    return [*windows, whole_minute]


def asked(prometheus: Prometheus) -> int:
    """How many queries Prometheus itself says that it had."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{prometheus.url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    name = 'prometheus_http_requests_total{code="200",handler="/api/v1/query"}'
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(name))
