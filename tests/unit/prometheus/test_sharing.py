"""What releases and signals share of their queries, and that none suffers for another."""

from collections.abc import Hashable
from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.memory import Bounded, Memory
from surefoot.adapters.prometheus.payload import Failed, Result
from surefoot.adapters.prometheus.reader import Rules
from surefoot.engine.questions import ProblemKind, Question
from surefoot.stats.measures import Scalar
from tests.unit.prometheus.builders import T0, ago, question, series
from tests.unit.prometheus.shared_server import (
    COMPLETED,
    NOW,
    RULES,
    Server,
    errors,
    requests,
    total,
)


async def test_releases_share_one_query_and_each_gets_its_own_counts() -> None:
    server = Server(requests("fraud", 5), requests("churn", 9))
    found = await server.collect({name: [errors(name)] for name in ("fraud", "churn")})
    [query] = server.queries
    assert "risk_fraud-v42_80" in query
    assert "risk_churn-v41_80" in query
    assert (total(found["fraud"]["s"]), total(found["churn"]["s"])) == (5, 9)


async def test_releases_of_several_namespaces_share_one_query_and_no_series() -> None:
    samples = ((NOW.timestamp() - 101, 0.0), (NOW.timestamp() - 1, 8.0))
    pod = "fraud-v42-7c9f8d5b6-x2k9p"
    mine, other = (
        series(metric, *samples, pod=pod, namespace=space)
        for space, metric in (("risk", "requests_total"), ("eu", "requests_total"))
    )
    server = Server(mine, other)
    business = {
        space: [question("Business", namespace=space, window="2m")] for space in ("risk", "eu")
    }
    found = await server.collect(dict(business))
    [query] = server.queries
    assert 'namespace=~"eu|risk"' in query
    measures = [found[space]["s"].candidate.measure for space in ("risk", "eu")]
    assert [getattr(each, "denominator", None) for each in measures] == [8, 8]


async def test_what_fails_together_is_asked_alone_and_only_the_culprit_stays_apart() -> None:
    server = Server(requests("churn", 9), refuses=lambda query: "fraud" in query)
    asked: dict[Hashable, list[Question]] = {
        name: [errors(name)] for name in ("fraud", "churn", "spam")
    }
    found = await server.collect(asked)
    assert total(found["churn"]["s"]) == 9
    problem = found["fraud"]["s"].candidate.problem
    assert problem is not None
    assert "too many samples" in problem.message
    server.refuses = lambda _: False
    await server.collect(asked)
    shared = [query for query in server.queries if "churn" in query]
    assert len(server.queries) == 2
    assert "spam" in shared[0]
    assert "fraud" not in shared[0]
    await server.collect(asked, later=700)
    assert len(server.queries) == 1


@pytest.mark.parametrize("kind", ["ErrorRate", "Business"])
async def test_a_server_with_too_much_to_do_is_not_asked_more_often_afterwards(kind: str) -> None:
    server = Server()
    asked: dict[Hashable, list[Question]] = {
        n: [question(kind, candidate=f"c{n}", incumbent=f"i{n}", window="2m")] for n in range(20)
    }
    await server.collect(asked)
    calm = len(server.queries)
    server.busy = True
    await server.collect(asked, later=15)
    assert len(server.queries) < calm + 4
    server.busy = False
    await server.collect(asked, later=30)
    assert len(server.queries) == calm


async def test_one_culprit_among_many_costs_a_few_queries_and_no_one_else_an_answer() -> None:
    names = [f"r{number}" for number in range(49)] + ["fraud"]
    server = Server(requests("r7", 9), refuses=lambda query: "fraud" in query)
    found = await server.collect({name: [errors(name)] for name in names})
    assert total(found["r7"]["s"]) == 9
    failed = [
        n
        for n in names
        if found[n]["s"].candidate.problem
        and "too many samples" in str(found[n]["s"].candidate.problem)
    ]
    assert failed == ["fraud"]
    # Two at each of six halvings, and a count of the culprit's series.
    assert len(server.queries) <= 2 * 6 + 2


