"""A list and a watch of one kind.

There may be thousands of objects of which little is kept: each costs here what decoding takes, and leaves
nothing behind (decision 0010).
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from surefoot.adapters.kubernetes.api import Api, ExpiredError, path_of
from surefoot.adapters.kubernetes.cache import Kind, Known
from surefoot.ports import PortError

log = logging.getLogger("surefoot.watch")
LASTING_S = 300
# Objects that are taken in before a tick may go on.
_AT_ONCE = 50
# What has lasted for as long is no failure, also where nothing was said in it.
_LASTED_S = 10.0
Json = dict[str, Any]


def backoff() -> Iterator[float]:
    """Seconds between tries at an API server that fails, up to a quarter of a minute; without end."""
    for tries in itertools.count():
        yield min(0.2 * 2.0 ** min(tries, 8), 15.0) * random.uniform(0.5, 1.0)


class Seen(Protocol):
    """Where what was seen is kept: the Cache, or for what it does not hold another one."""

    def every(self, kind: Kind, namespace: str = "") -> Sequence[Known]: ...

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None: ...


class Watch:
    """One kind in one namespace, or in all where it is empty: what is there, what changes, what is gone."""

    def __init__(
        self,
        api: Api,
        seen: Seen,
        kind: Kind,
        namespace: str,
        saw: Callable[[Kind, Json, bool], None],
    ) -> None:
        """`saw` is told of each object, and whether it is gone; what it keeps is asked of `seen`."""
        self._api, self._seen, self._kind, self._saw = api, seen, kind, saw
        self._namespace = namespace
        self._path = path_of(*kind, namespace)
        self._version = ""
        self._waits = backoff()
        self._said = ""
        self.tried = asyncio.Event()
        """Set when the first list is complete, or has failed: what is not known then is asked for."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                self.tried.set()
                await self._follow()
            except ExpiredError:
                self._version = ""
            except PortError as error:
                self._tell(str(error))
            self.tried.set()
            await asyncio.sleep(next(self._waits))

    def _tell(self, said: str) -> None:
        """Once for each sentence: an API that is not installed fails for ever."""
        if said != self._said:
            log.warning("tried again soon: %s", said)
        self._said = said

    async def _list(self) -> None:
        """All objects as they are now; those that are known and not among them are gone."""
        before = {known.uid: known for known in self._seen.every(self._kind, self._namespace)}
        version = ""
        async for page in self._api.pages(self._path):
            for number, body in enumerate(page["items"]):
                known = before.pop(body["metadata"]["uid"], None)
                if known is None or known.version != _version(body):
                    self._pass_on(body, gone=False)
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            version = page["metadata"]["resourceVersion"]
        for known in before.values():
            gone = self._seen.get(self._kind, known.namespace, known.name)
            if gone is not None and gone["metadata"]["uid"] == known.uid:
                self._pass_on(gone, gone=True)
        self._version = version

    async def _follow(self) -> None:
        began = asyncio.get_running_loop().time()
        # Streams that began together do not end together.
        lasting_s = random.randint(LASTING_S, 2 * LASTING_S)
        try:
            async for event in self._api.watch(self._path, self._version, lasting_s):
                body = event["object"]
                if event["type"] != "BOOKMARK":
                    self._pass_on(body, gone=event["type"] == "DELETED")
                self._version = _version(body)
                self._said = ""
        finally:
            if asyncio.get_running_loop().time() - began > _LASTED_S:
                self._waits = backoff()

    def _pass_on(self, body: Json, gone: bool) -> None:
        """An object that nobody can read must not keep the others from being seen."""
        try:
            self._saw(self._kind, body, gone)
        except Exception:
            log.exception("%s: %s is left out", self._kind.plural, body["metadata"]["name"])


def _version(body: Json) -> str:
    return str(body["metadata"]["resourceVersion"])
