"""Clocks: the operator's is set wrong and right again, Prometheus' is ahead or behind."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from dataclasses import replace

from tests.chaos.kinds import kind_for_all
from tests.chaos.prometheus_faults import AREA, for_a_while, shifted
from tests.chaos.proxy import Answer, Call, Fault
from tests.chaos.stage import Group

HOUR_S = 3600
_TIME = re.compile(rb"(?<![a-z])time=([0-9.]+)")


@kind_for_all(
    "operator-clock-jumps", "the operator", "its clock an hour ahead or behind for 3 to 8 s, twice"
)
async def jumps(group: Group) -> None:
    group.operator.kill()
    file = group.folder / "clock"
    await group.start("tests.chaos.shifted", str(file))
    first = group.chance.choice((HOUR_S, -HOUR_S))
    for wrong in (first, -first):
        await asyncio.sleep(group.chance.uniform(1, 5))
        for shift, lasts in ((wrong, group.chance.uniform(3, 8)), (0, 0)):
            file.write_text(str(shift))
            group.operator.process.send_signal(signal.SIGUSR1)
            await asyncio.sleep(lasts)
        group.strike()


class Skewed(Fault):
    """What a Prometheus answers whose clock is `ahead` by so many seconds: to a query for now, what it
    scraped that long ago."""

    def __init__(self, group: Group, ahead: float) -> None:
        super().__init__()
        self.group, self.ahead = group, ahead

    async def sent(self, call: Call) -> Call:
        body = _TIME.sub(lambda m: b"time=%.3f" % (float(m[1]) - self.ahead), call.body)
        return replace(call, body=body)

    async def after(self, call: Call, answer: Answer) -> Answer:
        if answer.status != 200 or b"time=" not in call.body:
            return answer
        self.group.strike()
        body = shifted(json.loads(answer.body), self.ahead)
        return Answer(200, json.dumps(body).encode())


@kind_for_all("prometheus-ahead", AREA, "its clock 3 s, 30 s or an hour ahead")
async def ahead(group: Group) -> None:
    await for_a_while(group, Skewed(group, group.chance.choice((3, 30, HOUR_S))))


@kind_for_all("prometheus-behind", AREA, "its clock 3 s, 30 s or an hour behind")
async def behind(group: Group) -> None:
    await for_a_while(group, Skewed(group, -group.chance.choice((3, 30, HOUR_S))))
