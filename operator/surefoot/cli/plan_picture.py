"""A forecast drawn for a terminal: what every step sees, what a regression costs, what to mend."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.cli.picture import columns
from surefoot.cli.plan_words import (
    false_reverts,
    finding_text,
    format_duration_s,
    meaning,
    seen_text,
    sharpness,
    step_text,
    way_text,
)
from surefoot.planning.forecast import Forecast, SignalForecast

_BAR = 16
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def render(name: str, source: str, forecast: Forecast) -> RenderableType:
    """The whole forecast of a release; `source` says where the traffic comes from."""
    title = Text().append(name, "bold").append(f"  {forecast.rps:,.4g} requests/s, {source}", "dim")
    return Group(
        title,
        *_titled("Steps", _steps(forecast)),
        *_titled(
            "What a step will see, with 90 % (the longer the bar, the less is needed)",
            _seen(forecast),
        ),
        *_titled("What it costs to find out", _costs(forecast)),
        *_titled("Healthy releases that would be stopped", _stopped(forecast)),
        *_titled("To mend", _warnings(forecast)),
        *_titled("Taken for granted", _assumed(forecast)),
    )


def bar(share: float, width: int = _BAR) -> str:
    """A bar of eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, part = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[part] if part else "")


def _titled(title: str, table: Table) -> tuple[RenderableType, ...]:
    return (Text(), Text(title, style="bold"), table) if table.row_count else ()


def _steps(forecast: Forecast) -> Table:
    table = columns("STEP", "WEIGHT", "HOLD", "CANDIDATE REQUESTS", "TRAFFIC")
    for step in forecast.steps:
        table.add_row(
            Text(step_text(forecast, step)),
            Text(f"{step.weight} %"),
            Text(format_duration_s(step.hold_s)),
            Text(f"{step.requests:,.0f}", justify="right"),
            Text(bar(step.weight / 100.0), style="cyan"),
        )
    return table


def _seen(forecast: Forecast) -> Table:
    table = columns("SIGNAL", "STEP", "SAMPLES", "SEEN", "BY", "")
    for signal in forecast.signals:
        for at, step in enumerate(forecast.steps):
            if not signal.simulated:
                break
            size = signal.smallest(step.index)
            style = "dim" if not signal.is_judged(step.index) else "green" if size else "yellow"
            table.add_row(
                Text(signal.name if at == 0 else "", style="bold"),
                Text(f"{step_text(forecast, step)}  {step.weight} %"),
                Text(f"{signal.samples[step.index]:,.0f}", justify="right"),
                Text(seen_text(signal, step.index), style=style),
                Text(way_text(signal, step.index), style="dim"),
                Text(bar(sharpness(signal, step.index)), style=style),
            )
    return table


def _costs(forecast: Forecast) -> Table:
    table = columns("SIGNAL", "OF", "FINDING")
    for signal in forecast.signals:
        if signal.finding is not None:
            table.add_row(Text(signal.name), Text(meaning(signal.type)), Text(finding_text(signal)))
    return table


def _stopped(forecast: Forecast) -> Table:
    table = columns("BY", "SHARE")
    for who, text in false_reverts(forecast):
        table.add_row(Text(who), Text(text))
    return table


def _warnings(forecast: Forecast) -> Table:
    table = Table.grid(padding=(0, 1))
    for warning in forecast.warnings:
        table.add_row(Text("!", style="yellow"), Text(warning.text, overflow="fold"))
    return table


def _assumed(forecast: Forecast) -> Table:
    table = columns("SIGNAL", "WHAT")
    for signal in forecast.signals:
        text = signal.assumed or _left_out(signal)
        if text:
            table.add_row(Text(signal.name), Text(text))
    return table


def _left_out(signal: SignalForecast) -> str:
    if signal.simulated or signal.finding is not None:
        return ""
    return f"{signal.type.value} is not simulated: what it reads has no distribution to draw from"
