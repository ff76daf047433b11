"""Which queries a set of questions needs, and that one failure stays with its own signals."""

from dataclasses import replace

from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.payload import Failed, Result, Vector
from surefoot.adapters.prometheus.plans import plan
from surefoot.engine.questions import Answer, ProblemKind, Question, answer_to
from surefoot.stats.measures import Counts, Scalar
from tests.unit.prometheus.builders import T0, ago, question, series

LATE = T0 + ago(120)
SCRAPE = ago(15)


class Asked:
    """Stands where the client stands: answers are kept by a piece of the query's text."""

    def __init__(self, **results: Result | Failed) -> None:
        self.results, self.queries = results, list[str]()

    async def __call__(self, query: str, at: float) -> Result:
        assert at == LATE.timestamp()
        self.queries.append(query)
        found = next((r for piece, r in self.results.items() if piece in query), ())
        if isinstance(found, Failed):
            raise found
        return found

    async def collect(self, *questions: Question) -> dict[str, Answer]:
        return await collect(self, questions, LATE, SCRAPE)


async def test_signals_of_one_window_share_one_query() -> None:
    asked = Asked()
    found = await asked.collect(question(), question("Latency", "p"), question("Drift", "d"))
    assert found.keys() == {"s", "p", "d"}
    assert len(asked.queries) == 2
    [proxy] = [query for query in asked.queries if "envoy_cluster_name" in query]
    assert "upstream_rq_time_bucket" in proxy
    assert "external_upstream_rq_xx" in proxy
    assert proxy.endswith("[150s]")


async def test_the_window_reaches_back_to_the_start_of_the_question_at_most() -> None:
    asked = Asked()
    await asked.collect(question(window="1m"))
    await asked.collect(question(start=LATE - ago(4)))
    await asked.collect(question(start=LATE + ago(4)))
    assert [query[-6:] for query in asked.queries] == ["}[90s]", "}[34s]", "}[30s]"]


async def test_counts_are_taken_between_the_start_and_now() -> None:
    start = T0.timestamp()
    samples = [(start - 9, 1.0), (start + 6, 5.0), (start + 100, 9.0)]
    one = series(
        "envoy_cluster_external_upstream_rq_completed",
        *samples,
        envoy_cluster_name="risk_fraud-v42_80",
    )
    [answer] = (await Asked(envoy=(one,)).collect(question())).values()
    assert answer.candidate.measure == Counts(bad=0, total=8)
    assert answer.candidate.newest == T0 + ago(100)


async def test_identical_queries_are_asked_once() -> None:
    asked = Asked(vector=Vector((2.0,)))
    found = await asked.collect(
        question("PromQL", "a", query="vector(2)"), question("PromQL", "b", query="vector(2)")
    )
    assert asked.queries == ["vector(2)"]
    assert found["a"].candidate.measure == found["b"].candidate.measure == Scalar(2.0)


async def test_a_failure_is_that_of_both_arms_and_of_its_signals_alone() -> None:
    failure = Failed(ProblemKind.TIMEOUT, "too slow")
    asked = Asked(envoy=failure, vector=Vector((2.0,)))
    found = await asked.collect(question(), question("PromQL", "mine", query="vector(2)"))
    assert found["s"].candidate.problem == found["s"].incumbent.problem == failure.problem
    assert found["mine"].candidate.measure == Scalar(2.0)


async def test_a_wrong_template_is_not_asked_at_all() -> None:
    asked, sound = Asked(), question("PromQL", query="up")
    # Admission refuses it, unless the CRD was replaced by one without the rule.
    signal = sound.signal.model_copy(update={"query": "up{{pod}}"})
    found = await asked.collect(replace(sound, signal=signal))
    assert asked.queries == []
    problem = found["s"].candidate.problem
    assert problem is not None
    assert problem.kind is ProblemKind.QUERY
    assert "{{candidate.workload}}" in problem.message


async def test_a_preset_that_cannot_is_a_problem_that_names_one_that_can() -> None:
    wrong = question("Drift", source={"preset": "envoy"})
    problem = (await Asked().collect(wrong))["s"].candidate.problem
    assert problem is not None
    assert "use model-server" in problem.message


async def test_single_values_for_raw_samples_are_no_answer() -> None:
    problem = (await Asked(envoy=Vector((1.0,))).collect(question()))["s"].candidate.problem
    assert problem is not None
    assert problem.kind is ProblemKind.UNREACHABLE


def test_a_users_window_is_that_since_the_step() -> None:
    asked = question("PromQL", query="rate(x[{{window}}])", window="5m")
    assert plan(asked, LATE).query == "rate(x[120s])"


async def test_samples_that_are_four_scrapes_old_are_no_news() -> None:
    start = LATE.timestamp() - 100
    one = series(
        "envoy_cluster_external_upstream_rq_completed",
        (start, 1.0),
        (LATE.timestamp() - 61, 5.0),
        envoy_cluster_name="risk_fraud-v42_80",
    )
    [answer] = (await Asked(envoy=(one,)).collect(question())).values()
    assert answer.candidate.problem is not None
    assert answer.candidate.problem.kind is ProblemKind.EMPTY
    assert "61 s old" in answer.candidate.problem.message


async def test_a_compared_query_is_asked_per_arm_as_of_the_end_of_each_interval() -> None:
    times: list[tuple[str, float]] = []

    async def ask(query: str, at: float) -> Result:
        times.append((query, at))
        return Vector((7.0 if "fraud-v42" in query else 3.0,))

    whole = question(
        "PromQL",
        query='queue{pod=~"{{candidate.workload}}-.*"}[{{window}}]',
        compare={"worse": "Higher", "revertMargin": {"absolute": 1}},
    )
    closed = replace(whole, start=T0, end=T0 + ago(60))
    found = await collect(ask, closed.per_arm(), LATE, SCRAPE)
    answer = answer_to(found, closed.key)
    assert answer is not None
    assert (answer.candidate.measure, answer.incumbent.measure) == (Scalar(7.0), Scalar(3.0))
    end = (T0 + ago(60)).timestamp()
    assert sorted(times) == [
        ('queue{pod=~"fraud-v41-.*"}[60s]', end),
        ('queue{pod=~"fraud-v42-.*"}[60s]', end),
    ]
