"""A replay, minute by minute, for a terminal or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.api.signal_status import SignalStatus
from surefoot.api.status import DecisionRecord, ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Verdict
from surefoot.cli.backtest import Past, Split, reverted
from surefoot.cli.picture import columns, phase_colour
from surefoot.cli.reading import clean
from surefoot.cli.replay import Moment, Replay
from surefoot.cli.wording import ABSENT, figure, span
from surefoot.planning.power import at_most

_MARK = {
    Verdict.PASS.label: ("✔", "green"),
    Verdict.FAIL.label: ("✘", "bold red"),
    Verdict.NOT_DUE.label: ("·", "dim"),
    Verdict.NOT_APPLICABLE.label: ("·", "dim"),
}
_OPEN = ("?", "yellow")
_POINTS, _TIMES = 0.05, 1.5
"""Recorded traffic counts as another weight when it is off by both of these."""


@dataclass(frozen=True, slots=True)
class Minute:
    """The last evaluation of a minute, with all that was decided in it."""

    moment: Moment
    taken: tuple[DecisionRecord, ...]

    @property
    def status(self) -> ModelReleaseStatus:
        return self.moment.status

    @property
    def weight(self) -> int:
        traffic = self.status.traffic
        return traffic.intended if traffic is not None else 0

    @property
    def is_off(self) -> bool:
        """Whether the candidate had clearly another share of the recorded traffic than the plan's."""
        share, planned = self.moment.share, self.weight / 100.0
        if share is None or self.weight == 0 or self.status.release is None:
            return False
        low, high = sorted((share, planned))
        return high - low > _POINTS and high > _TIMES * low


def minutes_of(replay: Replay) -> list[Minute]:
    """One for each minute of the clock that was evaluated."""
    found: dict[datetime, Minute] = {}
    for moment in replay.moments:
        minute = moment.time.replace(second=0, microsecond=0)
        before = found[minute].taken if minute in found else ()
        found[minute] = Minute(moment, (*before, *moment.taken))
    return list(found.values())


def render(past: Past, replay: Replay) -> RenderableType:
    """Head, minutes, decisions, notes."""
    minutes = minutes_of(replay)
    return Group(
        _head(past, replay),
        Text(),
        _minutes(minutes),
        Text(),
        Text("Decisions", style="bold"),
        _decisions(minutes),
        *(Text(f"\n{note}", style="yellow") for note in notes(past, replay, minutes)),
    )


def _head(past: Past, replay: Replay) -> Text:
    text = Text().append(past.release.name, "bold")
    until = replay.moments[-1].time
    text.append(f"  {_time(past.start)} … {_time(until)}", "dim")
    for said in past.said:
        text.append(f"  with {clean(said)}", "magenta")
    text.append(_from(past), "dim")
    status = replay.moments[-1].status
    return text.append("\n").append(sentence(past, replay), phase_colour(status.phase))


def _from(past: Past) -> str:
    return f"  from {clean(past.where)}" if past.where else ""


def sentence(past: Past, replay: Replay) -> str:
    """How it ended, in words."""
    last = replay.moments[-1]
    after = span((last.time - past.start).total_seconds())
    if replay.outcome is Outcome.REVERTED:
        weight = next(
            (m.status.step.weight for m in reversed(replay.moments[:-1]) if m.status.step), 0
        )
        return f"Reverted after {after}, at {weight} %: {last.status.message}"
    if replay.outcome is Outcome.PROMOTED:
        return f"Promoted after {after}."
    return f"{last.status.phase} at the end, after {after}: {last.status.message}"


def _minutes(minutes: Sequence[Minute]) -> Table:
    table = columns("TIME", "PHASE", "STEP", "PLAN", "RECORDED", "EVIDENCE", "SIGNALS", "")
    for minute in minutes:
        status, share = minute.status, minute.moment.share
        step = status.step.position if status.step is not None else ABSENT
        table.add_row(
            Text(minute.moment.time.astimezone(UTC).strftime("%H:%M")),
            Text(status.phase, style=phase_colour(status.phase)),
            Text(step),
            Text(f"{minute.weight} %"),
            Text(
                ABSENT if share is None else f"{100 * share:.3g} %",
                style="yellow" if minute.is_off else "",
            ),
            Text(_evidence(status)),
            _signals(status.signals),
            Text("; ".join(d.reason for d in minute.taken), style="bold"),
        )
    return table


def _evidence(status: ModelReleaseStatus) -> str:
    found = status.evidence
    return ABSENT if found is None else f"{found.value:.3g}/{found.limit:g}"


def _signals(signals: Sequence[SignalStatus]) -> Text:
    text = Text()
    for number, signal in enumerate(signals):
        mark, style = _MARK.get(signal.verdict, _OPEN)
        text.append("  " if number else "").append(f"{mark} ", style)
        text.append(f"{signal.name} {figure(signal.value)}")
    return text


