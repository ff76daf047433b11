"""A verdict says how its numbers were read, and a comparison without the other arm is none."""

from dataclasses import replace
from datetime import timedelta

from surefoot.api.vocabulary import Verdict
from surefoot.engine import compare
from surefoot.engine.judge import judge
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading
from surefoot.stats.measures import Counts
from tests.unit.engine.builders import NOW, answer, plan, signal, stand

ALIKE = Counts(1, 1000)
COMPARED = {"threshold": None, "compare": {}, "source": {"preset": "envoy"}}


def test_a_verdict_ends_with_the_note_of_its_reading() -> None:
    noted = Answer(Reading(ALIKE, NOW, note="read at both ends of its 1h"), Reading(ALIKE, NOW))
    found = judge(signal(), stand(), None, noted)
    assert found.verdict is Verdict.PASS
    assert found.status.reason == "within its limit (read at both ends of its 1h)"


def test_without_a_value_there_is_nothing_to_say_of_how_it_was_read() -> None:
    noted = Answer(Reading(Counts(0, 0), NOW, note="read at both ends"), Reading())
    assert "both ends" not in judge(signal(), stand(), None, noted).status.reason


def test_a_comparison_does_not_pass_while_the_incumbent_is_not_measured() -> None:
    compared = plan(signals=[{"name": "errors", "type": "ErrorRate", **COMPARED}]).signals[0]
    found = answer(ALIKE, ALIKE)
    assert judge(compared, stand(), None, found).verdict is Verdict.PASS
    missing = Reading(problem=Problem(ProblemKind.EMPTY, "no samples for the incumbent"))
    judged = judge(compared, stand(), None, replace(found, incumbent=missing))
    assert judged.verdict is Verdict.NO_DATA
    assert judged.status.reason == "no samples for the incumbent"


def test_every_signal_catches_up_with_its_ten_oldest_intervals() -> None:
    two = [{**COMPARED, "name": name, "type": "ErrorRate"} for name in ("one", "two")]
    where = stand(signals=two, analysis={"evidenceInterval": "60s"})
    late = replace(where, warm_at=None, since=NOW - timedelta(minutes=20))
    found = compare.spans(None, late)
    assert late.since is not None
    assert [each.signal.name for each in found] == ["one"] * 10 + ["two"] * 10
    assert found[0].start == found[10].start == late.since
    assert found[-1].end == late.since + timedelta(minutes=10)
    assert len(compare.spans(None, replace(late, since=NOW - timedelta(minutes=3)))) == 6
