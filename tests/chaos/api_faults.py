"""The API server: refuses, is slow, forgets, repeats itself, goes away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from random import Random

from tests.chaos.kinds import kind, kind_for_all
from tests.chaos.proxy import Answer, Call, DropError, Fault
from tests.chaos.stage import Group, Tale, reach

API = "API server"


class Struck(Fault):
    """Tells its group of each strike; it is about the calls of one namespace, or about all."""

    def __init__(self, group: Group, namespace: str, chance: Random, share: float = 0.5) -> None:
        super().__init__()
        self.group, self.namespace, self.chance, self.share = group, namespace, chance, share

    def hits(self, call: Call) -> bool:
        """The first of those that it is about, and then some by chance."""
        if call.is_watch or (self.namespace and call.namespace != self.namespace):
            return False
        if self.group.struck[self.namespace] and self.chance.random() >= self.share:
            return False
        self.group.strike(self.namespace)
        return True


class Refuses(Struck):
    """Answers for the server."""

    def __init__(self, *more: object, codes: tuple[int, ...], writes: bool = False) -> None:
        super().__init__(*more)  # type: ignore[arg-type]
        self.codes, self.writes = codes, writes

    async def before(self, call: Call) -> Answer | None:
        if (self.writes and not call.is_write) or not self.hits(call):
            return None
        code = self.chance.choice(self.codes)
        body = {"kind": "Status", "status": "Failure", "code": code, "message": "chaos"}
        reason = {409: "Conflict", 429: "TooManyRequests"}.get(code, "InternalError")
        return Answer(code, json.dumps({**body, "reason": reason}).encode(), retry_after="1")


class Resets(Struck):
    async def before(self, call: Call) -> Answer | None:
        if self.hits(call):
            raise DropError
        return None


class LosesAnswers(Struck):
    """The server has done it, and nobody hears of it."""

    async def after(self, call: Call, answer: Answer) -> Answer:
        if call.is_write and self.hits(call):
            raise DropError
        return answer


class Waits(Struck):
    """Nothing comes for a while; then the call goes through, or the connection is gone."""

    def __init__(self, *more: object, shortest: float, longest: float, lost: bool) -> None:
        super().__init__(*more)  # type: ignore[arg-type]
        self.times, self.lost = (shortest, longest), lost

    async def before(self, call: Call) -> Answer | None:
        if self.hits(call):
            await asyncio.sleep(self.chance.uniform(*self.times))
            if self.lost:
                raise DropError
        return None


class Stale(Struck):
    """Refuses every second write as stale, and then shows what was there before."""

    def __init__(self, *more: object) -> None:
        super().__init__(*more)  # type: ignore[arg-type]
        self.known: dict[str, bytes] = {}
        self.written = 0

    async def before(self, call: Call) -> Answer | None:
        ours = call.namespace == self.namespace and call.path.endswith("/status")
        written = ours and call.method == "PATCH"
        self.written += written
        if written and self.written % 2:
            body = {"kind": "Status", "code": 409, "reason": "Conflict", "message": "chaos"}
            return Answer(409, json.dumps(body).encode())
        return None

    async def after(self, call: Call, answer: Answer) -> Answer:
        if call.method != "GET" or answer.status != 200 or call.namespace != self.namespace:
            return answer
        old = self.known.setdefault(call.path, answer.body)
        return Answer(200, old) if old != answer.body and self.hits(call) else answer


async def for_a_while(tale: Tale, fault: Struck, latest: float = 1.5) -> None:
    """From some moment on, until it has struck, and for a while longer."""
    await asyncio.sleep(tale.chance.uniform(0, latest))
    async with tale.group.api.having(fault):
        await asyncio.sleep(tale.chance.uniform(3, 8))
        await reach(lambda: tale.over or tale.group.struck[tale.namespace], "a strike")


def _refusing(name: str, what: str, codes: tuple[int, ...], writes: bool = False) -> None:
    async def happens(tale: Tale) -> None:
        base = (tale.group, tale.namespace, tale.chance)
        await for_a_while(tale, Refuses(*base, codes=codes, writes=writes))

    kind(name, API, what)(happens)


_refusing("api-conflicts", "half of all writes answered 409", (409,), writes=True)
_refusing("api-throttled", "half of all calls answered 429 with Retry-After", (429,))
_refusing("api-errors", "half of all calls answered 500 or 503", (500, 503))


@kind("api-resets", API, "half of all connections reset before the call")
async def resets(tale: Tale) -> None:
    await for_a_while(tale, Resets(tale.group, tale.namespace, tale.chance))


@kind("api-lost-answers", API, "half of all writes done, and their answers lost")
async def lost_answers(tale: Tale) -> None:
    await for_a_while(tale, LosesAnswers(tale.group, tale.namespace, tale.chance))


@kind("api-black-hole", API, "half of all calls swallowed for 5 to 60 s")
async def black_hole(tale: Tale) -> None:
    base = (tale.group, tale.namespace, tale.chance)
    await for_a_while(tale, Waits(*base, shortest=5, longest=60, lost=True))


@kind("api-slow", API, "half of all calls answered after 0.5 to 5 s")
async def slow(tale: Tale) -> None:
    base = (tale.group, tale.namespace, tale.chance)
    await for_a_while(tale, Waits(*base, shortest=0.5, longest=5, lost=False))


@kind("api-stale-reads", API, "writes refused as stale, then an older version read")
async def stale_reads(tale: Tale) -> None:
    await for_a_while(tale, Stale(tale.group, tale.namespace, tale.chance, 1.0), latest=0.0)


class Watching(Fault):
    """Does something to events of watches, by chance."""

    def __init__(self, group: Group, share: float) -> None:
        super().__init__()
        self.group, self.share = group, share

    def hits(self) -> bool:
        if self.group.chance.random() >= self.share:
            return False
        self.group.strike()
        return True


class Repeats(Watching):
    async def line(self, call: Call, line: bytes) -> list[bytes]:
        return [line, line] if self.hits() else [line]


class Reorders(Watching):
    """An event comes after the one that follows it."""

    def __init__(self, group: Group, share: float) -> None:
        super().__init__(group, share)
        self.kept: dict[str, bytes] = {}

    async def line(self, call: Call, line: bytes) -> list[bytes]:
        if (kept := self.kept.pop(call.path, None)) is not None:
            return [line, kept]
        if self.hits():
            self.kept[call.path] = line
            return []
        return [line]


class Expires(Watching):
    """410: what the watch is at is too old, so everything is listed anew."""

    async def line(self, call: Call, line: bytes) -> list[bytes]:
        if not self.hits():
            return [line]
        said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410}
        event = {"type": "ERROR", "object": {**said, "reason": "Expired", "message": "too old"}}
        return [json.dumps(event).encode() + b"\n"]


class Silent(Watching):
    """Events wait until it is over."""

    def __init__(self, group: Group) -> None:
        super().__init__(group, 1.0)
        self.over = asyncio.Event()

    async def line(self, call: Call, line: bytes) -> list[bytes]:
        self.hits()
        await self.over.wait()
        return [line]


async def _on_watches(group: Group, fault: Watching) -> None:
    await asyncio.sleep(group.chance.uniform(0, 4))
    async with group.api.having(fault):
        await asyncio.sleep(group.chance.uniform(5, 12))
    group.api.drop_watches()


def _watching(name: str, what: str, made: Callable[[Group], Watching]) -> None:
    async def happens(group: Group) -> None:
        await _on_watches(group, made(group))

    kind_for_all(name, API, what)(happens)


_watching("watch-repeats", "half of all watch events sent twice", lambda g: Repeats(g, 0.5))
_watching(
    "watch-reorders", "a third of all watch events sent after the next", lambda g: Reorders(g, 0.3)
)
_watching(
    "watch-expires", "a tenth of all watch events answered 410 instead", lambda g: Expires(g, 0.1)
)


@kind_for_all("watch-silent", API, "no watch event for 5 to 12 s, then all of them")
async def watch_silent(group: Group) -> None:
    fault = Silent(group)
    await asyncio.sleep(group.chance.uniform(0, 4))
    async with group.api.having(fault):
        await asyncio.sleep(group.chance.uniform(5, 12))
    fault.over.set()


@kind_for_all("watch-resets", API, "every watch reset, every second for 5 to 10 s")
async def watch_resets(group: Group) -> None:
    for _ in range(group.chance.randint(5, 10)):
        group.struck[""] += group.api.drop_watches()
        await asyncio.sleep(1)


@kind_for_all("api-certificate", API, "another certificate of the same authority; all watches cut")
async def certificate(group: Group) -> None:
    await asyncio.sleep(group.chance.uniform(1, 6))
    await group.api.present(group.authority.sign("proxy-2"))
    group.strike()