def _decisions(minutes: Sequence[Minute]) -> Table:
    table = columns("TIME", "WEIGHT", "RULE", "REASON", "MESSAGE")
    for minute in minutes:
        for taken in minute.taken:
            table.add_row(
                Text(taken.time.astimezone(UTC).strftime("%H:%M:%S")),
                Text(f"{taken.weight} %"),
                Text(taken.rule),
                Text(taken.reason),
                Text(taken.message),
            )
    return table


def notes(past: Past, replay: Replay, minutes: Sequence[Minute]) -> list[str]:
    """What the replay cannot know."""
    found = []
    off = [minute for minute in minutes if minute.is_off]
    if off:
        first = off[0]
        assert first.moment.share is not None
        found.append(
            f"In {len(off)} of {len(minutes)} minutes the candidate had another share of the recorded traffic "
            f"than the plan gives it (at {_clock(first)}: {100 * first.moment.share:.3g} % where the plan says "
            f"{first.weight} %). Counts are the recorded ones: a smaller share finds less, and later."
        )
    if replay.status is not None and all(m.moment.share is None for m in minutes):
        found.append(
            f"Prometheus has no requests of {past.incumbent.workload} in this time: check --incumbent, "
            "--namespace, and how long it keeps its samples."
        )
    if replay.outcome is None and not found:
        found.append("The recorded time was over before the release was: choose a later --to.")
    return found


def _clock(minute: Minute) -> str:
    return minute.moment.time.astimezone(UTC).strftime("%H:%M")


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_json(past: Past, replay: Replay) -> Mapping[str, Any]:
    """Every minute with every signal; times in UTC, shares as fractions."""
    minutes = minutes_of(replay)
    return {
        "release": past.release.name,
        "prometheus": past.where,
        "from": _time(past.start),
        "to": _time(replay.moments[-1].time),
        "shifts": dict(past.shifts),
        "outcome": replay.outcome.value if replay.outcome is not None else None,
        "message": sentence(past, replay),
        "notes": notes(past, replay, minutes),
        "decisions": [d.dump() for minute in minutes for d in minute.taken],
        "minutes": [_minute_json(minute) for minute in minutes],
    }


def _minute_json(minute: Minute) -> Mapping[str, Any]:
    status = minute.status
    return {
        "time": _time(minute.moment.time),
        "phase": status.phase.value,
        "step": status.step.position if status.step is not None else None,
        "weight": minute.weight,
        "recordedShare": minute.moment.share,
        "evidence": status.evidence.value if status.evidence is not None else None,
        "reason": status.reason.value,
        "message": status.message,
        "signals": [
            {
                "name": s.name,
                "value": s.value,
                "incumbentValue": s.incumbent_value,
                "samples": s.samples,
                "verdict": s.verdict,
                "reason": s.reason,
            }
            for s in status.signals
        ],
        "decided": [d.reason.value for d in minute.taken],
    }


def render_aa(past: Past, splits: Sequence[Split]) -> RenderableType:
    """One line for each split, and what all of them say."""
    table = columns("SPLIT", "OUTCOME", "AFTER", "HIGHEST EVIDENCE", "WHY")
    for split in splits:
        last = split.replay.moments[-1]
        ended = split.replay.outcome
        table.add_row(
            Text(str(split.seed + 1)),
            Text(
                ended.value if ended else last.status.phase, style=phase_colour(last.status.phase)
            ),
            Text(span((last.time - past.start).total_seconds())),
            Text(_highest(split.replay)),
            Text(last.status.message if ended is not Outcome.PROMOTED else ""),
        )
    title = (
        Text()
        .append(past.release.name, "bold")
        .append(
            f"  {past.incumbent.workload} against itself, {_time(past.start)} … {_time(past.end)}{_from(past)}",
            "dim",
        )
    )
    return Group(title, Text(aa_sentence(past, splits)), Text(), table)


def aa_sentence(past: Past, splits: Sequence[Split]) -> str:
    """How often it would have been reverted. Splits of one past are no independent releases, and
    it says so."""
    hits, runs = reverted(splits), len(splits)
    which = "releases that were made worse" if past.shifts else "healthy releases"
    return (
        f"{hits} of {runs} {which} would have been reverted (were they independent: at most "
        f"{100 * at_most(hits, runs):.3g} %). Either half has half of the traffic, whatever the step's "
        "weight, and all splits share one past."
    )


def _highest(replay: Replay) -> str:
    values = [m.status.evidence.value for m in replay.moments if m.status.evidence is not None]
    return f"{max(values):.3g}" if values else ABSENT


def aa_json(past: Past, splits: Sequence[Split]) -> Mapping[str, Any]:
    """The splits' outcomes."""
    return {
        "release": past.release.name,
        "prometheus": past.where,
        "incumbent": past.incumbent.workload,
        "from": _time(past.start),
        "to": _time(past.end),
        "splits": len(splits),
        "reverted": reverted(splits),
        "message": aa_sentence(past, splits),
        "outcomes": [
            {
                "split": split.seed + 1,
                "outcome": split.replay.outcome.value if split.replay.outcome else None,
                "highestEvidence": _highest(split.replay),
                "message": split.replay.moments[-1].status.message,
            }
            for split in splits
        ],
    }
