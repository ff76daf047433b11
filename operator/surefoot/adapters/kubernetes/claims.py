"""Which releases move backends on which route, for all that share one."""

from collections import OrderedDict
from typing import NamedTuple

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.bodies import backends_of, part, route_name
from surefoot.adapters.kubernetes.cache import RELEASES, Cache, Known
from surefoot.adapters.kubernetes.decode import time_of
from surefoot.engine.world import Rival
from surefoot.ports import Key

MOST_KEPT = 8192


class _Claim(NamedTuple):
    known: Known
    route: str
    backends: frozenset[str]
    rival: Rival


class Claims:
    """Each release is read once for each of its versions: many on one route look at each other at every
    tick, and would otherwise decode each other every time."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._kept: OrderedDict[Key, _Claim] = OrderedDict()

    def rivals(self, key: Key) -> tuple[Rival, ...]:
        """Other releases on the same route whose backends overlap with this one's."""
        mine = self._of(key)
        if mine is None:
            return ()
        return tuple(
            each.rival
            for each in self._on(key.namespace, mine.route)
            if each.known.name != key.name and each.backends & mine.backends
        )

    def is_taken(self, namespace: str, route: str, backends: set[str]) -> bool:
        """Whether a release has a route in hand for one of these backends."""
        return any(c.rival.adopted and c.backends & backends for c in self._on(namespace, route))

    def _on(self, namespace: str, route: str) -> list[_Claim]:
        named = self._cache.naming(RELEASES, namespace, mentions.route(route))
        found = (self._of(Key(namespace, name)) for name in named)
        return [each for each in found if each is not None and each.route == route]

    def _of(self, key: Key) -> _Claim | None:
        known = self._cache.known(RELEASES, *key)
        if known is None:
            self._kept.pop(key, None)
            return None
        claim = self._kept.get(key)
        if claim is None or claim.known != known:
            body = self._cache.get(RELEASES, *key)
            assert body is not None
            meta, adopted = body["metadata"], bool(part(body, "status", "incumbent"))
            rival = Rival(meta["name"], meta["uid"], time_of(meta["creationTimestamp"]), adopted)
            claim = _Claim(known, route_name(body), frozenset(backends_of(body)), rival)
            self._kept[key] = claim
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return claim
