"""The service account's token is another one, as a kubelet renews it; the old one is refused at once."""

from __future__ import annotations

import asyncio
import json

from tests.bench.stage import token_of
from tests.chaos.kinds import kind_for_all
from tests.chaos.proxy import Answer, Call, Fault
from tests.chaos.stage import Group, reach
from tests.support.authority import Mount

_REFUSED = {"kind": "Status", "status": "Failure", "code": 401, "reason": "Unauthorized"}


class Newest(Fault):
    """Takes one token only."""

    def __init__(self, group: Group, token: str) -> None:
        super().__init__()
        self.group, self.token = group, token

    async def before(self, call: Call) -> Answer | None:
        if call.token == self.token:
            return None
        self.group.strike()
        return Answer(401, json.dumps({**_REFUSED, "message": "chaos"}).encode())


@kind_for_all(
    "token-rotated", "the operator", "another token in the pod's files; the old one answered 401"
)
async def rotated(group: Group) -> None:
    group.operator.kill()
    files = Mount(group.folder / "serviceaccount")
    authority = group.authority.certificate

    async def give() -> str:
        made = await asyncio.to_thread(token_of, group.stage.admin, group.stage.home)
        files.hold(token=made, ca_crt=authority)
        return made

    newest = Newest(group, await give())
    await group.start(
        "tests.chaos.in_pod", str(files.folder),
        KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(group.api.port),
    )  # fmt: skip
    async with group.api.having(newest):
        await asyncio.sleep(group.chance.uniform(1, 6))
        newest.token = await give()
        group.api.drop_watches()
        await reach(lambda: group.is_over, "the end of all stories", patience_s=200)
