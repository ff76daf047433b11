"""A Prometheus whose clock is wrong: what it is asked, and what it says."""

import json
from collections import Counter
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.clock_faults import Skewed
from tests.chaos.proxy import Answer, Call

ASKED = Call("POST", "/api/v1/query", "", b"query=up&time=1000.500&timeout=3s")


class Struck(SimpleNamespace):
    """Of a group, what a fault needs."""

    def strike(self) -> None:
        self.struck[""] += 1


@pytest.mark.parametrize("ahead", [30, -30])
async def test_it_answers_for_another_moment_and_calls_it_now(ahead: float):
    group: Any = Struck(struck=Counter(), chance=Random(1))
    fault = Skewed(group, ahead)
    sent = await fault.sent(ASKED)
    assert sent.body == b"query=up&time=%.3f&timeout=3s" % (1000.5 - ahead)
    result = [{"metric": {}, "value": [1000.5 - ahead, "1"]}]
    body = json.dumps({"status": "success", "data": {"result": result}}).encode()
    said = json.loads((await fault.after(ASKED, Answer(200, body))).body)
    assert said["data"]["result"][0]["value"] == [1000.5, "1"]
    assert group.struck[""] == 1
