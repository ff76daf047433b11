"""Bad input: from what Prometheus sent to a verdict with a sentence, never Pass, and never for others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Failed, Result, decode
from surefoot.adapters.prometheus.reader import Rules
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import Verdict
from surefoot.engine.judge import Judged, Stand, judge
from surefoot.engine.questions import ProblemKind, Question
from tests.unit.engine.builders import plan
from tests.unit.prometheus.builders import T0, question

START, NOW = T0, T0 + timedelta(seconds=60)
RULES = Rules(timedelta(seconds=15))
POD = {"candidate": "fraud-v42-7c9f8d5b6-x2k9p", "incumbent": "fraud-v41-59bd7f6c4-qq7tz"}
CLUSTER = {"candidate": "risk_fraud-v42_80", "incumbent": "risk_fraud-v41_80"}
BOTH = ("candidate", "incumbent")
Entry = dict[str, Any]


def entry(metric: str, labels: Mapping[str, str], *values: object) -> Entry:
    """One series of a matrix, with samples a quarter of a minute apart and the last one now."""
    first = NOW.timestamp() - 15 * (len(values) - 1)
    samples = [[first + 15 * n, str(value)] for n, value in enumerate(values)]
    return {"metric": {"__name__": metric, **labels}, "values": samples}


def model(metric: str, arm: str, *values: object, **labels: str) -> Entry:
    return entry(metric, {"namespace": "risk", "pod": POD[arm], "instance": arm, **labels}, *values)


def proxy(metric: str, arm: str, *values: object, **labels: str) -> Entry:
    name = f"envoy_cluster_{metric}"
    return entry(name, {"envoy_cluster_name": CLUSTER[arm], "instance": "envoy", **labels}, *values)


def requests(*arms: str) -> list[Entry]:
    return [
        proxy("external_upstream_rq_completed", arm, 100, 200, 300, 400, 500, 600) for arm in arms
    ]


def scores(arm: str, **by_le: tuple[object, ...]) -> list[Entry]:
    """Buckets `half` (0.5), `fifth` (0.2), `one` and `inf`."""
    names = {"fifth": "0.2", "half": "0.5", "one": "1", "inf": "+Inf"}
    return [model("model_score_bucket", arm, *values, le=names[le]) for le, values in by_le.items()]


def sound(arm: str) -> list[Entry]:
    return scores(arm, half=(0, 0, 100), one=(0, 0, 200), inf=(0, 0, 200))


def fine(arm: str, edges: int, above: float = 0.0) -> list[Entry]:
    """Buckets with so many finite edges, all of them above some number."""
    les = [*(repr(above + (n + 1) / edges) for n in range(edges)), "+Inf"]
    return [model("model_score_bucket", arm, 0, 0, 100, le=le) for le in les]


def labelled(arm: str, outcome: str, *values: object) -> list[Entry]:
    return [
        model(f"model_labeled_score_{part}", arm, *values, actual=outcome)
        for part in ("count", "sum")
    ]


def durations(arm: str, below: int, every: int) -> list[Entry]:
    edges = {"100": below, "250": below, "+Inf": every}
    return [
        proxy("external_upstream_rq_time_bucket", arm, 0, 0, count, le=le)
        for le, count in edges.items()
    ]


@dataclass(frozen=True)
class Case:
    """A signal, what Prometheus answers for it, and what is to be said of it."""

    kind: str
    said: str
    verdict: Verdict
    series: list[Entry] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Result | Failed] = field(default_factory=dict)
    raw_query: str | None = None


def vector(*values: float) -> Result:
    result = [{"metric": {}, "value": [NOW.timestamp(), str(value)]} for value in values]
    return decode(200, body("vector", result))


def body(kind: str, result: object) -> bytes:
    return json.dumps(
        {"status": "success", "data": {"resultType": kind, "result": result}}
    ).encode()


COMPARED = {"threshold": None, "compare": {"revertMargin": {"relative": 0.1}}}
LIMIT = {"max": 0.3, "window": "1h"}
TOO_LARGE = Failed(ProblemKind.QUERY, "the answer is larger than 8388608 bytes")
CASES: dict[str, Case] = {
    "a metric that never existed": Case(
        "Drift", "no samples of model_score_bucket", Verdict.NO_DATA
    ),
    "a candidate without samples": Case(
        "Drift", "for the candidate: check that it is scraped", Verdict.NO_DATA, sound("incumbent")
    ),
    "an incumbent without samples": Case(
        "Drift", "the incumbent has no samples", Verdict.NO_DATA, sound("candidate")
    ),
    "an incumbent without samples to compare with": Case(
        "Latency", "no samples of envoy_cluster_external_upstream_rq_time_bucket",
        Verdict.NO_DATA, durations("candidate", 90, 100), {**COMPARED, "quantile": 0.5},
    ),
    "edges that do not match": Case(
        "Drift", "has no bucket edge 0.2, which another one has: give both arms the same",
        Verdict.INCONCLUSIVE,
        [*sound("candidate"), *scores("incumbent", fifth=(0, 20), one=(0, 90), inf=(0, 90))],
    ),
    "a counter that goes backwards": Case(
        "Business", "falls from 5000 to 4990, which no restart does", Verdict.NO_DATA,
        [model(m, arm, 4000, 5000, 4990, 6000) for m in ("orders_total", "requests_total") for arm in BOTH],
    ),
    "samples of two replicas mixed": Case(
        "Business", "no two replicas are mixed", Verdict.NO_DATA,
        [model(m, arm, 90, 60, 95, 65, 100, 70) for m in ("orders_total", "requests_total") for arm in BOTH],
    ),
    "a negative bucket": Case(
        "Drift", "negative or not a finite number: check its exporter", Verdict.NO_DATA,
        [*sound("incumbent"), *scores("candidate", half=(0, -5, -5), one=(0, 9, 9), inf=(0, 9, 9))],
    ),
    "a NaN bucket": Case(
        "Drift", "negative or not a finite number: check its exporter", Verdict.NO_DATA,
        [*sound("incumbent"), *scores("candidate", half=(0, 1), one=(0, "NaN"), inf=(0, 9))],
    ),
    "buckets that fall as their edges rise": Case(
        "Drift", "fall as their edges rise", Verdict.INCONCLUSIVE,
        [*sound("incumbent"), *scores("candidate", half=(0, 9), one=(0, 5), inf=(0, 9))],
    ),
    "no le": Case(
        "Drift", "has a bucket with no label le: keep it when relabelling", Verdict.INCONCLUSIVE,
        [*sound("incumbent"), model("model_score_bucket", "candidate", 0, 9)],
    ),
    "no bucket le=+Inf": Case(
        "Drift", 'no bucket le="+Inf"', Verdict.INCONCLUSIVE,
        [*sound("incumbent"), *scores("candidate", half=(0, 9), one=(0, 9))],
    ),
    "a decision threshold that is no edge": Case(
        "Performance", "decision threshold 0.7 is not a bucket edge (the nearest: 0.5 and 1)",
        Verdict.NO_DATA,
        [model("model_labeled_score_bucket", arm, 0, 0, 50, le=le, actual=actual)
         for arm in BOTH for le in ("0.5", "1", "+Inf") for actual in "01"],
        {"metric": "Accuracy", "decisionThreshold": 0.7},
    ),
    "one arm native, one classic": Case(
        "Drift", "is a classic histogram, that of the other arm a native one: export the same form",
        Verdict.INCONCLUSIVE,
        [*(e for e in sound("candidate")),
         *({"metric": {"__name__": "model_score", "namespace": "risk", "pod": POD["incumbent"],
                       "instance": f"i{n}"},
            "histograms": [[NOW.timestamp(), {"count": "1", "sum": "1", "buckets": []}]]}
           for n in range(2))],
    ),
    "a native histogram with a NaN sum": Case(
        "Drift", "not a finite number", Verdict.NO_DATA,
        [{"metric": {"__name__": "model_score", "namespace": "risk", "pod": POD[arm], "instance": arm},
          "histograms": [[NOW.timestamp() - n, {"count": "9", "sum": "NaN", "buckets": []}]
                         for n in (15, 0)]}
         for arm in BOTH],
    ),
    "10^6 series, and their sums in time neither": Case(
        "Drift", "did not answer within 3 s", Verdict.ERROR,
        answers={
            "{__name__": TOO_LARGE, "count(": vector(1e6),
            "increase(": Failed(ProblemKind.TIMEOUT, "Prometheus did not answer within 3 s"),
        },
    ),
    "an answer that is too large, though there are few series": Case(
        "Drift", "larger than 8388608 bytes", Verdict.ERROR,
        answers={"{__name__": TOO_LARGE, "count(": vector(10)},
    ),
    "a template with a parameter that does not exist": Case(
        "PromQL", "the query names {{pod}}, which does not exist: there are {{candidate.workload}}",
        Verdict.ERROR, fields={"query": "up"}, raw_query="up{pod='{{pod}}'}",
    ),
    "a query that gives a matrix": Case(
        "PromQL", "samples over a range: it must give a scalar or one element", Verdict.ERROR,
        fields={"query": "mine[5m]"},
        answers={"mine": decode(200, body("matrix", requests("candidate")))},
    ),
    "a query that gives many elements": Case(
        "PromQL", "gives 2 elements: aggregate it", Verdict.ERROR,
        fields={"query": "mine"}, answers={"mine": vector(1, 2)},
    ),
    "a query that gives nothing": Case(
        "PromQL", "gives no element", Verdict.NO_DATA,
        fields={"query": "mine"}, answers={"mine": vector()},
    ),
    "a query that divides by zero": Case(
        "PromQL", "gives nan: check for a division by zero", Verdict.NO_DATA,
        fields={"query": "mine"}, answers={"mine": vector(float("nan"))},
    ),
    "a quantile in +Inf, and a limit above the last edge": Case(
        "Latency", "above the last bucket edge of 0.25 s", Verdict.INCONCLUSIVE,
        [e for arm in BOTH for e in durations(arm, 50, 100)], {"threshold": LIMIT},
    ),
    "a quantile in +Inf, and a limit at the last edge": Case(
        "Latency", "at least 0.25, the limit is ≤ 0.25", Verdict.FAIL,
        [e for arm in BOTH for e in durations(arm, 50, 100)],
        {"threshold": {**LIMIT, "max": 0.25}},
    ),
    "labels that never arrive, and no series for them": Case(
        "Calibration", "no samples of model_labeled_score_count", Verdict.NO_DATA,
        [e for arm in BOTH for e in sound(arm)],
    ),
    "labels that stopped to arrive": Case(
        "Calibration", "0 of 1 samples so far", Verdict.NO_DATA,
        [e for arm in BOTH for outcome in "01" for e in labelled(arm, outcome, 7, 7, 7)],
        {"threshold": {"min": 0.5, "max": 2, "window": "1h", "minSamples": 1}},
    ),
    "labels of one outcome only": Case(
        "Performance", "labels of one outcome only so far", Verdict.NO_DATA,
        [model("model_labeled_score_bucket", arm, 0, 0, 50, le=le, actual="0")
         for arm in BOTH for le in ("0.5", "1", "+Inf")],
    ),
    "more edges than a status can keep": Case(
        "Drift", "model_score_bucket of the candidate has 401 bucket edges: export at most 400",
        Verdict.INCONCLUSIVE, [*fine("candidate", 401), *fine("incumbent", 20)],
    ),
    "more edges of both arms together": Case(
        "Drift", "has other bucket edges than another one, 402 together: give both arms the same",
        Verdict.INCONCLUSIVE, [*fine("candidate", 201), *fine("incumbent", 201, above=1.0)],
    ),
    "a warning of a partial answer": Case(
        "PromQL", "Prometheus says that its answer is partial", Verdict.ERROR,
        fields={"query": "mine"},
        answers={"mine": Failed(ProblemKind.PARTIAL, "Prometheus says that its answer is partial: x")},
    ),
}  # fmt: skip


class Prometheus:
    """Answers by a piece of the query's text, else with the case's series and those of a sound proxy."""

    def __init__(self, case: Case) -> None:
        self.case, self.queries = case, list[str]()

    async def __call__(self, query: str, at: float) -> Result:
        self.queries.append(query)
        for piece, answer in self.case.answers.items():
            if query.startswith(piece) or (piece == "increase(" and piece in query):
                if "envoy" not in query and isinstance(answer, Failed):
                    raise answer
                if "envoy" not in query:
                    assert not isinstance(answer, Failed)
                    return answer
        return decode(200, body("matrix", [*requests(*BOTH), *self.case.series]))


def asked(case: Case) -> Question:
    made = question(case.kind, "bad", start=START, **case.fields)
    if case.raw_query is None:
        return made
    # Admission refuses it, unless the CRD was replaced by one without the rule.
    return replace(made, signal=made.signal.model_copy(update={"query": case.raw_query}))


async def judged(case: Case) -> tuple[Judged, Judged, Prometheus]:
    """The verdict on the bad signal, and on a sound one beside it."""
    server = Prometheus(case)
    questions = [asked(case), question("ErrorRate", "good", start=START)]
    both = {"r": Asked(questions, NOW, timedelta(minutes=10))}
    answers = (await collect_all(server, both, RULES, Memory()))["r"]
    stand = Stand(spec(), 0, START, START, NOW)
    bad, good = (judge(each.signal, stand, None, answers[each.key]) for each in questions)
    return bad, good, server


def spec() -> ModelReleaseSpec:
    return plan()


@pytest.mark.parametrize("name", CASES)
async def test_bad_input_has_a_verdict_and_a_sentence_and_stops_no_other_signal(name: str) -> None:
    case = CASES[name]
    bad, good, _ = await judged(case)
    assert bad.verdict is case.verdict, bad.status.reason
    assert bad.verdict is not Verdict.PASS
    assert case.said in bad.status.reason
    assert "Traceback" not in bad.status.reason
    assert good.verdict is Verdict.PASS, good.status.reason


async def test_what_has_too_many_series_is_summed_by_prometheus_and_says_so() -> None:
    parts = [f"{side} {metric}" for side in BOTH for metric in ("model_score_bucket",)]
    elements = [
        {"metric": {"surefoot_part": f"0.{part}", "le": le}, "value": [NOW.timestamp(), count]}
        for part in parts
        for le, count in (("0.5", "100"), ("1", "200"), ("+Inf", "200"))
    ] + [
        {"metric": {"surefoot_part": f"0.newest {part}"}, "value": [NOW.timestamp(), str(NOW.timestamp())]}
        for part in parts
    ]  # fmt: skip
    summed = decode(200, body("vector", elements))
    answers = {"{__name__": TOO_LARGE, "count(": vector(1e6), "label_replace(": summed}
    bad, good, server = await judged(Case("Drift", "", Verdict.PASS, answers=answers))
    assert "increase(" in server.queries[-1]
    assert bad.status.samples == 200
    assert "estimated by increase(): its 1000000 series are above the limit of 10000" in (
        bad.status.reason
    )
    assert good.verdict is Verdict.PASS
