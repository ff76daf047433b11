"""What must hold in every scenario, chaos run and story, whatever happens: I1 to I11, as code.

Each check sees what was known (`Past`) and one write more, and answers with a sentence when the
write breaks it. Those of `AT_THE_END` see how everything stands when nothing is due any more.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from surefoot.api.base import MOST_COUNTED
from tests.timeline import (
    ENDED,
    OPERATOR,
    Json,
    Past,
    Routed,
    Saved,
    Seen,
    Touched,
    flying,
    identity,
    intended,
    new_decisions,
    outcome,
    splits,
)

Check = Callable[[Past, Seen], Iterator[str]]
# What the Gateway API takes for one backendRef.
_MOST_WEIGHT = 1_000_000
_ENOUGH = ("Pass", "NotDue", "NotApplicable")
# Words that tell a person what to do.
_ACT = re.compile(
    r"\b(abort|add|allow|bring|check|choose|correct|create|delete|give|list|lower|must|name|order"
    r"|put|raise|remove|rename|resumes?|retry|say|set|stop|suspend|until|use|waiting|write)\b",
    re.IGNORECASE,
)
# While these are why, the route may differ from the intent: hands off, or nowhere to go.
_HANDS_OFF = ("Suspended", "BothArmsBroken", "WeightFight", "Deleted")


def _ours(past: Past, seen: Seen) -> Routed | None:
    """The write of a route by the operator."""
    return seen if isinstance(seen, Routed) and seen.by == OPERATOR else None


def _status(seen: Seen) -> Json | None:
    """The status that the operator has just saved."""
    return seen.status if isinstance(seen, Saved) and seen.by == OPERATOR else None


def _same_release(before: Json, after: Json) -> bool:
    return identity(before) is not None and identity(before) == identity(after)


def i1_never_above_the_intent(past: Past, seen: Seen) -> Iterator[str]:
    """Candidate weight never exceeds the step that the persisted status intends."""
    if (route := _ours(past, seen)) is not None:
        most = intended(past.status)
        for split in splits(past.status, route.rules).values():
            if split.percent > most:
                yield f"{split.percent:g} % written, {most} % intended"


def i2_a_revert_stands(past: Past, seen: Seen) -> Iterator[str]:
    """After a revert decision weight 0 is never left without a new release or a person's act."""
    before = past.status
    if outcome(before) in ENDED and (route := _ours(past, seen)) is not None:
        for split in splits(before, route.rules).values():
            if split.candidate:
                yield f"weight {split.candidate} written after {outcome(before)}"
    after = _status(seen)
    if after is None or outcome(before) not in ENDED:
        return
    if _same_release(before, after):
        if outcome(after) != outcome(before) or intended(after):
            yield f"{outcome(before)} became {outcome(after)} at {intended(after)} %"
    elif flying(after) and outcome(before) == "Reverted":
        old, new = before["release"], after["release"]
        same = (old["workload"], old["fingerprint"]) == (new["workload"], new["fingerprint"])
        if same and past.retries <= past.started.get(identity(before), 0):
            yield f"{new['id']} started after the revert of {old['id']}, and nobody asked for it"


def _stepped_up(before: Json, after: Json) -> bool:
    if not _same_release(before, after) or not flying(before):
        return False
    promoted = outcome(after) == "Promoted"
    return promoted or (flying(after) and intended(after) > intended(before))


def i3_no_step_up_blindly(past: Past, seen: Seen) -> Iterator[str]:
    """No step up on NoData, Inconclusive, Error or stale data, nor on hold."""
    before, after = past.status, _status(seen)
    if after is None or not _stepped_up(before, after):
        return
    if before.get("hold"):
        yield f"a step up while held: {before['hold'].get('reason')}"
    if after["release"].get("rollback"):
        return
    plan = after["release"].get("acceptedSpec") or {}
    observed = {s["name"] for s in plan.get("signals", []) if s.get("onBreach") == "Observe"}
    for signal in after.get("signals", []):
        if signal["name"] not in observed and signal["verdict"] not in _ENOUGH:
            yield f"a step up while {signal['name']} is {signal['verdict']}"
    missing = {s["name"] for s in plan.get("signals", [])} - {
        s["name"] for s in after.get("signals", [])
    }
    if missing:
        yield f"a step up without a verdict on {', '.join(sorted(missing))}"
    decided = (after.get("decisions") or [{}])[-1].get("time")
    if after.get("lastEvaluatedTime") != decided:
        yield f"a step up at {decided} on answers of {after.get('lastEvaluatedTime')}"


