"""What is said to an act that makes no sense any more."""

import pytest

from surefoot.api.status import HandHold
from surefoot.api.vocabulary import ActionType, Reason
from surefoot.engine.acts import objection
from surefoot.engine.world import Action
from tests.unit.engine.builders import NOW, in_flight, observation


@pytest.mark.parametrize(("message", "said"), [("by alice", "by alice"), ("", "Paused")])
def test_a_second_pause_is_told_why_it_is_held_also_where_nobody_wrote_why(message, said):
    hold = HandHold(reason=Reason.PAUSED, by="alice", since=NOW, message=message)
    pause = Action("p", "uid", ActionType.PAUSE, "bob", "", NOW)
    status = in_flight(hold=hold)
    found = objection(pause, status, observation(status))
    assert found == f"fraud is held already: {said}"
