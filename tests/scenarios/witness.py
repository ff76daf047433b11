"""Tells the invariants of everything that is written in a world in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from surefoot.engine.effects import Announcement
from surefoot.engine.world import Action, Route
from tests.invariants import Invariants
from tests.timeline import OPERATOR, Asked, Gone, Json, Ref, Routed, Saved, Told

if TYPE_CHECKING:
    from tests.scenarios.world import World


def routed(route: Route, by: str) -> Routed:
    """A route as the timeline has it."""
    rules = tuple(tuple(Ref(b.name, b.port, b.weight) for b in rule) for rule in route.rules)
    return Routed(by, route.name, rules, bool(route.managed), (route.parents, route.hostnames))


def _copy(body: Json) -> Json:
    copied: Json = json.loads(json.dumps(body))
    return copied


@dataclass
class Witness:
    """Looks at a world before and after each of the operator's writes; what has changed in between
    was done by someone else."""

    watch: Invariants = field(default_factory=Invariants)
    _spec: object = None
    _status: object = None
    _routes: dict[str, Route] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _gone: bool = False

    def look(self, world: World, by: str = "someone") -> None:
        """See everything that is not as it was seen last."""
        if (world.spec, world.status) != (self._spec, self._status):
            self._spec, self._status = _copy(world.spec), _copy(world.status)
            self.watch.see(Saved(by, self._spec, self._status))
        for action in world.actions:
            self._ask(action)
        if world.deleted and not self._gone:
            self._gone = True
            self.watch.see(Gone(by))
        for name in self._routes.keys() - world.routes.keys():
            del self._routes[name]
            self.watch.see(Routed(by, name, ()))
        for name, route in world.routes.items():
            if self._routes.get(name) != route:
                self._routes[name] = route
                self.watch.see(routed(route, by))

    def told(self, said: Announcement) -> None:
        """An Event was posted."""
        self.watch.see(Told(OPERATOR, said.reason.value, said.message))

    def _ask(self, action: Action) -> None:
        if action.uid not in self._asked:
            self._asked.add(action.uid)
            self.watch.see(Asked(action.by, action.uid, str(action.type)))