def i4_evidence_is_spent_once(past: Past, seen: Seen) -> Iterator[str]:
    """Evidence of an interval is spent once."""
    before, after = past.status, _status(seen)
    if after is None or not _same_release(before, after):
        return
    old = {s["name"]: s for s in (before.get("evidence") or {}).get("signals", [])}
    for new in (after.get("evidence") or {}).get("signals", []):
        known = old.get(new["name"])
        if known is not None and known["agreed"] == new["agreed"]:
            yield from _spent(known, new)
    hoped, hope = before.get("hypothesis"), after.get("hypothesis")
    if hoped and hope and hoped.get("agreed") == hope.get("agreed"):
        yield from _spent({"name": "hypothesis", **hoped}, hope)


def _spent(old: Json, new: Json) -> Iterator[str]:
    if new["intervals"] == 0 and new.get("value", 1.0) == 1.0:
        return  # begun anew, with less of the budget: the clock was set back
    if new["until"] < old["until"]:
        yield f"{old['name']}: evidence went back from {old['until']} to {new['until']}"
    moved = new["until"] != old["until"]
    taken = new["intervals"] - old["intervals"]
    numbers = ["value", "state"]
    kept = (old.get("promotion") or {}).get("agreed") == (new.get("promotion") or {}).get("agreed")
    if kept:
        numbers.append("promotion")
    if not moved and (taken or any(old.get(n) != new.get(n) for n in numbers)):
        yield f"{old['name']}: the interval that ends at {new['until']} was taken in again"
    if moved and taken < 1 and new["intervals"] < MOST_COUNTED:
        yield f"{old['name']}: an interval was taken in and not counted"


def i5_one_writer(past: Past, seen: Seen) -> Iterator[str]:
    """At most one writer: no write by a replica without the lease."""
    stranger = seen.replica and past.leader and seen.replica != past.leader
    if seen.by == OPERATOR and stranger:
        yield f"{seen.replica} wrote while {past.leader} led"


