"""The picture of one release, drawn from its status alone: a pure function of the resource and a clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.api.vocabulary import Hope, Phase, Verdict
from surefoot.cli.advice import next_steps
from surefoot.cli.reading import moment, number, part, parts, words
from surefoot.cli.steps import step_lines
from surefoot.cli.wording import ABSENT, age, figure, percent

_PHASE_COLOUR = {
    Phase.IDLE: "green",
    Phase.PROGRESSING: "cyan",
    Phase.BAKING: "cyan",
    Phase.HOLDING: "yellow",
    Phase.PAUSED: "yellow",
    Phase.SUSPENDED: "yellow",
    Phase.REVERTING: "bold red",
    Phase.REVERTED: "bold red",
    Phase.STALLED: "bold red",
}
_VERDICT_COLOUR = {
    Verdict.PASS.label: "green",
    Verdict.NO_DATA.label: "yellow",
    Verdict.INCONCLUSIVE.label: "yellow",
    Verdict.ERROR.label: "magenta",
    Verdict.FAIL.label: "bold red",
}
_HOPE_COLOUR = {
    Hope.REACHED.value: "green",
    Hope.NOT_REACHED.value: "red",
    Hope.NOT_DECIDABLE.value: "yellow",
}
_STATUS_COLOUR = {"True": "green", "False": "red", "Unknown": "yellow"}
_DECISIONS_SHOWN = 5
_SHORTEST_REASON = 24


def render(release: Mapping[str, Any], now: datetime) -> RenderableType:
    """All that the status of a ModelRelease says, for a terminal or a file."""
    status = part(release, "status")
    sections = [
        _head(release, now),
        _titled("Signals", _signals(status)),
        _titled("Watched since the promotion", _signals(part(status, "watch"))),
        _titled("Decisions", _decisions(status, now)),
        _titled("Conditions", _conditions(status, now)),
        _titled("No longer serving, may be deleted", _retirable(status, now)),
    ]
    return Group(*(section for section in sections if section is not None))


def phase_colour(phase: str) -> str:
    """The style of a phase; none for one that is not known here."""
    return next((colour for known, colour in _PHASE_COLOUR.items() if known == phase), "")


def verdict_colour(verdict: str) -> str:
    """The style of a verdict."""
    return _VERDICT_COLOUR.get(verdict, "dim")


def columns(*headings: str) -> Table:
    """An empty table as kubectl draws them: no lines, aligned, only the last column wraps."""
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
    for heading in headings[:-1]:
        table.add_column(Text(heading), no_wrap=True)
    table.add_column(Text(headings[-1]), overflow="fold")
    return table


def _titled(title: str, table: Table) -> RenderableType | None:
    return Group(Text(), Text(title, style="bold"), table) if table.row_count else None


def _head(release: Mapping[str, Any], now: datetime) -> Table:
    metadata, status = part(release, "metadata"), part(release, "status")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    name = Text().append(words(metadata, "name", ABSENT), style="bold")
    rows: list[tuple[str, RenderableType]] = [
        ("Release", name.append(f"  {words(metadata, 'namespace')}", style="dim")),
        ("Phase", _phase(status)),
        ("Message", Text(words(status, "message", ABSENT))),
        *(("Next", Text(sentence, style="bold")) for sentence in next_steps(release)),
        ("Candidate", _candidate(part(status, "release"), now)),
        ("Incumbent", _arm(part(status, "incumbent"))),
        ("Traffic", _traffic(status)),
        *step_lines(status),
        *_evidence(status),
        *_hypothesis(status),
    ]
    for label, value in rows:
        table.add_row(Text(label), value)
    return table


def _phase(status: Mapping[str, Any]) -> Text:
    phase = words(status, "phase", ABSENT)
    return Text().append(phase, phase_colour(phase)).append(f"  {words(status, 'reason')}", "dim")


def _arm(arm: Mapping[str, Any]) -> Text:
    if not arm:
        return Text(ABSENT)
    return Text(words(arm, "version", ABSENT)).append(f"  {words(arm, 'workload')}", style="dim")


def _candidate(release: Mapping[str, Any], now: datetime) -> Text:
    text = _arm(release)
    attempt, outcome = number(release, "attempt"), words(release, "outcome")
    if attempt is not None and attempt > 1:
        text.append(f"  attempt {attempt:g}")
    if outcome:
        text.append(f"  {outcome} {age(moment(release, 'endedAt'), now)} ago")
    elif started := moment(release, "startedAt"):
        text.append(f"  started {age(started, now)} ago")
    return text


def _traffic(status: Mapping[str, Any]) -> Text:
    traffic = part(status, "traffic")
    if not traffic:
        return Text(ABSENT)
    intended, observed = number(traffic, "intended"), number(traffic, "observed")
    text = Text(f"intended {percent(intended)}  ")
    differs = observed is not None and observed != intended
    text.append(f"observed {percent(observed)}", style="yellow" if differs else "")
    route = part(traffic, "route")
    managed = " (managed)" if route.get("managed") is True else ""
    text.append(f"  {words(route, 'kind')} {words(route, 'name')}{managed}", style="dim")
    release, capacity = part(status, "release"), number(traffic, "revertCapacity")
    if capacity is not None and release and not words(release, "outcome"):
        sentence = f"\nthe incumbent could take {capacity:.0%} of all traffic back now"
        text.append(sentence, style="" if capacity >= 1 else "yellow")
    return text


def _evidence(status: Mapping[str, Any]) -> list[tuple[str, RenderableType]]:
    """What the comparisons weigh together, and each alone; nothing without a comparison."""
    evidence = part(status, "evidence")
    value, limit = number(evidence, "value"), number(evidence, "limit")
    if value is None or limit is None or not parts(evidence, "signals"):
        return []
    style = "red" if value >= limit else "yellow" if value * value >= limit else ""
    text = Text().append(f"{value:.3g} of {limit:g}", style=style)
    text.append(" that the candidate is worse than the incumbent")
    each = (
        f"{words(s, 'name', ABSENT)} {figure(number(s, 'value'))}"
        for s in parts(evidence, "signals")
    )
    return [("Evidence", text.append(f"\n{', '.join(each)}", style="dim"))]


def _hypothesis(status: Mapping[str, Any]) -> list[tuple[str, RenderableType]]:
    """What is hoped for, and how that stands; nothing without a hypothesis."""
    hope = part(status, "hypothesis")
    if not hope:
        return []
    verdict = words(hope, "verdict", ABSENT)
    text = Text().append(verdict, style=_HOPE_COLOUR.get(verdict, ""))
    return [("Hypothesis", text.append(f"  {words(hope, 'message')}"))]


def _signals(status: Mapping[str, Any]) -> Table:
    table = columns("NAME", "TYPE", "VALUE", "LIMIT", "INCUMBENT", "SAMPLES", "VERDICT", "REASON")
    table.columns[-1].min_width = _SHORTEST_REASON
    for signal in parts(status, "signals"):
        verdict, breaches = words(signal, "verdict", ABSENT), number(signal, "breaches")
        shown = Text().append(verdict, style=verdict_colour(verdict))
        if breaches:
            shown.append(f" {breaches:g}×")
        table.add_row(
            Text(words(signal, "name", ABSENT)),
            Text(words(signal, "type", ABSENT)),
            Text(figure(number(signal, "value"))),
            Text(words(signal, "limit", ABSENT)),
            Text(figure(number(signal, "incumbentValue"))),
            Text(figure(number(signal, "samples"))),
            shown,
            Text(words(signal, "reason")),
        )
    return table


def _decisions(status: Mapping[str, Any], now: datetime) -> Table:
    """The newest last, by their own times: a ring may start anywhere."""
    table = columns("AGE", "WEIGHT", "RULE", "REASON", "BY", "MESSAGE")
    by_time = sorted(parts(status, "decisions"), key=lambda d: words(d, "time"))
    for decision in by_time[-_DECISIONS_SHOWN:]:
        table.add_row(
            Text(age(moment(decision, "time"), now)),
            Text(percent(number(decision, "weight"))),
            Text(words(decision, "rule", ABSENT)),
            Text(words(decision, "reason", ABSENT)),
            Text(words(decision, "by", ABSENT)),
            Text(words(decision, "message")),
        )
    return table


def _conditions(status: Mapping[str, Any], now: datetime) -> Table:
    table = columns("TYPE", "STATUS", "REASON", "AGE", "MESSAGE")
    for condition in parts(status, "conditions"):
        kind, value = words(condition, "type", ABSENT), words(condition, "status", ABSENT)
        good_when_false = kind == "Stalled"
        judged = {"True": "False", "False": "True"}.get(value, value) if good_when_false else value
        table.add_row(
            Text(kind),
            Text(value, style=_STATUS_COLOUR.get(judged, "")),
            Text(words(condition, "reason", ABSENT)),
            Text(age(moment(condition, "lastTransitionTime"), now)),
            Text(words(condition, "message")),
        )
    return table


def _retirable(status: Mapping[str, Any], now: datetime) -> Table:
    table = columns("DEPLOYMENT", "VERSION", "SINCE")
    for workload in parts(status, "retirable"):
        table.add_row(
            Text(words(workload, "workload", ABSENT)),
            Text(words(workload, "version", ABSENT)),
            Text(age(moment(workload, "since"), now)),
        )
    return table
