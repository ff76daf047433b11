"""An example through parse, decode, observe, decide, save and apply, and what must hold of all of it."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random

from surefoot.adapters.kubernetes import mentions
from surefoot.adapters.kubernetes.decode import route_of
from surefoot.adapters.kubernetes.events import note_of
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Reason
from surefoot.engine.weights import split_rules
from surefoot.ports import PortError, Ports
from surefoot.reconcile import Report
from tests.fuzz.answers import hostile
from tests.fuzz.examples import Example, example
from tests.fuzz.memory import MemoryPrometheus, Notes, ports_on
from tests.fuzz.schema import faults, schema_of
from tests.fuzz.stories import KEY, reconciled

MOST_CHARACTERS = 1024
# What pydantic, Python and Go write for programmers.
_DECORATION = re.compile(
    r"Traceback|pydantic|validation error|type=\w+_\w+|input_value|For further information|errors\.pydantic"
    r"|Value error|<class |object at 0x|Error\(|\bNone\b.*NoneType|goroutine"
)


class BrokenPromise(AssertionError):
    """Something that must hold did not."""


def sentence_faults(text: str, where: str) -> Iterator[str]:
    """What keeps a text from being one line that a person reads."""
    hidden = {
        c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    }
    if hidden:
        yield f"{where} has {sorted(hidden)!r}: {text!r:.300}"
    if not text.strip():
        yield f"{where} is empty"
    if len(text) > MOST_CHARACTERS:
        yield f"{where} has {len(text)} characters"
    if text != text.strip() or text.endswith((",", ";", ":", " and")):
        yield f"{where} does not end properly: {text[-80:]!r}"
    if found := _DECORATION.search(text):
        yield f"{where} is decorated ({found.group()}): {text!r:.300}"


def drive(chance: Random, kinds: Counter[str] | None = None) -> None:
    """One example, over one to three ticks. Raises BrokenPromise, or whatever escapes."""
    made = example(chance)
    try:
        _drive(made, kinds if kinds is not None else Counter())
    except Exception as error:
        error.add_note(f"scene {made.scene}; {', '.join(made.did) or 'nothing changed'}")
        raise


def _drive(made: Example, kinds: Counter[str]) -> None:
    notes = Notes()
    metrics = MemoryPrometheus(lambda question, now: hostile(made.make, question, now))
    ports = ports_on(made.api, made.cache, metrics, notes)
    _sense(made)
    kinds.update(made.did or ["unchanged"])
    for _ in range(1 + made.make.chance.randrange(3)):
        before = _known(made, ports)
        try:
            report = reconciled(ports, made.now)
        except PortError as error:
            kinds[f"raised {type(error).__name__}"] += 1
            _hold(list(sentence_faults(str(error), "the error")))
        else:
            kinds[f"rule {report.decision.rule.value}" if report.decision else "gone"] += 1
            _check(made, before, report)
        _check_announced(notes)
        _check_routes(made)
        made.now += timedelta(seconds=made.make.one((0, 10, 10, 60, 10**6)))


def _sense(made: Example) -> None:
    """What the watches look at in every release when anything else changes."""
    for (plural, _), body in made.api.objects.items():
        if plural == "modelreleases":
            mentions.of_release(body)


def _known(made: Example, ports: Ports) -> ModelReleaseStatus | None:
    load = ports.store.release(KEY)
    try:
        load.send(None)
    except StopIteration as done:
        release = done.value
    if release.problem:
        _hold(list(sentence_faults(release.problem, "the problem")))
    return release.status


def _check(made: Example, before: ModelReleaseStatus | None, report: Report) -> None:
    assert report.decision is not None
    status = report.decision.status.dump()
    found = list(faults(status, schema_of("ModelRelease", "status"), "status"))
    json.dumps(status, allow_nan=False)
    again = ModelReleaseStatus.model_validate(status)
    if again.dump() != status:
        found.append("the status is read otherwise than it was written")
    if not again.holds_together:
        found.append("the status does not hold together")
    found += _said(again)
    found += _moved(before, report.decision.status, made)
    for (plural, name), body in made.api.objects.items():
        if plural == "releaseactions" and (said := body.get("status", {}).get("message")):
            found += sentence_faults(said, f"action {name}")
    _hold(found)


def _said(status: ModelReleaseStatus) -> Iterator[str]:
    if status.message:
        yield from sentence_faults(status.message, "status.message")
    for condition in status.conditions:
        if condition.message:
            yield from sentence_faults(condition.message, f"condition {condition.type}")


def _moved(
    before: ModelReleaseStatus | None, after: ModelReleaseStatus, made: Example
) -> Iterator[str]:
    """A rise is decided on and recorded, the route never has more than was persisted."""
    release, traffic = after.release, after.traffic
    flying = release is not None and release.outcome is None
    new = traffic.intended if traffic and release and release.outcome is not Outcome.PROMOTED else 0
    old_release = before.release if before else None
    was = before is not None and old_release is not None and old_release.outcome is None
    old = before.traffic.intended if was and before is not None and before.traffic else 0
    if release is not None and release.reason is Reason.STATUS_LOST:
        return  # it has what the route shows, and goes back
    if flying and new > old:
        last = after.decisions[-1] if after.decisions else None
        if last is None or (before is not None and last in before.decisions) or last.weight != new:
            yield f"a rise from {old} to {new} is not recorded"
        if after.hold is not None:
            yield f"a rise from {old} to {new} while held"
        assert release is not None
        bad = {s.verdict for s in after.signals} & {"NoData", "Inconclusive", "Error", "Fail"}
        gates = {
            s["name"]
            for s in release.accepted_spec.get("signals", ())
            if s.get("onBreach") != "Observe"
        }
        if not release.rollback and any(
            s.name in gates and s.verdict in bad for s in after.signals
        ):
            yield f"a rise from {old} to {new} on {bad}"


def _check_routes(made: Example) -> None:
    """No write gives the candidate more than what was persisted before it."""
    for release, body in made.api.routed:
        status = ModelReleaseStatus.model_validate(release.get("status", {}))
        serving, flying, traffic = status.incumbent, status.release, status.traffic
        assert serving is not None
        assert traffic is not None
        if flying is None or flying.outcome is Outcome.PROMOTED:
            continue
        for split in split_rules(route_of(body), serving.backend, flying.backend):
            if split.percent > traffic.intended:
                raise BrokenPromise(f"{split.percent} % written, {traffic.intended} % intended")
    made.api.routed.clear()


def _check_announced(notes: Notes) -> None:
    found: list[str] = []
    for said in notes.said:
        found += sentence_faults(note_of(said.message), f"the Event {said.reason}")
    notes.said.clear()
    _hold(found)


def _hold(found: list[str]) -> None:
    if found:
        raise BrokenPromise("; ".join(found[:5]))
