"""Which way is tighter: the order of each field, and what it means for the traffic."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from surefoot.api.plan import Plan, resolve
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec, Step
from surefoot.api.tighten import gentler, tighter_signal

BASE: dict[str, Any] = {
    "releaseClassName": "tier1",
    "candidate": {"version": "42", "workloadRef": {"name": "fraud-v42"}},
    "traffic": {"managedRoute": {"parentRefs": [{"name": "public"}]}},
}
ERRORS: dict[str, Any] = {
    "name": "errors",
    "type": "ErrorRate",
    "source": {"preset": "envoy"},
    "threshold": {"max": 0.05, "window": "2m", "minSamples": 200, "consecutive": 2},
    "compare": {"revertMargin": {"relative": 0.1}},
}
STEPS = [{"weight": 10, "hold": "10m"}, {"weight": 50, "hold": "1h"}]


def resolved(of: dict[str, Any], **mine: Any) -> ModelReleaseSpec | str:
    class_ = ReleaseClassSpec.model_validate({"steps": STEPS, **of})
    return resolve(ModelReleaseSpec.model_validate({**BASE, **mine}), class_)


def said(of: dict[str, Any], **mine: Any) -> str:
    found = resolved(of, **mine)
    assert isinstance(found, str), found
    return found.removesuffix(" (locked by ReleaseClass tier1)")


def errors(**changes: Any) -> dict[str, Any]:
    return {**ERRORS, **changes}


steps = st.lists(
    st.tuples(st.integers(1, 100), st.integers(2, 600)),
    min_size=1,
    max_size=6,
    unique_by=lambda s: s[0],
).map(lambda many: [Step(weight=w, hold=timedelta(seconds=h)) for w, h in sorted(many)])


def weight_at(plan: list[Step], second: float) -> int:
    """The weight that a plan has reached at a second of its holds."""
    for step in plan:
        second -= step.hold.total_seconds()
        if second < 0:
            return step.weight
    return 100


@given(steps)
def test_steps_are_as_gentle_as_themselves(mine: list[Step]) -> None:
    assert gentler(mine, mine) is None


few = st.lists(st.sampled_from([(1, 2), (1, 3), (9, 2), (9, 4)]), unique_by=lambda s: s[0]).map(
    lambda many: [Step(weight=w, hold=timedelta(seconds=h)) for w, h in sorted(many)]
)


@given(few, few, few)
def test_gentler_steps_are_an_order(one: list[Step], two: list[Step], three: list[Step]) -> None:
    if gentler(one, two) is None and gentler(two, three) is None:
        assert gentler(one, three) is None
    if gentler(one, two) is None and gentler(two, one) is None:
        assert one == two


@given(steps, steps, st.integers(0, 4000))
def test_gentler_steps_never_give_the_candidate_more(
    added: list[Step], theirs: list[Step], second: int
) -> None:
    known = {step.weight: step for step in theirs}
    longer = [
        Step(weight=s.weight, hold=s.hold + timedelta(seconds=i)) for i, s in enumerate(theirs)
    ]
    mine = sorted([*longer, *(s for s in added if s.weight not in known)], key=lambda s: s.weight)
    assert gentler(mine, theirs) is None
    assert weight_at(mine, second) <= weight_at(theirs, second)


@given(steps, st.data())
def test_a_step_left_out_or_shortened_is_told(theirs: list[Step], data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(theirs) - 1))
    assert "has no step at" in (gentler(theirs[:i] + theirs[i + 1 :], theirs) or "")
    shorter = Step(weight=theirs[i].weight, hold=theirs[i].hold - timedelta(seconds=1))
    assert "or more" in (gentler([*theirs[:i], shorter, *theirs[i + 1 :]], theirs) or "")


limits = st.floats(-10, 10).map(lambda x: round(x, 3))


def psi(least: float | None, most: float | None, consecutive: int) -> Signal:
    threshold: dict[str, Any] = {"window": "2m", "consecutive": consecutive}
    threshold |= {} if least is None else {"min": least}
    threshold |= {} if most is None else {"max": most}
    body = {"name": "s", "type": "Drift", "source": {"preset": "model-server"}}
    return Signal.model_validate({**body, "threshold": threshold})


Limit = tuple[float | None, float | None, int]


@st.composite
def ranges(draw: st.DrawFn) -> Limit:
    """A least, a most or both, and how many in a row."""
    low, high = sorted((draw(limits), draw(limits)))
    kind = draw(st.sampled_from(["both", "least", "most"]))
    consecutive = draw(st.integers(1, 5))
    return (None if kind == "most" else low, None if kind == "least" else high, consecutive)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Limit, Limit]:
    """A range, and one beside it: mostly within it, so that few pairs are none to be asked about."""
    least, most, consecutive = theirs = draw(ranges())
    by = st.sampled_from([-0.5, 0.0, 0.5, 2.0])
    low = draw(limits | st.none()) if least is None else least + draw(by)
    high = draw(limits | st.none()) if most is None else most - draw(by)
    if low is not None and high is not None:
        low, high = sorted((low, high))
    return (low, high, draw(st.integers(1, consecutive + (consecutive < 5)))), theirs


@given(pairs(), st.lists(limits, min_size=5, max_size=5))
def test_a_tighter_limit_reverts_wherever_the_class_would(
    pair: tuple[Limit, Limit], values: list[float]
) -> None:
    mine, theirs = pair
    assume(tighter_signal(psi(*mine), psi(*theirs)) is None)

    def reverts(limit: Limit) -> bool:
        least, most, consecutive = limit
        crossed = [
            (least is not None and v < least) or (most is not None and v > most) for v in values
        ]
        return any(all(crossed[i : i + consecutive]) for i in range(6 - consecutive))

    assert reverts(mine) or not reverts(theirs)


def test_a_limit_that_is_left_out_is_looser_than_any() -> None:
    assert tighter_signal(psi(0.1, None, 1), psi(None, 0.5, 1)) == (
        "signal s: threshold.max is unset: it must be 0.5 or less"
    )


SIGNALS = {"signals": [ERRORS]}


@pytest.mark.parametrize(
    "signal",
    [
        errors(threshold={"max": 0.02, "window": "2m"}),
        errors(threshold={"min": 0.001, "max": 0.05, "window": "2m", "consecutive": 1}),
        errors(compare={"revertMargin": {"relative": 0.05}}),
        errors(compare={}),
    ],
)
def test_a_signal_may_be_tightened(signal: dict[str, Any]) -> None:
    plan = resolved(SIGNALS, signals=[signal])
    assert isinstance(plan, Plan)
    assert plan.signals[0].threshold is not None
    assert plan.signals[0].threshold.min_samples == 200


@pytest.mark.parametrize(
    ("signal", "sentence"),
    [
        (
            errors(threshold={"max": 0.06, "window": "2m"}),
            "threshold.max is 0.06: it must be 0.05 or less",
        ),
        (
            errors(threshold={"max": 0.05, "window": "3m"}),
            "threshold.window is 3m: it must be exactly 2m",
        ),
        (
            errors(threshold={"max": 0.05, "window": "2m", "minSamples": 500}),
            "threshold.minSamples is 500: it must be exactly 200",
        ),
        (
            errors(threshold={"max": 0.05, "window": "2m", "consecutive": 3}),
            "threshold.consecutive is 3: it must be 2 or less",
        ),
        (
            errors(compare={"revertMargin": {"relative": 0.2}}),
            "compare.revertMargin.relative is 0.2: it must be 0.1 or less",
        ),
        (errors(onBreach="Hold"), "onBreach is Hold: it must be Revert or more"),
        (
            errors(source={"preset": "model-server"}),
            "source is {'preset': 'model-server'}: it must be exactly {'preset': 'envoy'}",
        ),
        (
            {
                "name": "errors",
                "type": "PromQL",
                "query": "1",
                "threshold": {"max": 1, "window": "1m"},
            },
            "type is PromQL: it must be exactly ErrorRate",
        ),
    ],
)
def test_a_signal_that_is_loosened_is_one_sentence_with_the_class_s_value(
    signal: dict[str, Any], sentence: str
) -> None:
    assert said(SIGNALS, signals=[signal]) == f"signal errors: {sentence}"


def test_a_margin_that_the_class_leaves_to_its_default_stays_so() -> None:
    of = {"signals": [errors(compare={})]}
    mine = errors(compare={"revertMargin": {"relative": 0.05}})
    assert said(of, signals=[mine]) == (
        "signal errors: compare.revertMargin stays as it is: remove it here"
    )


EARLY = {"promoteMargin": {"relative": 0.5}}


def test_holds_are_cut_short_only_where_the_class_has_it_so() -> None:
    plain = {k: v for k, v in ERRORS.items() if k != "compare"}
    cut = "compare.promoteMargin cuts holds short: remove it"
    assert said({"signals": [plain]}, signals=[errors(compare=EARLY)]) == f"signal errors: {cut}"
    assert said(SIGNALS, signals=[errors(compare=EARLY)]) == (
        "signal errors: compare.promoteMargin stays as it is: remove it here"
    )
    locked = {"locked": ["steps"]}
    more = errors(name="more", compare=EARLY)
    assert said({**locked, **SIGNALS}, signals=[more]) == f"signal more: {cut}"
    early = {**locked, "signals": [errors(compare=EARLY)]}
    assert isinstance(resolved(early, signals=[more]), Plan)
    narrower = {"promoteMargin": {"relative": 0.3}}
    assert isinstance(resolved(early, signals=[errors(compare=narrower)]), Plan)


def test_a_limit_or_a_comparison_may_be_added() -> None:
    plain = {k: v for k, v in ERRORS.items() if k != "compare"}
    plan = resolved({"signals": [plain]}, signals=[ERRORS])
    assert isinstance(plan, Plan)
    assert plan.signals[0].compare is not None


def test_input_of_a_signal_may_have_to_be_fresher_and_fuller() -> None:
    quality = {"name": "q", "type": "DataQuality", "source": {"preset": "model-server"}}
    of = {"signals": [{**quality, "maxAge": "15m", "minCompleteness": 0.9}]}
    fresher = {**quality, "maxAge": "5m", "minCompleteness": 0.95, "onBreach": "Revert"}
    assert isinstance(resolved(of, signals=[fresher]), Plan)
    assert said(of, signals=[{**quality, "maxAge": "1h"}]) == (
        "signal q: maxAge is 1h: it must be 15m or less"
    )


@pytest.mark.parametrize(
    ("field", "theirs", "tighter", "looser", "sentence"),
    [
        ("bake", "24h", "2d", "1h", "bake is 1h: it must be 1d or more"),
        ("startDeadline", "1h", "30m", "2h", "startDeadline is 2h: it must be 1h or less"),
        ("maxDuration", "7d", "6d", "8d", "maxDuration is 8d: it must be 7d or less"),
        ("rollbackWindow", 3, 0, 4, "rollbackWindow is 4: it must be 3 or less"),
        ("onNoData", "Revert", "Revert", "Hold", "onNoData is Hold: it must be Revert or more"),
        (
            "onInconclusive",
            "Revert",
            "Revert",
            "Hold",
            "onInconclusive is Hold: it must be Revert or more",
        ),
        ("onDelete", "Revert", "Revert", "Leave", "onDelete is Leave: it must be Revert or more"),
        (
            "onNewCandidate",
            "Queue",
            "Queue",
            "Supersede",
            "onNewCandidate is Supersede: it must be exactly Queue",
        ),
    ],
)
def test_a_single_value_has_a_tighter_side(
    field: str, theirs: Any, tighter: Any, looser: Any, sentence: str
) -> None:
    locked = {field: theirs, "locked": [field]}
    assert isinstance(resolved(locked, **{field: tighter}), Plan)
    assert isinstance(resolved(locked), Plan)
    assert said(locked, **{field: looser}) == f"spec.{sentence}"
    assert isinstance(resolved({field: theirs}, **{field: looser}), Plan), "not locked"


def test_locked_steps_and_analysis() -> None:
    locked = {
        "analysis": {"interval": "15s", "evidenceInterval": "2m"},
        "locked": ["steps", "analysis"],
    }
    assert isinstance(resolved(locked, analysis={"interval": "5s", "falseRevertBudget": 0.1}), Plan)
    assert said(locked, analysis={"evidenceInterval": "1m"}) == (
        "spec.analysis: evidenceInterval is 1m: it must be exactly 2m"
    )
    assert said(locked, analysis={"falseRevertBudget": 0.01}) == (
        "spec.analysis: falseRevertBudget is 0.01: it must be 0.05 or more"
    )
    assert said(locked, steps=[{"weight": 50, "hold": "1h"}]) == (
        "spec.steps has no step at 10 %: add it and hold it for 10m"
    )


def test_locked_holds_are_cut_short_no_more_easily_than_the_class_does() -> None:
    locked = {"locked": ["steps"], "signals": [errors(compare=EARLY)]}
    wider = {"promoteMargin": {"relative": 5.0}}
    cut = "signal errors: compare.promoteMargin cuts holds short: remove it"
    assert said(locked, signals=[errors(compare=wider)]) == cut
    budget = said(locked, analysis={"falsePromoteBudget": 0.4}, signals=[errors(compare=EARLY)])
    assert budget is not None
    assert "spec.analysis.falsePromoteBudget is 0.4: it must be 0.05 or less" in budget
    other = errors(name="other")
    two = {"locked": ["steps"], "signals": [errors(compare=EARLY), other]}
    aside = said(two, signals=[{**other, "onBreach": "Observe"}])
    assert aside == "signal other: with onBreach Observe it no longer holds back: remove onBreach"
    lacking = {
        "locked": ["steps"],
        "signals": [errors(compare=EARLY), errors(name="bare", compare={})],
    }
    bare = said(lacking, signals=[errors(name="bare", compare=EARLY)])
    assert bare == "signal bare: compare.promoteMargin cuts holds short: remove it"
