"""What a kind of fault is: data, and the two ways in which it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.stage import Happens, HappensToAll, Tale

Ending = Callable[[Tale], str]


def as_usual(tale: Tale) -> str:
    """As without the fault."""
    return "Promoted" if tale.good else "Reverted"


def taken_back(_: Tale) -> str:
    """Whatever the candidate is worth, its traffic goes back."""
    return "Reverted"


def held_or_taken_back(tale: Tale) -> str:
    """A good one stays where it is, for as long as someone fights for its weight."""
    return "Held" if tale.good else "Reverted"


def settled(tale: Tale) -> str:
    """A good one is promoted, or taken back where what happened was seen; a bad one is taken back."""
    return "Settled" if tale.good else "Reverted"


def withdrawn(_: Tale) -> str:
    """Nobody wants it any more, if it was not taken back before."""
    return "Withdrawn"


def gone(_: Tale) -> str:
    """Nothing is left of the release, and all of the traffic is the incumbent's."""
    return "Gone"


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `to_one` happens to each release by its own seed, `to_all` to their operator
    or to its servers, by the seed of the group. `given`: only to routes of the user's, or to none of them. With more than
    one of `replicas` a Lease says which one writes."""

    name: str
    area: str
    what: str
    to_one: Happens | None = None
    to_all: HappensToAll | None = None
    ends: Ending = as_usual
    given: bool | None = None
    replicas: int = 1


KINDS: dict[str, Kind] = {}


def kind(
    name: str, area: str, what: str, *, ends: Ending = as_usual, given: bool | None = None
) -> Callable[[Happens], Happens]:
    """Register what happens to one release as a kind of fault."""

    def register(happens: Happens) -> Happens:
        KINDS[name] = Kind(name, area, what, to_one=happens, ends=ends, given=given)
        return happens

    return register


def kind_for_all(
    name: str, area: str, what: str, *, ends: Ending = as_usual, replicas: int = 1
) -> Callable[[HappensToAll], HappensToAll]:
    """Register what happens to the operator of a group, or to its servers."""

    def register(happens: HappensToAll) -> HappensToAll:
        KINDS[name] = Kind(name, area, what, to_all=happens, ends=ends, replicas=replicas)
        return happens

    return register
