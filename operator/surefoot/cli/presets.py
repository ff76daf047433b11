"""The metric presets as people read them: a list, and one of them with its metrics and traps."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.adapters.prometheus.presets import ArmLabel, Preset, presets
from surefoot.adapters.prometheus.sources import (
    CountsSource,
    FairnessSource,
    HistogramSource,
    LabeledScoresSource,
    QualitySource,
    Selection,
    SeriesSource,
)
from surefoot.cli.picture import columns
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean


def named(name: str) -> Preset:
    """The preset of that name. Raises `Problem`."""
    if name not in presets():
        raise Problem(
            f"There is no metric preset {clean(name)!r}: choose from {', '.join(presets())}"
        )
    return presets()[name]


def listing() -> RenderableType:
    """One row for each preset, with how many things to know before it is trusted."""
    table = columns("NAME", "SIGNALS", "ARMS BY", "SAMPLE", "CAVEATS", "WHAT IT READS")
    for name, preset in presets().items():
        first = preset.sample.partition(" ")[0]
        signals = ", ".join(preset.signals)
        caveats = str(len(preset.caveats) + len(preset.lacks))
        row = (name, signals, preset.arm.label, first, caveats, preset.description)
        table.add_row(*map(Text, row))
    more = "kubectl surefoot presets NAME shows metrics, labels and caveats."
    return Group(table, Text(), Text(more, style="dim"))


def page(name: str, preset: Preset) -> RenderableType:
    """Everything about one preset."""
    table = _pairs()
    table.add_row("Preset", Text(name, style="bold"))
    table.add_row("Reads", preset.description)
    for side, text in _arms(preset.arm):
        table.add_row(side, Text(text))
    table.add_row("Sample", Text(preset.sample))
    metrics = _pairs()
    for kind, source in preset.signals.items():
        for part, text in _metrics(source):
            metrics.add_row(Text(kind), Text(part), Text(text))
    for kind, why in preset.lacks.items():
        metrics.add_row(Text(kind), Text("not measured", style="yellow"), Text(why))
    notes = [Text(f"- {caveat}") for caveat in preset.caveats]
    caveats = [Text(), Text("Know before", style="bold"), *notes] if notes else []
    return Group(table, Text(), Text("Metrics", style="bold"), metrics, *caveats)


def as_json(name: str, preset: Preset) -> dict[str, Any]:
    """A preset as its file has it."""
    body = preset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {"name": name, **body}


def _pairs() -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    return table


def _arms(arm: ArmLabel) -> Iterator[tuple[str, str]]:
    if arm.pattern is not None:
        yield "Arms by", f'{arm.label}=~"{arm.pattern}"'
    else:
        yield "Arms by", f'{arm.label}="{arm.value}"'
    if arm.incumbent is not None:
        yield "Incumbent", f'{arm.label}="{arm.incumbent}"'
    if arm.also:
        yield "Both with", ", ".join(f'{label}="{value}"' for label, value in arm.also.items())


def _metrics(source: SeriesSource) -> Iterator[tuple[str, str]]:
    match source:
        case CountsSource(requests=requests, errors=errors):
            yield "requests", f"{' + '.join(requests.names)}{_selected(requests)}"
            yield "errors", f"{' + '.join(errors.names)}{_selected(errors)}"
        case HistogramSource(histogram=histogram, divide_by=unit):
            scale = f", divided by {unit:g}" if unit != 1 else ""
            yield "histogram", f"{histogram}_bucket{_selected(source)}{scale}"
        case LabeledScoresSource():
            outcome = f'{source.outcome_label}="{source.positive}"'
            yield (
                "scores",
                f"{source.labeled_scores}_bucket, _sum, _count, came true where {outcome}",
            )
        case FairnessSource(scores=scores, labeled=labeled):
            yield "scores", f"{scores.histogram}_bucket, {labeled.labeled_scores}_bucket by group"
        case QualitySource():
            yield "features", f"{source.last_update}, {source.missing} of {source.total}"
        case _:
            yield "metrics", "the signal's own"


def _selected(source: Selection) -> str:
    """The conditions on a series, as PromQL would say them."""
    exact = [f'{label}="{value}"' for label, value in source.labels.items()]
    absent = [f'{label}!~"{pattern}"' for label, pattern in source.without.items()]
    either = [_joined(patterns) for patterns in source.where]
    conditions = ", ".join([*exact, *([" or ".join(either)] if either else []), *absent])
    return f"{{{conditions}}}" if conditions else ""


def _joined(patterns: Mapping[str, str]) -> str:
    return " and ".join(f'{label}=~"{pattern}"' for label, pattern in patterns.items())
