"""Killed after any write, or with any write lost or refused: every story ends as without it.

All points of all stories, one after the other. What is written is what counts: statuses, routes,
Events and answers to actions. The invariants look at every write.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from surefoot.engine.world import BackendWeight
from surefoot.ports import ConflictError, TransientError
from tests.scenarios.conftest import settle
from tests.scenarios.memory import CrashError
from tests.scenarios.specs import candidate, errors, workload
from tests.scenarios.world import MADE, World, given_world, new_world

Moment = tuple[Callable[[World], bool], Callable[[World], object]]
FAULTS = ("crash_after", "lost_after", "refused_at")
LONGEST = 150
# Those that are no simulation.
SHORT = ("promote", "revert", "delete")
OVER = ("Idle", "Reverted")


def at(percent: int) -> Callable[[World], bool]:
    """The step is verified: it is told."""
    return lambda world: (
        bool(world.status) and world.weight() == percent and _verified(world.status)
    )


def phase(name: str) -> Callable[[World], bool]:
    return lambda world: world.phase == name


def _verified(status: dict[str, Any]) -> bool:
    return bool((status.get("step") or {}).get("verifiedAt"))


def acts(kind: str) -> Callable[[World], object]:
    return lambda world: world.act(kind)


def breaks(world: World) -> None:
    world.reads(bad=500)


def heals(world: World) -> None:
    world.reads(bad=1)
    world.act("Retry")


def points_at_43(world: World) -> None:
    world.workloads["fraud-v43"], world.services["fraud-v43"] = workload("fraud-v43"), (80,)
    route = world.routes["fraud"]
    if not route.managed:
        rule = (*route.rules[0], BackendWeight("fraud-v43", 80, 0))
        world.routes["fraud"] = replace(route, generation=route.generation + 1, rules=(rule,))
    world.apply(candidate=candidate("43"))


def deletes(world: World) -> None:
    world.deleted = True


def lowers(world: World) -> None:
    world.edit_weight(5)


def raises(world: World) -> None:
    world.edit_weight(90)


def loses_its_pods(world: World) -> None:
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)


STORIES: dict[str, tuple[Moment, ...]] = {
    "promote": (),
    "revert": ((at(25), breaks),),
    "revert and retry": ((at(25), breaks), (phase("Reverted"), heals)),
    "lose all pods": ((at(25), loses_its_pods),),
    "abort": ((at(50), acts("Abort")),),
    "supersede": ((at(25), points_at_43),),
    "delete": ((at(25), deletes),),
    "pause": ((at(10), acts("Pause")), (phase("Paused"), acts("Resume"))),
    "lowered by hand": ((at(25), lowers), (phase("Paused"), acts("Resume"))),
    "raised by hand": ((at(25), raises),),
}


@dataclass
class Telling:
    """A story as it is told: what happens next, and the world that it happens in."""

    world: World
    moments: list[Moment]

    def goes_on(self, first: str = "", point: int | None = None) -> None:
        """To the end, with one fault at the given write."""
        if first:
            setattr(self.world, first, point)
        for _ in range(LONGEST):
            self._tick()
            if self.moments and self.moments[0][0](self.world):
                self.moments.pop(0)[1](self.world)
            elif not self.moments and (self.world.deleted or self.world.phase in OVER):
                break
        assert not self.moments, "the story stopped before its end"
        settle(self.world)
        self.world.witness.watch.end()
        MADE.remove(self.world)

    def _tick(self) -> None:
        self.world.advance(10)
        for _ in range(10):
            try:
                report = self.world.reconcile()
            except (ConflictError, TransientError, CrashError):
                continue
            if report.requeue and not self.world.metrics.running:
                return


def telling(name: str, given: bool, busy: bool = False, hold: str = "10s") -> Telling:
    compared = errors(compare={"revertMargin": {"relative": 0.5}})
    times = {"interval": "10s", "evidenceInterval": "10s", "warmup": "0s"}
    steps = [{"weight": weight, "hold": hold} for weight in (10, 25, 50)]
    world = given_world if given else new_world
    made = world(signals=[compared], analysis=times, steps=steps, bake="10s")
    made.busy = busy
    return Telling(made, list(STORIES[name]))


def standing(world: World) -> dict[str, Any]:
    """Everything that a story comes to, without times and numbers."""
    status = world.status
    release, serving = status["release"] or {}, status["incumbent"]
    return {
        "phase": status["phase"],
        "serving": (serving["version"], serving["workload"], serving["backend"]),
        "release": [release.get(n) for n in ("id", "attempt", "version", "outcome", "reason")],
        "step": (status["step"]["position"], status["traffic"]["intended"]),
        "routes": {name: route.rules for name, route in world.routes.items()},
        "conditions": [(c["type"], c["status"], c["reason"]) for c in status["conditions"]],
        "decisions": [(d["reason"], d["weight"]) for d in status["decisions"]],
        "history": [(p["id"], p["outcome"], p["reason"]) for p in status["history"]],
        "retirable": [r["workload"] for r in status["retirable"]],
        "finished": {name: done.phase for name, done in world.finished.items()},
        "events": sorted({(e.reason.value, e.message) for e in world.events if e.about}),
    }


@cache
def undisturbed(name: str, given: bool) -> tuple[dict[str, Any], int]:
    """How the story ends, and how many writes it takes."""
    told = telling(name, given)
    told.goes_on()
    return standing(told.world), len(told.world.writes)


MANY = pytest.mark.simulation


def _marks(name: str, fault: str, given: bool) -> tuple[pytest.MarkDecorator, ...]:
    if name not in SHORT or fault != "crash_after":
        return (MANY,)
    return (pytest.mark.slow,) if given else ()


CASES = [
    pytest.param(name, fault, given, marks=_marks(name, fault, given))
    for name in STORIES
    for fault, given in (*((fault, False) for fault in FAULTS), ("crash_after", True))
]


@pytest.mark.parametrize(("name", "fault", "given"), CASES)
def test_whatever_write_it_happens_at_the_story_ends_the_same(name, given, fault):
    ending, writes = undisturbed(name, given)
    assert writes >= 10
    for point in range(1, writes + 1):
        told = telling(name, given)
        told.goes_on(fault, point)
        assert getattr(told.world, fault) is None, "the fault did not strike"
        found = standing(told.world)
        assert found == ending, f"{fault} {point}: {told.world.writes}"


@pytest.mark.parametrize(
    ("name", "gap"),
    [
        pytest.param(name, gap, marks=() if (name, gap) == ("promote", 2) else MANY)
        for name in STORIES
        for gap in (1, 2, 3, 4)
    ],
)
def test_two_answers_lost_one_after_the_other_change_no_end(name, gap):
    ending, writes = undisturbed(name, False)
    for point in range(1, writes + 1 - gap):
        told = telling(name, given=False)
        told.world.lost_next = gap
        told.goes_on("lost_after", point)
        assert told.world.lost_after is None, "the second answer was not lost"
        assert standing(told.world) == ending, f"{point} and {gap} later: {told.world.writes}"


def test_what_cannot_be_told_for_a_while_is_told_later_and_once():
    told = telling("revert", given=False)
    told.world.events_down = True
    told.moments.insert(0, (at(10), lambda world: setattr(world, "events_down", False)))
    told.goes_on()
    assert standing(told.world) == undisturbed("revert", False)[0]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "revert" else MANY) for n in STORIES]
)
def test_numbers_that_were_put_off_and_lost_with_the_process_change_no_end(name):
    calm = telling(name, given=False, hold="30s")
    calm.goes_on()
    ending = standing(calm.world)
    told = telling(name, given=False, busy=True, hold="30s")
    told.goes_on()
    assert standing(told.world) == ending
    assert told.world.put_off > 0
    for point in range(1, len(told.world.writes) + 1):
        told = telling(name, given=False, busy=True, hold="30s")
        told.goes_on("crash_after", point)
        assert standing(told.world) == ending, f"{point}: {told.world.writes}"
