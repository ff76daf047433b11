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
    """Do all of it; how many writes that were. Raises PortError at the first that fails: the next
    tick sees what is left and does it again."""
    for done, effect in enumerate(effects):
        match effect:
            case FinishAction():
                await ports.store.finish_action(namespace, effect, now)
            case OpenRecord() | SealRecord() | DropRecord():
                try:
                    await ports.records.write(namespace, effect)
                except PermanentError as error:
                    if _protects(effects[done + 1 :]):
                        raise
                    # A right that is missing must not slow down the ticks that guard.
                    log.warning("a ReleaseRecord cannot be written: %s", error)
            case _:
                await ports.traffic.write(namespace, effect)
    return len(effects)


def _protects(later: Sequence[Effect]) -> bool:
    """Whether a route is still to be written: no weight goes up without a record."""
    return any(isinstance(effect, SetWeights | WriteManagedRoute) for effect in later)