async def test_a_prometheus_that_is_not_there_is_asked_once() -> None:
    gone = Failed(ProblemKind.UNREACHABLE, "no connection")

    async def ask(query: str, at: float) -> Result:
        server.queries.append(query)
        raise gone

    server = Server()
    every = {name: Asked([errors(name)], NOW) for name in ("fraud", "churn")}
    found = await collect_all(ask, dict(every), RULES, Memory())
    assert len(server.queries) == 1
    assert found["churn"]["s"].candidate.problem == gone.problem


def mine(name: str, query: str) -> Question:
    return question("PromQL", name, query=query)


async def test_queries_of_users_are_asked_together_once_it_is_known_what_they_give() -> None:
    server = Server()
    asked: dict[Hashable, list[Question]] = {
        "r": [mine("a", "up"), mine("b", "scalar(up) # one"), mine("c", "up")]
    }
    await server.collect(asked)
    assert sorted(server.queries) == ["scalar(up) # one", "up"]
    found = await server.collect(asked)
    [query] = server.queries
    assert "label_replace(up\n," in query
    assert "label_replace(vector(scalar(up) # one\n)\n," in query
    values = [found["r"][name].candidate.measure for name in "abc"]
    assert values == [Scalar(0), Scalar(1), Scalar(0)]


async def test_an_interval_of_evidence_is_asked_for_at_its_end() -> None:
    server, times = Server(), list[float]()

    async def ask(query: str, at: float) -> Result:
        times.append(at)
        return await server(query, at)

    end = NOW - ago(30)
    closed = replace(mine("a", "rate(x[{{window}}])"), start=end - ago(60), end=end)
    for _ in range(2):
        await collect_all(ask, {"r": Asked([closed], NOW)}, RULES, server.memory)
    assert times == [end.timestamp()] * 2
    assert server.queries == ["rate(x[60s])"] * 2


async def test_a_query_that_breaks_does_not_break_the_others() -> None:
    server = Server()
    asked: dict[Hashable, list[Question]] = {"r": [mine("a", "up"), mine("b", "bad")]}
    await server.collect(asked)
    server.refuses = lambda query: "bad" in query
    found = await server.collect(asked)
    assert found["r"]["a"].candidate.measure == Scalar(7)
    problem = found["r"]["b"].candidate.problem
    assert problem is not None
    assert "too many samples" in problem.message
    await server.collect(asked)
    assert sorted(server.queries) == ["bad", "up"]


async def test_of_releases_of_one_class_only_the_one_whose_query_fails_is_asked_alone() -> None:
    """They share a template; its window grows from one collection to the next."""
    server = Server(refuses=lambda query: "fraud" in query)
    template = 'sum(rate(x{pod=~"{{candidate.workload}}.*"}[{{window}}]))'
    every = ("fraud", "churn", "spam")

    async def collect(later: float) -> list[str]:
        many = {
            name: [question("PromQL", candidate=f"{name}-v42", query=template, start=T0)]
            for name in every
        }
        await server.collect(dict(many), later)
        return sorted(server.queries, key=len)

    await collect(0)
    # All of them, then the culprit and the two others.
    assert len(await collect(15)) == 3
    alone, shared = await collect(30)
    assert alone == 'sum(rate(x{pod=~"fraud-v42.*"}[130s]))'
    assert "churn" in shared
    assert "spam" in shared
    assert "fraud" not in shared


async def test_arms_with_too_many_series_are_summed_from_the_next_collection_on() -> None:
    many = [
        series(
            COMPLETED, (NOW.timestamp() - 101, 0), (NOW.timestamp() - 1, 1),
            envoy_cluster_name="risk_fraud-v42_80", instance=f"e{n}",
        )
        for n in range(4)
    ]  # fmt: skip
    server = Server(*many)
    few = Rules(timedelta(seconds=15), max_series=3)
    asked = {"r": Asked([errors("fraud")], NOW)}
    found = await collect_all(server, dict(asked), few, server.memory)
    assert total(found["r"]["s"]) == 4
    server.queries = []
    await collect_all(server, dict(asked), few, server.memory)
    [query] = server.queries
    assert "sum by (envoy_response_code_class,le) (increase(" in query
    assert "[100s] @ " in query


def test_what_is_remembered_has_a_bound() -> None:
    kept: Bounded[int, int] = Bounded()
    for number in range(10_010):
        kept[number] = number
    assert len(kept) == 10_000
    assert min(kept) == 10
