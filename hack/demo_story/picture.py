"""The live picture for a terminal: step, shares, signals against their limits, decisions."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo_story.live import SHARE_WINDOW, Live
from surefoot.api.signal_status import SignalStatus
from surefoot.api.status import DecisionRecord, ModelReleaseStatus

_BAR = 24
_COLOURS = {
    "Pass": "green",
    "Fail": "bold red",
    "Inconclusive": "yellow",
    "NoData": "yellow",
    "Error": "magenta",
}
_DECISIONS = 8


class Picture:
    """Draws itself from `live` each time the screen is refreshed."""

    def __init__(self, live: Live, title: str) -> None:
        self._live, self._title = live, title

    def __rich__(self) -> RenderableType:
        status = self._live.status
        if status is None:
            return Panel("waiting for the operator", title=self._title)
        parts: list[RenderableType] = [_headline(status), Text(), _arms(self._live, status)]
        if status.signals:
            parts += [Text(), _signals(status.signals)]
        parts += [Text(), _decisions(status.decisions), Text(), _load(self._live)]
        return Panel(Group(*parts), title=self._title, title_align="left", padding=(1, 2))


def position(status: ModelReleaseStatus) -> str:
    """The step in words: `step 2/3, 14 of 30 s`; empty when nothing is in flight."""
    step, release = status.step, status.release
    if step is None or release is None or release.outcome is not None:
        return ""
    where = f"step {step.position}" if "/" in step.position else step.position
    if not step.hold_seconds:
        return where
    return f"{where}, {step.covered_seconds:.0f} of {step.hold_seconds:.0f} s"


def _headline(status: ModelReleaseStatus) -> Text:
    text = Text(str(status.phase), style="bold")
    if where := position(status):
        text.append(f"  {where}", style="cyan")
    text.append(f"\n{status.message}", style="dim")
    return text


def _arms(live: Live, status: ModelReleaseStatus) -> Table:
    """Each version's share: intended in the status, written in the route, seen by Envoy."""
    table = Table(box=None, pad_edge=False)
    table.add_column("version")
    for name in ("intended", "route", f"requests, last {SHARE_WINDOW}"):
        table.add_column(name, justify="right")
    table.add_column("")
    for version, service, intended in arms(status):
        share = live.share(service)
        weight = live.weights.get(service)
        bar = "█" * round(_BAR * (share or 0) / 100)
        table.add_row(
            version,
            "" if intended is None else f"{intended} %",
            "–" if weight is None else f"{weight} %",
            "–" if share is None else f"{share:.1f} %",
            Text(bar.ljust(_BAR, "░"), style="blue"),
        )
    return table


def arms(status: ModelReleaseStatus) -> list[tuple[str, str, int | None]]:
    """Rows of (label, Service, intended percent): the incumbent, then what is being released."""
    serving, release = status.incumbent, status.release
    intended = status.traffic.intended if status.traffic else 0
    promoted = serving and release and serving.workload == release.workload
    if release is None or promoted:
        return [(f"v{serving.version}", serving.backend.name, 100)] if serving else []
    rows: list[tuple[str, str, int | None]] = []
    if serving:
        rows.append((f"v{serving.version} incumbent", serving.backend.name, 100 - intended))
    return [*rows, (f"v{release.version} candidate", release.backend.name, intended)]


def figure(value: float | None) -> str:
    """A value as the status carries it."""
    return "–" if value is None else f"{value:.3g}"


def _signals(signals: list[SignalStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("signal")
    for name in ("value", "limit", "incumbent", "samples"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    table.add_column("why", overflow="ellipsis", no_wrap=True)
    for signal in signals:
        table.add_row(
            signal.name,
            figure(signal.value),
            signal.limit,
            figure(signal.incumbent_value),
            "–" if signal.samples is None else str(signal.samples),
            Text(signal.verdict, style=_COLOURS.get(signal.verdict, "dim")),
            Text(signal.reason, style="dim"),
        )
    return table


def _decisions(decisions: list[DecisionRecord]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for decision in decisions[-_DECISIONS:]:
        table.add_row(
            Text(f"{decision.time:%H:%M:%S}", style="dim"),
            Text(decision.reason, style="bold red" if decision.rule == "Revert" else "bold"),
            f"{decision.weight} %",
            decision.message,
        )
    return table


def _load(live: Live) -> Text:
    if live.sent is None:
        return Text("no requests yet", style="dim")
    text = Text(f"{live.sent:,} requests sent, ")
    return text.append(f"{live.failed or 0} failed", style="red" if live.failed else "green")
