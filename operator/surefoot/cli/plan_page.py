"""A forecast as one HTML page with drawings in it: no script, nothing that is loaded from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape
from math import log10

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
from surefoot.cli.reading import clean
from surefoot.planning.forecast import Forecast, SignalForecast

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #dde3ea}
th{font-weight:600;color:#5b6b7c}td.n{text-align:right;font-variant-numeric:tabular-nums}
.dim{color:#5b6b7c}.warn li{margin:.3rem 0}svg{width:100%;height:auto;background:#f7f9fb;border-radius:4px}
svg text{font:12px system-ui,sans-serif;fill:#42505e}
@media(prefers-color-scheme:dark){body{background:#12181f;color:#dbe3ea}th,.dim{color:#93a3b3}
th,td{border-color:#2a3541}svg{background:#1a222b}svg text{fill:#aebbc8}}
"""
_WIDTH, _LEFT, _ROW = 760, 150, 22
_INK = ("#1769aa", "#2e7d32", "#b0620f", "#7b3fa0", "#a3253b", "#00796b", "#5d4037")


def page(name: str, source: str, forecast: Forecast) -> str:
    """The page as text."""
    body = [
        f"<h1>What a release of {escape(name)} will see</h1>",
        f'<p class="dim">{forecast.rps:,.4g} requests/s, {escape(source)}</p>',
        _section("Steps", _steps(forecast) + _exposure(forecast)),
        _section(
            "The smallest regression that nine releases in ten see by the end of each step",
            "".join(_sharp(forecast, s, i) for i, s in enumerate(forecast.signals) if s.simulated)
            + _seen(forecast),
        ),
        _section("What it costs to find out", _costs(forecast)),
        _section("Healthy releases that would be stopped", _stopped(forecast)),
        _section("To mend", _warnings(forecast)),
        _section("Taken for granted", _assumed(forecast)),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(name)}: plan</title>'
    text = (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n'
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )
    # What is escaped for HTML may still turn the text round, or hide some of it.
    return "\n".join(map(clean, text.split("\n")))


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{content}</section>" if content else ""


def _table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> str:
    lines = [
        "<tr>"
        + "".join(
            f'<td class="n">{escape(cell)}</td>' if i in numbers else f"<td>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    ]
    head = "".join(f"<th>{escape(each)}</th>" for each in headings)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        if lines
        else ""
    )


def _steps(forecast: Forecast) -> str:
    rows = [
        (step_text(forecast, s), f"{s.weight} %", format_duration_s(s.hold_s), f"{s.requests:,.0f}")
        for s in forecast.steps
    ]
    return _table(("Step", "Weight", "Hold", "Candidate requests"), rows, (3,))


def _exposure(forecast: Forecast) -> str:
    """Weight over time as stairs, and the medians at which regressions are found."""
    length = sum(step.hold_s for step in forecast.steps[:-1]) or 1.0
    height, floor, points, at = 150, 130, [], 0.0
    for step in forecast.steps[:-1]:
        y = floor - 110 * step.weight / 100.0
        points += [(at, y), (at + step.hold_s, y)]
        at += step.hold_s
    line = " ".join(f"{_x(time, length):.1f},{y:.1f}" for time, y in points)
    marks = []
    for number, signal in enumerate(forecast.signals):
        found = signal.finding
        if found is None or found.seconds is None or found.seconds > length:
            continue
        x, ink = _x(found.seconds, length), _INK[number % len(_INK)]
        marks.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{floor}" stroke="{ink}" stroke-dasharray="3 3"/>'
            f'<text x="{x + 4:.1f}" y="{22 + 14 * number}" style="fill:{ink}">{escape(signal.name)}</text>'
        )
    text = f"weight over {format_duration_s(length)}; dashed: where a regression is found at the median"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height + 10}" role="img" aria-label="{escape(text)}">'
        f'<polyline points="{line}" fill="none" stroke="#1769aa" stroke-width="2"/>'
        f'<text x="8" y="24">100 %</text><text x="8" y="{floor}">0 %</text>{"".join(marks)}'
        f'<text x="{_LEFT}" y="{height + 2}">{escape(text)}</text></svg>'
    )


def _x(time: float, length: float) -> float:
    return 60 + (_WIDTH - 80) * time / length


def _sharp(forecast: Forecast, signal: SignalForecast, number: int) -> str:
    """One bar per step: the longer, the smaller the regression that is seen."""
    ink, lines = _INK[number % len(_INK)], []
    most = max(signal.samples) or 1.0
    for row, step in enumerate(forecast.steps):
        y = 26 + row * _ROW
        wide = (_WIDTH - _LEFT - 190) * sharpness(signal, step.index)
        samples = signal.samples[step.index]
        traffic = log10(1.0 + samples) / log10(1.0 + most)
        lines.append(
            f'<text x="8" y="{y + 13}">{step_text(forecast, step)} · {step.weight} %</text>'
            f'<circle cx="{_LEFT - 40}" cy="{y + 9}" r="{1 + 7 * traffic:.1f}" fill="#9fb3c8">'
            f"<title>{samples:,.0f} samples</title></circle>"
            f'<rect x="{_LEFT}" y="{y}" width="{wide:.1f}" height="{_ROW - 5}" rx="2" fill="{ink}"/>'
            f'<text x="{_LEFT + wide + 6:.1f}" y="{y + 13}">{escape(seen_text(signal, step.index))}</text>'
        )
    height = 34 + _ROW * len(forecast.steps)
    label = f"{signal.name} ({signal.type.value})"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f'<text x="8" y="16" style="font-weight:600">{escape(label)}</text>{"".join(lines)}</svg>'
    )


def _seen(forecast: Forecast) -> str:
    rows = [
        (
            signal.name,
            f"{step_text(forecast, step)} · {step.weight} %",
            f"{signal.samples[step.index]:,.0f}",
            seen_text(signal, step.index),
            way_text(signal, step.index),
        )
        for signal in forecast.signals
        for step in forecast.steps
        if signal.simulated and signal.is_judged(step.index)
    ]
    return _table(("Signal", "Step", "Samples", "Seen", "By"), rows, (2,))


def _costs(forecast: Forecast) -> str:
    rows = [
        (s.name, meaning(s.type), finding_text(s))
        for s in forecast.signals
        if s.finding is not None
    ]
    return _table(("Signal", "Of", "Finding"), rows)


def _stopped(forecast: Forecast) -> str:
    return _table(("By", "Share"), false_reverts(forecast))


def _warnings(forecast: Forecast) -> str:
    items = "".join(f"<li>{escape(warning.text)}</li>" for warning in forecast.warnings)
    return f'<ul class="warn">{items}</ul>' if items else ""


def _assumed(forecast: Forecast) -> str:
    return _table(("Signal", "What"), [(s.name, s.assumed) for s in forecast.signals if s.assumed])
