"""Carry out a decision's effects: absolute, idempotent writes, in order."""

import logging
from collections.abc import Sequence
from datetime import datetime

from surefoot.engine.effects import (
    DropRecord,
    Effect,
    FinishAction,
    OpenRecord,
    SealRecord,
    SetWeights,
    WriteManagedRoute,
)
from surefoot.ports import PermanentError, Ports

log = logging.getLogger("surefoot.apply")


async def apply(effects: Sequence[Effect], namespace: str, ports: Ports, now: datetime) -> int:
    """Do all of it; how many writes went through. Raises PortError at the first that fails, but for a
    right that is missing where no weight depends on it: that must neither slow down the ticks that
    guard, nor keep back what follows. The next tick sees what is left and does it again."""
    refused = 0
    for done, effect in enumerate(effects):
        try:
            await _write(effect, namespace, ports, now)
        except PermanentError as error:
            match effect:
                case FinishAction():
                    log.warning("a ReleaseAction cannot be answered: %s", error)
                case OpenRecord() | SealRecord() | DropRecord() if not _protects(
                    effects[done + 1 :]
                ):
                    log.warning("a ReleaseRecord cannot be written: %s", error)
                case _:
                    raise
            refused += 1
    return len(effects) - refused


async def _write(effect: Effect, namespace: str, ports: Ports, now: datetime) -> None:
    match effect:
        case FinishAction():
            await ports.store.finish_action(namespace, effect, now)
        case OpenRecord() | SealRecord() | DropRecord():
            await ports.records.write(namespace, effect)
        case _:
            await ports.traffic.write(namespace, effect)


def _protects(later: Sequence[Effect]) -> bool:
    """Whether a route is still to be written: no weight goes up without a record."""
    return any(isinstance(effect, SetWeights | WriteManagedRoute) for effect in later)
