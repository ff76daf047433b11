"""A Prometheus in memory that counts what it is asked, and questions for it."""

from collections.abc import Callable, Hashable, Mapping
from datetime import timedelta

from surefoot.adapters.prometheus.collection import Asked, collect_all
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.memory import Memory
from surefoot.adapters.prometheus.payload import Failed, Result, Series, Vector
from surefoot.adapters.prometheus.reader import Rules
from surefoot.engine.questions import Answer, ProblemKind, Question
from surefoot.stats.measures import Counts
from tests.unit.prometheus.builders import T0, ago, question, series

NOW = T0 + ago(100)
RULES = Rules(timedelta(seconds=15))
REFUSED = Failed(ProblemKind.QUERY, "Prometheus refuses the query: too many samples")
COMPLETED = "envoy_cluster_external_upstream_rq_completed"


class Server:
    """Answers raw queries with `page` and others by their text, unless `refuses` says so."""

    def __init__(self, *page: Series, refuses: Callable[[str], bool] = lambda _: False) -> None:
        self.page, self.refuses, self.queries = page, refuses, list[str]()
        self.memory, self.busy = Memory(), False

    async def __call__(self, query: str, at: float) -> Result:
        self.queries.append(query)
        if self.busy:
            # Too much at once; what then waits for a turn waits in vain.
            kind = ProblemKind.TIMEOUT if len(self.queries) == 1 else ProblemKind.UNREACHABLE
            raise Failed(kind, "too much to do")
        if self.refuses(query):
            raise REFUSED
        if query.startswith("count("):
            return Vector((3.0,))
        return self.page if query.startswith("{") else self._vector(query, at)

    def _vector(self, query: str, at: float) -> Vector:
        """Each part is one element, with the number of the part for its value."""
        if "label_replace" not in query:
            return Vector((7.0,), is_vector="scalar" not in query)
        parts = [each.split('"')[1] for each in query.split('"surefoot_part",')[1:]]
        made = tuple(
            Series(Labels({"surefoot_part": name}), ((at, float(name.split(".")[0])),))
            for name in parts
        )
        return Vector(tuple(each.samples[0][1] for each in made), made)

    async def collect(
        self, asked: Mapping[Hashable, list[Question]], later: float = 0
    ) -> dict[Hashable, dict[str, Answer]]:
        """The answers, and the queries that they took."""
        self.queries = []
        every = {key: Asked(many, NOW + ago(later)) for key, many in asked.items()}
        return await collect_all(self, every, RULES, self.memory)


def errors(release: str, namespace: str = "risk") -> Question:
    return question(
        candidate=f"{release}-v42", incumbent=f"{release}-v41", namespace=namespace, window="2m"
    )


def requests(release: str, value: float) -> Series:
    first, last = NOW.timestamp() - 101, NOW.timestamp() - 1
    return series(COMPLETED, (first, 0), (last, value), envoy_cluster_name=f"risk_{release}-v42_80")


def total(answer: Answer) -> float | None:
    measure = answer.candidate.measure
    return measure.total if isinstance(measure, Counts) else None