def i6_every_change_is_decided(past: Past, seen: Seen) -> Iterator[str]:
    """Every change of weight has a decision with rule, numbers and time."""
    before, after = past.status, _status(seen)
    moved = after is not None and intended(after) != intended(before)
    moved = moved and not _read_back(past, after or {})
    if after is not None and moved and outcome(after) != "Promoted":
        fresh = new_decisions(before, after)
        if not fresh:
            yield f"from {intended(before)} to {intended(after)} % without a decision"
        elif fresh[-1]["weight"] != intended(after):
            yield f"the decision says {fresh[-1]['weight']} %, the intent {intended(after)} %"
        else:
            yield from _explained(fresh[-1], before, after)
    route = _ours(past, seen)
    if route is None or past.gone:
        return
    old = past.routes.get(route.name)
    was = splits(past.status, old.rules) if old else {}
    known = {0, intended(past.status), *(d["weight"] for d in past.decisions)}
    for place, split in splits(past.status, route.rules).items():
        left = int(past.ceilings.get((route.name, place), 0))
        planned = {split.both * weight // 100 for weight in (*known, left)}
        changed = place not in was or was[place].candidate != split.candidate
        if changed and split.candidate not in planned:
            yield f"weight {split.candidate} was written, and no decision says so"


def _read_back(past: Past, after: Json) -> bool:
    """A status that was lost says again what the route has said all the time: nothing has changed."""
    if past.status.get("traffic"):
        return False
    stand = [s for route in past.routes.values() for s in splits(after, route.rules).values()]
    return bool(stand) and all(round(s.percent) == intended(after) for s in stand)


def _explained(decision: Json, before: Json, after: Json) -> Iterator[str]:
    for part in ("rule", "reason", "time", "message"):
        if not decision.get(part):
            yield f"a decision without its {part}: {decision}"
    known = {s["name"] for s in after.get("signals", []) if s.get("value") is not None}
    lost = known - set(decision.get("numbers") or {})
    if lost and _same_release(before, after):
        yield f"a decision without the numbers of {', '.join(sorted(lost))}"


def i7_only_what_is_ours(past: Past, seen: Seen) -> Iterator[str]:
    """The spec, and every field that is not ours, is never written."""
    if seen.by != OPERATOR:
        return
    if isinstance(seen, Touched):
        yield f"{seen.what} was written"
    if isinstance(seen, Saved) and past.saved is not None:
        if seen.spec != past.saved.spec:
            yield "the spec was written"
        if seen.meta != past.saved.meta:
            yield f"metadata was written: {past.saved.meta} became {seen.meta}"
    if isinstance(seen, Routed) and not seen.managed:
        old = past.routes.get(seen.name)
        if old is None or not old.rules:
            yield f"HTTPRoute {seen.name} was created, and is not marked as managed"
        elif (old.rest, _named(old)) != (seen.rest, _named(seen)):
            yield f"more than weights of HTTPRoute {seen.name} was written"


def _named(route: Routed) -> list[list[tuple[str, int]]]:
    return [[(ref.name, ref.port) for ref in rule] for rule in route.rules]


def i8_full_share(past: Past, seen: Seen) -> Iterator[str]:
    """The two arms together always have their full share, and other backends keep theirs."""
    if (route := _ours(past, seen)) is None:
        return
    old = past.routes.get(route.name)
    was = splits(past.status, old.rules) if old else {}
    for place, split in splits(past.status, route.rules).items():
        before, beside = was.get(place), any(ref.weight for ref in split.others)
        if before is not None and before.others != split.others:
            yield f"rule {place}: other backends had {before.others}, now {split.others}"
        whole = min(before.both, _MOST_WEIGHT) if before is not None and beside else 100
        if split.both != whole:
            yield f"rule {place}: both arms have {split.both} of {whole}"
    arms = {ref for rule in route.rules for ref in rule}
    if arms and not any(ref.weight for ref in arms):
        yield "every backend of the route weighs nothing"


def i9_says_what_to_do(past: Past, seen: Seen) -> Iterator[str]:
    """A held or stalled release says why in one sentence that names what to do."""
    after = _status(seen)
    if after is None:
        return
    stalled = [c for c in after.get("conditions", []) if c["type"] == "Stalled"]
    said = [after.get("message", "")] if after.get("phase") in ("Holding", "Paused") else []
    asks = [c.get("message", "") for c in stalled if c["status"] == "True"]
    for text in (*said, *asks):
        if not text.strip() or "\n" in text:
            yield f"{after.get('phase')} without a sentence: {text!r}"
    for text in asks:
        if text and not _ACT.search(text):
            yield f"Stalled, and the sentence names nothing to do: {text!r}"


def i10_the_incumbent_is_kept(past: Past, seen: Seen) -> Iterator[str]:
    """The incumbent is never scaled, deleted or left without traffic while it is needed."""
    if (route := _ours(past, seen)) is not None and intended(past.status) < 100:
        for place, split in splits(past.status, route.rules).items():
            if split.both and not split.incumbent:
                yield f"rule {place}: the incumbent has nothing"
    before, after = past.status, _status(seen)
    if after is None:
        return
    arms = (after.get("incumbent"), after.get("release") if flying(after) else None)
    needed = {arm["workload"] for arm in arms if arm}
    if lost := needed & {entry["workload"] for entry in after.get("retirable", [])}:
        yield f"{', '.join(lost)} is needed, and listed as retirable"
    old, new = before.get("incumbent"), after.get("incumbent")
    if old and new and old["workload"] != new["workload"]:
        if outcome(after) != "Promoted" or intended(before) != 100:
            yield f"{new['workload']} replaced {old['workload']} at {intended(before)} %"
    elif old and not new:
        yield "the incumbent was forgotten"


def i11_a_lowering_is_obeyed(past: Past, seen: Seen) -> Iterator[str]:
    """A foreign lowering of candidate weight is never undone without a person's Resume."""
    if (route := _ours(past, seen)) is not None:
        for place, split in splits(past.status, route.rules).items():
            most = past.ceilings.get((route.name, place))
            if most is not None and split.percent > most:
                yield f"rule {place}: lowered to {most:g} % by someone, raised to {split.percent:g} %"


CHECKS: dict[str, Check] = {
    "I1": i1_never_above_the_intent,
    "I2": i2_a_revert_stands,
    "I3": i3_no_step_up_blindly,
    "I4": i4_evidence_is_spent_once,
    "I5": i5_one_writer,
    "I6": i6_every_change_is_decided,
    "I7": i7_only_what_is_ours,
    "I8": i8_full_share,
    "I9": i9_says_what_to_do,
    "I10": i10_the_incumbent_is_kept,
    "I11": i11_a_lowering_is_obeyed,
}


def zero_is_reached(past: Past) -> Iterator[str]:
    """I2: once all has settled, a candidate that was taken back has nothing."""
    if outcome(past.status) in ENDED and past.status.get("reason") not in _HANDS_OFF:
        for name in past.routes:
            if past.percent(name):
                yield f"{outcome(past.status)}, and HTTPRoute {name} gives it {past.percent(name):g} %"


def intent_is_kept(past: Past) -> Iterator[str]:
    """I1: once all has settled, nothing that someone wrote leaves the candidate with more."""
    status = past.status
    if not flying(status) or past.gone or status.get("reason") in _HANDS_OFF:
        return
    most = intended(status)
    for name in past.routes:
        if past.percent(name) > most:
            yield f"HTTPRoute {name} gives {past.percent(name):g} %, {most} % is intended"


def every_change_was_told(past: Past) -> Iterator[str]:
    """I6: one Event for every change of weight, no more and no less."""
    told = Counter((event.reason, event.note) for event in past.told)
    for (reason, note), count in Counter(past.owed).items():
        if told[reason, note] != count:
            yield f"{told[reason, note]} Events instead of {count}: {reason} {note!r}"


AT_THE_END: dict[str, tuple[Callable[[Past], Iterator[str]], ...]] = {
    "I1": (intent_is_kept,),
    "I2": (zero_is_reached,),
    "I6": (every_change_was_told,),
}


class BrokenError(AssertionError):
    """An invariant does not hold."""


class Invariants:
    """Looks at every write as it comes. Raises BrokenError at the first that breaks something."""

    def __init__(self, only: str = "") -> None:
        self.past, self.seen, self._only = Past(), list[Seen](), only

    def see(self, seen: Seen) -> None:
        """One write more."""
        self.seen.append(seen)
        for name, check in CHECKS.items():
            self._raise(name, check(self.past, seen))
        self.past.add(seen)

    def end(self) -> None:
        """Nothing is due any more."""
        for name, checks in AT_THE_END.items():
            for check in checks:
                self._raise(name, check(self.past))

    def _raise(self, name: str, found: Iterator[str]) -> None:
        if self._only not in ("", name):
            return
        for said in found:
            raise BrokenError(f"{name}: {said}; after {len(self.seen)} writes")


def first_broken(timeline: list[Seen], only: str = "", settled: bool = True) -> str:
    """What a whole timeline breaks first, or nothing; `only` one invariant is looked at. A
    timeline that was cut short has not `settled`: what must hold at the end is not asked for."""
    watch = Invariants(only)
    try:
        for seen in timeline:
            watch.see(seen)
        if settled:
            watch.end()
    except BrokenError as error:
        return str(error)
    return ""
