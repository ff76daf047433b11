"""How each question is asked: raw samples, both ends of a long window, sums, or the user's query."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from surefoot.adapters.prometheus import promql
from surefoot.adapters.prometheus.ends import Ends
from surefoot.adapters.prometheus.needs import gauges_of, labels_of, names_of
from surefoot.adapters.prometheus.presets import source_of
from surefoot.adapters.prometheus.sources import SeriesSource
from surefoot.adapters.prometheus.sums import Sums
from surefoot.adapters.prometheus.wants import Samples, Values
from surefoot.api.signals import Signal
from surefoot.engine.questions import Problem, ProblemKind, Question

# A window of more intervals of analysis than this is read at both ends.
LONG_INTERVALS = 10
# An interval of evidence that ended longer ago is caught up with, and read on its own.
RECENT_S = 600.0

Key = tuple[Hashable, str]
"""A release, and the key of one of its questions."""


@dataclass(frozen=True)
class Plan:
    """What one question needs: a query of its own, or a share of one for `source` and `arms`.

    Only what lies in (start, end] is counted; `closed` is an interval of evidence, never stale.
    `rendering` is the query of its release as it stays from one collection to the next.
    """

    signal: Signal
    now: datetime
    start: float
    end: float
    source: SeriesSource | None = None
    arms: promql.Arms | None = None
    query: str | None = None
    rendering: str | None = None
    problem: Problem | None = None
    closed: bool = False

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all series that it needs."""
        return (
            frozenset(names_of(self.source, self.signal))
            if self.source is not None
            else frozenset()
        )


def plan(
    question: Question, now: datetime, known: dict[Hashable, promql.Arms] | None = None
) -> Plan:
    """How a question is asked. Its window begins at `question.start` at the earliest. `known` keeps
    the arms for the next question of the same release."""
    signal, closed = question.signal, question.end is not None
    earliest = max(question.start, now - signal.window)
    start = (question.start if closed else min(earliest, now)).timestamp()
    end = (question.end or now).timestamp()
    if signal.query is not None:
        try:
            query = promql.fill_in(signal.query, question, end - start)
            # Its window grows with the step.
            rendering = promql.fill_in(signal.query, question, 0.0)
        except promql.UnknownPlaceholder as error:
            return Plan(signal, now, start, end, problem=Problem(ProblemKind.QUERY, str(error)))
        return Plan(signal, now, start, end, query=query, rendering=rendering, closed=closed)
    found = source_of(signal)
    if isinstance(found, str):
        return Plan(signal, now, start, end, problem=Problem(ProblemKind.QUERY, found))
    preset, source = found
    known = {} if known is None else known
    key = id(preset), question.namespace, question.candidate, question.incumbent
    arms = known.get(key) or known.setdefault(key, promql.arms_of(preset, question))
    return Plan(signal, now, start, end, source, arms, closed=closed)


def is_long(plan: Plan, interval: timedelta) -> bool:
    """Whether its raw samples would be many."""
    return plan.end - plan.start > LONG_INTERVALS * interval.total_seconds()


def samples_of(plan: Plan) -> Samples:
    """Raw samples; an interval that is long past is read up to its end only."""
    assert plan.arms is not None
    past = plan.closed and plan.now.timestamp() - plan.start > RECENT_S
    return Samples(plan.arms, plan.names, plan.start, plan.end if past else None)


def ends_of(plan: Plan, scrape_s: float) -> Ends:
    """Both ends."""
    assert plan.arms is not None
    assert plan.source is not None
    counters = plan.names - gauges_of(plan.source)
    window = (plan.start, plan.end) if plan.closed else plan.signal.window
    return Ends(plan.arms, plan.names, counters, plan.start, plan.end, 2 * scrape_s, window)


def sums_of(plan: Plan) -> Sums:
    """Sums by what the signal tells apart."""
    assert plan.arms is not None
    assert plan.source is not None
    by, gauges = labels_of(plan.source, plan.signal), gauges_of(plan.source)
    return Sums(plan.arms, plan.names, gauges, by, plan.start, plan.end)


def query_of(plan: Plan, scalars: Mapping[str, bool]) -> Values | None:
    """The user's query as a vector; None while it is not known whether it gives a scalar, and for
    an interval of evidence, which is asked about as of its end."""
    template = plan.signal.query or ""
    if plan.query is None or plan.closed or template not in scalars:
        return None
    text = f"vector({plan.query}\n)" if scalars[template] else plan.query
    # Releases of a class have the same template: one whose rendering fails is apart alone.
    return Values(("query", plan.rendering), (("", text),))
