"""Carry out a decision's effects: absolute, idempotent writes, in order."""

from collections.abc import Sequence
from datetime import datetime

from surefoot.engine.effects import Effect, FinishAction
from surefoot.ports import Ports


async def apply(effects: Sequence[Effect], namespace: str, ports: Ports, now: datetime) -> int:
    """Do all of it; how many writes that were. Raises PortError at the first that fails: the next
    tick sees what is left and does it again."""
    for effect in effects:
        if isinstance(effect, FinishAction):
            await ports.store.finish_action(namespace, effect, now)
        else:
            await ports.traffic.write(namespace, effect)
    return len(effects)
