"""The demo without a terminal: one plain line for each decision, and one every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from demo_story.live import Live
from demo_story.picture import arms, figure, position
from surefoot.api.status import DecisionRecord, ModelReleaseStatus

EVERY_S = 5.0
Say = Callable[[str], None]


class Narrator:
    """Says what happens in `live`; decisions before `since` have been told already."""

    def __init__(self, live: Live, say: Say, since: datetime) -> None:
        self._live, self._say, self._told = live, say, since

    async def run(self) -> None:
        """Until cancelled."""
        last = 0.0
        while True:
            self._live.changed.clear()
            self.tell_decisions()
            now = asyncio.get_running_loop().time()
            if self._live.status is not None and now - last >= EVERY_S:
                last = now
                self._say(state_line(self._live, self._live.status))
            await self._live.changed.wait()
            await asyncio.sleep(0.2)

    def tell_decisions(self) -> None:
        """Say every decision that has not been told, oldest first."""
        decisions = self._live.status.decisions if self._live.status else []
        for decision in (new := [d for d in decisions if d.time > self._told]):
            self._say(decision_line(decision))
        self._told = max((d.time for d in new), default=self._told)


def decision_line(decision: DecisionRecord) -> str:
    """`12:00:05  StepReached at 25 %: from 10 to 25 % (2/3)`."""
    return f"{decision.time:%H:%M:%S}  {decision.reason} at {decision.weight} %: {decision.message}"


def state_line(live: Live, status: ModelReleaseStatus) -> str:
    """Where it stands, in one line; each version's share as intended / in the route / observed."""
    shares = []
    for label, service, intended in arms(status):
        share, weight = live.share(service), live.weights.get(service)
        seen = "–" if share is None else f"{share:.0f}"
        shares.append(f"{label} {intended}/{'–' if weight is None else weight}/{seen} %")
    signals = [f"{s.name} {figure(s.value)} ({s.limit}) {s.verdict}" for s in status.signals]
    parts = [str(status.phase), position(status), ", ".join(shares), ", ".join(signals)]
    if live.sent is not None:
        parts.append(f"{live.sent} sent, {live.failed or 0} failed")
    return f"{datetime.now(UTC):%H:%M:%S}    " + " · ".join(part for part in parts if part)
