"""Every world of every scenario is held to the invariants, at each write and at the end."""

from datetime import timedelta

import pytest

from surefoot.ports import ConflictError, TransientError
from tests.scenarios import world


@pytest.fixture(autouse=True)
def the_invariants_hold():
    """What each world of this test comes to breaks nothing."""
    world.MADE.clear()
    yield
    for made in world.MADE:
        settle(made)
        made.witness.look(made)
        made.witness.watch.end()


def settle(made: world.World) -> None:
    """Nothing fails any more, and the operator has time for what it still has to do."""
    made.crash_after = made.lost_after = made.refused_at = None
    made.api_down = made.events_down = False
    quiet = 0
    for _ in range(20):
        made.now += timedelta(seconds=3)
        writes = len(made.writes)
        try:
            made.reconcile()
        except (ConflictError, TransientError):
            continue
        quiet = quiet + 1 if len(made.writes) == writes else 0
        if quiet == 3:
            break
