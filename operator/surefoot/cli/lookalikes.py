"""Where an arm has no series: which values its label has instead, so that a wrong one is seen at once."""

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import SequenceMatcher

from surefoot.adapters.prometheus.payload import Failed, Series
from surefoot.adapters.prometheus.presets import source_of
from surefoot.adapters.prometheus.promql import Arms, arms_of, quote
from surefoot.adapters.prometheus.wants import Ask
from surefoot.engine.questions import Question

_SHOWN = 5


def belongs(asked: Question, labels: Mapping[str, str], of: str) -> bool:
    """Whether a series with these labels is this arm's."""
    found = source_of(asked.signal)
    if isinstance(found, str):
        return False
    arms = arms_of(found[0], asked)
    return _pattern(arms, of).fullmatch(labels.get(arms.label, "")) is not None


def _pattern(arms: Arms, of: str) -> re.Pattern[str]:
    return re.compile(arms.candidate if of == "candidate" else arms.incumbent)


async def hint(ask: Ask, asked: Question, of: str, now: datetime) -> str | None:
    """One sentence on what the metrics' label says instead; None when nobody can be asked."""
    found = source_of(asked.signal)
    if isinstance(found, str):
        return None
    preset, source = found
    arms = arms_of(preset, asked)
    names = "|".join(sorted(set(source.metrics(asked.signal))))
    forced = "".join(f",{label}={quote(value)}" for label, value in asked.matchers)
    query = f"(group by (__name__, {arms.label}) ({{__name__=~{quote(names)}{forced}}}))[2s:1s]"
    try:
        result = await ask(query, now.timestamp())
    except Failed:
        return None
    if not isinstance(result, tuple):
        return None
    return _sentence(result, arms, of, asked, names.replace("|", " or "))


def _sentence(
    result: tuple[Series, ...], arms: Arms, of: str, asked: Question, metrics: str
) -> str:
    if not result:
        return f"Prometheus has no series of {metrics} at all: is the exporter scraped?"
    values = {series.labels.get(arms.label, "") for series in result}
    exact = ", ".join(f"{label}={quote(value)}" for label, value in arms.shared)
    if any(_pattern(arms, of).fullmatch(value) for value in values):
        if exact:
            return f"there is such a {arms.label}, but not together with {exact}"
        return f"there is such a {arms.label}, but not in the signal's window"
    values.discard("")
    if not values:
        return f"no series of {metrics} has a label {arms.label}: add it where it is scraped"
    ref = asked.candidate if of == "candidate" else asked.incumbent
    near = sorted(values, key=lambda value: (-_alike(value, ref.service), value))[:_SHOWN]
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return f"{arms.label} is {', '.join(map(quote, near))}{more}"


def _alike(value: str, name: str) -> float:
    return SequenceMatcher(None, value, name).ratio()
