"""Recorded samples: exposition text of one or more scrapes, as the series that Prometheus keeps of them.

A line `# scrape at=60 job="j" instance="i" …` begins each scrape and names the target's own labels.
"""

import re
from collections import defaultdict
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.payload import Failed, Result, Series
from surefoot.adapters.prometheus.wants import Ask
from surefoot.engine.questions import ProblemKind
from tests.unit.prometheus.builders import T0

RECORDED = Path(__file__).parent / "recorded"
_SCRAPE = re.compile(r"^# scrape at=(\d+) (.*)$", re.MULTILINE)
_SELECTOR = re.compile(r"^\{(.*)\}\[\d+s\]$")
_MATCHER = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def recorded(preset: str) -> tuple[Series, ...]:
    """The series of a preset's sample; its second 0 is T0. Empty labels are dropped, and what the exporter
    calls as the target does, it keeps (as `honor_labels` has it)."""
    parts = _SCRAPE.split((RECORDED / f"{preset}.txt").read_text())[1:]
    found: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = defaultdict(list)
    for at, target, text in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        own = dict(_LABEL.findall(target))
        # Without their types, as the parser appends _total to counters that lack it.
        plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        for family in text_string_to_metric_families(plain + "\n"):
            for sample in family.samples:
                labels = {**own, **sample.labels, "__name__": sample.name}
                key = frozenset((name, value) for name, value in labels.items() if value)
                found[key].append((T0.timestamp() + float(at), sample.value))
    return tuple(Series(Labels(dict(labels)), tuple(samples)) for labels, samples in found.items())


def server(series: tuple[Series, ...]) -> Ask:
    """Answers a selector over a range with the samples that match it, as Prometheus does, and refuses all
    else."""

    async def ask(query: str, at: float) -> Result:
        found = _SELECTOR.match(query)
        if found is None:
            raise Failed(ProblemKind.QUERY, f"no selector: {query}")
        matchers = [
            (label, re.sub(r"\\(.)", r"\1", text) if kind == "=~" else text, kind)
            for label, kind, text in _MATCHER.findall(found[1])
        ]
        return tuple(each for each in series if all(_matches(each, *m) for m in matchers))

    return ask


def _matches(series: Series, label: str, text: str, kind: str) -> bool:
    value = series.labels.get(label, "")
    return value == text if kind == "=" else re.fullmatch(text, value) is not None
