"""How a release ended, as far as `watch` waits for it, and its one-line account."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from surefoot.api.vocabulary import ConditionType, Phase, Reason
from surefoot.cli.reading import condition, number, part, parts, words
from surefoot.cli.wording import ABSENT, percent


def ended(release: Mapping[str, Any]) -> bool | None:
    """True: the spec's candidate serves alone; False: it was reverted and the traffic is back; None: neither
    yet, or the newest spec is not read yet, or a newer release takes over.
    """
    promoted = condition(release, ConditionType.PROMOTED)
    wanted = number(part(release, "metadata"), "generation") or 0
    if (number(promoted, "observedGeneration") or 0) < wanted:
        return None
    on_its_way = promoted.get("reason") == Reason.SUPERSEDED
    if on_its_way or part(release, "status").get("phase") == Phase.REVERTING:
        return None
    return {"True": True, "False": False}.get(words(promoted, "status"))


def changes(release: Mapping[str, Any]) -> tuple[object, ...]:
    """What must differ for a new line: not the values, which move at every interval."""
    status = part(release, "status")
    traffic = part(status, "traffic")
    verdicts = tuple((words(s, "name"), words(s, "verdict")) for s in parts(status, "signals"))
    return (
        words(status, "phase"),
        words(status, "reason"),
        words(part(status, "step"), "position"),
        number(traffic, "intended"),
        number(traffic, "observed"),
        verdicts,
        ended(release),
    )


def line(release: Mapping[str, Any], now: datetime) -> str:
    """`07:10:00Z  Progressing HoldRunning  step 2/4  5% (observed 5%)  errors Pass  message`."""
    status = part(release, "status")
    traffic = part(status, "traffic")
    signals = ", ".join(
        f"{words(s, 'name', ABSENT)} {words(s, 'verdict', ABSENT)}"
        for s in parts(status, "signals")
    )
    columns = [
        now.strftime("%H:%M:%SZ"),
        f"{words(status, 'phase', ABSENT)} {words(status, 'reason')}",
        f"step {words(part(status, 'step'), 'position', ABSENT)}",
        f"{percent(number(traffic, 'intended'))} (observed {percent(number(traffic, 'observed'))})",
        signals,
        words(status, "message"),
    ]
    return "  ".join(column.strip() for column in columns if column.strip())
