"""Each invariant fails on a timeline that was made to break it, and on no other one."""

from typing import Any

import pytest

from tests.invariants import CHECKS, first_broken
from tests.timeline import (
    OPERATOR,
    Asked,
    Gone,
    Json,
    Led,
    Ref,
    Routed,
    Saved,
    Seen,
    Told,
    Touched,
)

SPEC = {"candidate": {"version": "42"}}
T = "2026-01-05T09:0{}:00.000000Z"
INCUMBENT = {"version": "41", "workload": "v41", "backend": {"name": "v41", "port": 80}}


def decision(minute: int, reason: str, weight: int, rule: str = "Advance", **more: Any) -> Json:
    said = {"message": f"{reason} {weight}", "numbers": {"errors": 0.01}, **more}
    return {"time": T.format(minute), "rule": rule, "reason": reason, "weight": weight, **said}


def status(minute: int, intended: int, decisions: list[Json], **more: Any) -> Json:
    """A release in flight, judged at that minute."""
    release = {
        "id": "abc-1", "fingerprint": "abc", "workload": "v42", "backend": {"name": "v42", "port": 80},
        "acceptedSpec": {"signals": [{"name": "errors"}]}, **more.pop("release", {}),
    }  # fmt: skip
    return {
        "phase": "Progressing",
        "message": "held for 30 s",
        "conditions": [{"type": "Stalled", "status": "False", "message": ""}],
        "incumbent": INCUMBENT,
        "release": release,
        "traffic": {"intended": intended},
        "signals": [{"name": "errors", "verdict": "Pass", "value": 0.01}],
        "decisions": decisions,
        "lastEvaluatedTime": T.format(minute),
        **more,
    }


def saved(*of: Any, by: str = OPERATOR, replica: str = "", **more: Any) -> Saved:
    return Saved(by, SPEC, status(*of, **more), replica=replica)


def routed(candidate: int, incumbent: int | None = None, by: str = OPERATOR, **more: Any) -> Routed:
    rest = 100 - candidate if incumbent is None else incumbent
    rule = (Ref("v41", 80, rest), Ref("v42", 80, candidate), *more.pop("others", ()))
    return Routed(by, "fraud", (rule,), **{"rest": "path /v1", **more})


STARTED = [decision(1, "Started", 0, "Start")]
TEN = [*STARTED, decision(2, "StepReached", 10)]
TWENTY_FIVE = [*TEN, decision(3, "StepReached", 25)]
BACK = [*TEN, decision(3, "ThresholdCrossed", 0, "Revert")]
RETRY = "; once that is mended, retry it"
REVERTED = {
    "release": {"outcome": "Reverted"},
    "phase": "Reverted",
    "conditions": [{"type": "Stalled", "status": "True", "message": f"errors: 0.5{RETRY}"}],
}
# A route of the user's, a start, 10 %, and back; every other timeline is this one with one fault.
AT_TEN: list[Seen] = [
    Led("a"),
    routed(0, by="gitops"),
    saved(1, 0, STARTED),
    saved(2, 10, TEN),
    routed(10),
]
TAKEN_BACK: list[Seen] = [
    *AT_TEN,
    saved(3, 0, BACK, **REVERTED),
    routed(0),
    Told(OPERATOR, "ThresholdCrossed", "ThresholdCrossed 0"),
]


def evidence(until: int, intervals: int, value: float) -> Json:
    test = {"name": "errors", "agreed": "x", "until": T.format(until), "intervals": intervals}
    return {"signals": [{**test, "value": value, "state": [value]}]}


def held(phase: str, message: str, stalled: str = "False") -> Saved:
    condition = {"type": "Stalled", "status": stalled, "message": message}
    return saved(3, 10, TEN, phase=phase, message=message, conditions=[condition])


AGAIN = {"release": {"id": "abc-2"}}
LOWERED = [*AT_TEN, routed(5, by="kubectl-edit")]
OBEYED: list[Seen] = [
    *LOWERED,
    saved(
        3,
        10,
        [*TEN, decision(3, "WeightLowered", 10, "HeldByHand")],
        hold={"reason": "WeightLowered"},
    ),
]
OTHERS = (Ref("other", 80, 60),)

BAD: dict[str, tuple[str, list[Seen]]] = {
    "a weight above the intent": ("I1", [*AT_TEN, routed(25)]),
    "a foreign raise that stays": ("I1", [*AT_TEN, routed(60, by="kubectl-edit")]),
    "a weight before its intent": ("I1", [*AT_TEN[:3], routed(10)]),
    "weight after a revert": ("I1", [*TAKEN_BACK, routed(10)]),
    "a revert that is forgotten": ("I2", [*TAKEN_BACK, saved(4, 0, BACK)]),
    "a revert that is not carried out": ("I2", TAKEN_BACK[:6]),
    "another attempt that nobody asked for": ("I2", [*TAKEN_BACK, saved(4, 0, BACK, **AGAIN)]),
    "a step up on Inconclusive": (
        "I3",
        [*AT_TEN, saved(3, 25, TWENTY_FIVE, signals=[{"name": "errors", "verdict": "Inconclusive"}])],
    ),
    "a step up on NoData": (
        "I3",
        [*AT_TEN, saved(3, 25, TWENTY_FIVE, signals=[{"name": "errors", "verdict": "NoData"}])],
    ),
    "a step up on what was judged before": (
        "I3",
        [*AT_TEN, saved(3, 25, TWENTY_FIVE, lastEvaluatedTime=T.format(2))],
    ),
    "a step up without any verdict": ("I3", [*AT_TEN, saved(3, 25, TWENTY_FIVE, signals=[])]),
    "a step up while held": (
        "I3",
        [*AT_TEN, saved(2, 10, TEN, hold={"reason": "Paused"}), saved(3, 25, TWENTY_FIVE)],
    ),
    "an interval that is taken in twice": (
        "I4",
        [
            *AT_TEN,
            saved(2, 10, TEN, evidence=evidence(2, 1, 2.0)),
            saved(3, 10, TEN, evidence=evidence(2, 2, 4.0)),
        ],
    ),
    "evidence that goes back": (
        "I4",
        [
            *AT_TEN,
            saved(2, 10, TEN, evidence=evidence(2, 1, 2.0)),
            saved(3, 10, TEN, evidence=evidence(1, 2, 4.0)),
        ],
    ),
    "a write of another replica": ("I5", [*AT_TEN, saved(3, 10, TEN, replica="b")]),
    "a change of intent without a decision": ("I6", [*AT_TEN, saved(3, 25, TEN)]),
    "a decision with another weight": (
        "I6",
        [*AT_TEN, saved(3, 25, [*TEN, decision(3, "StepReached", 50)])],
    ),
    "a decision without a reason": ("I6", [*AT_TEN, saved(3, 25, [*TEN, decision(3, "", 25)])]),
    "a decision without numbers": (
        "I6",
        [*AT_TEN, saved(3, 25, [*TEN, decision(3, "StepReached", 25, numbers={})])],
    ),
    "a weight that nobody decided": ("I6", [*AT_TEN, routed(7)]),
    "a decision that is not told": ("I6", TAKEN_BACK[:-1]),
    "a decision that is told twice": ("I6", [*TAKEN_BACK, TAKEN_BACK[-1]]),
    "a write of the spec": ("I7", [*AT_TEN, Saved(OPERATOR, {}, status(3, 10, TEN))]),
    "a label on the release": (
        "I7",
        [*AT_TEN, Saved(OPERATOR, SPEC, status(3, 10, TEN), {"labels": {"a": "b"}})],
    ),
    "a write of a Deployment": ("I7", [*AT_TEN, Touched(OPERATOR, "Deployment v41")]),
    "a match of the route that is changed": ("I7", [*AT_TEN, routed(10, rest="path /")]),
    "a route of one's own without the mark": ("I7", [saved(1, 0, STARTED), routed(0)]),
    "arms that have less than all": ("I8", [*AT_TEN, routed(10, 80)]),
    "0/0": ("I8", [*AT_TEN, routed(0, 0)]),
    "another backend that loses its share": (
        "I8",
        [
            routed(0, 40, by="gitops", others=OTHERS),
            *AT_TEN[2:4],
            routed(10, 90, others=(Ref("other", 80, 0),)),
        ],
    ),
    "a hold without a word": ("I9", [*AT_TEN, held("Holding", "")]),
    "a stall that asks for nothing": ("I9", [*AT_TEN, held("Stalled", "all is bad", "True")]),
    "an incumbent without traffic": (
        "I10",
        [*AT_TEN[:3], saved(2, 10, TEN, traffic={"intended": 99}), routed(100, 0)],
    ),
    "an incumbent that may be retired": (
        "I10",
        [*AT_TEN, saved(3, 10, TEN, retirable=[{"workload": "v41"}])],
    ),
    "an incumbent that is replaced under way": (
        "I10",
        [*AT_TEN, saved(3, 10, TEN, incumbent={**INCUMBENT, "workload": "v40"})],
    ),
    "a lowering that is undone": ("I11", [*LOWERED, routed(10)]),
    "a lowering that is undone after a raise": (
        "I11",
        [*OBEYED, routed(60, by="gitops"), routed(10)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_breaks(name):
    invariant, timeline = BAD[name]
    # Some faults break a second invariant, too: the one that is meant is looked for by its name.
    assert first_broken(timeline, only=invariant).startswith(f"{invariant}: ")


def test_every_invariant_is_shown_to_break():
    assert {invariant for invariant, _ in BAD.values()} == set(CHECKS)


@pytest.mark.parametrize(
    "timeline",
    [
        AT_TEN,
        TAKEN_BACK,
        [*TAKEN_BACK, Asked("alice", "1", "Retry"), saved(4, 0, BACK, **AGAIN)],
        [*LOWERED, Asked("alice", "1", "Resume"), routed(10)],
        [*OBEYED, routed(60, by="gitops"), routed(5)],
        [*OBEYED, routed(60, by="gitops"), Asked("alice", "1", "Resume"), routed(10)],
        [*LOWERED, saved(3, 0, BACK, **REVERTED), routed(0), TAKEN_BACK[-1]],
        [*AT_TEN, routed(60, by="kubectl-edit"), routed(10)],
        [*AT_TEN, Gone("alice"), routed(0)],
        [
            *AT_TEN,
            saved(2, 10, TEN, evidence=evidence(2, 1, 2.0)),
            saved(3, 10, TEN, evidence=evidence(3, 2, 4.0)),
        ],
        [*AT_TEN, Led("b"), saved(3, 10, TEN, replica="b")],
    ],
)
def test_what_is_sound_breaks_nothing(timeline):
    assert first_broken(timeline) == ""
