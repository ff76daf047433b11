"""Spec and class as one plan: what is taken from where, and each sentence when they do not fit."""

from typing import Any

import pytest

from surefoot.api.metrics_source import SourceKind
from surefoot.api.plan import Plan, covers, resolve
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from tests.support.examples import EXAMPLES
from tests.support.kube import load_all
from tests.unit.api.test_tighten import BASE, ERRORS, STEPS, errors, resolved, said

QUERY = {"name": "q", "type": "PromQL", "threshold": {"max": 1, "window": "1m"}}


def release(**mine: Any) -> ModelReleaseSpec:
    return ModelReleaseSpec.model_validate({**BASE, **mine})


def example(name: str) -> dict[str, Any]:
    (body,) = load_all(EXAMPLES / "valid" / f"{name}.yaml")
    spec: dict[str, Any] = body["spec"]
    return spec


@pytest.mark.parametrize("name", ["of-class", "of-class-tightened"])
def test_the_examples_fit_together(name: str) -> None:
    spec = ModelReleaseSpec.model_validate(example(name))
    plan = resolve(spec, ReleaseClassSpec.model_validate(example("class-full")))
    assert isinstance(plan, Plan)
    assert plan.metrics is not None
    assert plan.metrics.kind is SourceKind.THANOS
    assert plan.metrics.forced == (("cluster", "eu-1"),)
    assert {"errors", "conversion"} <= {signal.name for signal in plan.signals}
    query = next(signal.query for signal in plan.signals if signal.name == "conversion")
    assert query is not None
    assert 'product="checkout"' in query
    assert query.endswith("> bool 0.02")


def test_the_ten_lines_of_the_demo_are_a_whole_release() -> None:
    folder = EXAMPLES.parents[1] / "examples" / "fraud"
    text = (folder / "release-of-class.yaml").read_text()
    assert len(text.splitlines()) == 10
    (body,), (class_,) = (load_all(folder / f"{n}.yaml") for n in ("release-of-class", "class"))
    spec = ModelReleaseSpec.model_validate(body["spec"])
    plan = resolve(spec, ReleaseClassSpec.model_validate(class_["spec"]))
    assert isinstance(plan, Plan)
    assert plan.max_duration is not None


def test_what_the_release_says_wins_where_nothing_is_locked() -> None:
    of = {"bake": "24h", "analysis": {"interval": "5s", "warmup": "5m"}, "locked": []}
    plan = resolved(of, steps=[{"weight": 30, "hold": "1m"}], analysis={"interval": "1m"})
    assert isinstance(plan, Plan)
    assert [step.weight for step in plan.steps] == [30]
    assert plan.as_written()["analysis"] == {"interval": "1m", "warmup": "5m"}
    assert plan.as_written()["bake"] == "1d"


def test_signals_of_both_are_judged() -> None:
    plan = resolved({"signals": [ERRORS]}, signals=[errors(name="more")])
    assert isinstance(plan, Plan)
    assert [signal.name for signal in plan.signals] == ["errors", "more"]


def test_an_unlocked_signal_may_become_another_one() -> None:
    mine = {**QUERY, "name": "errors", "query": "1"}
    plan = resolved({"signals": [ERRORS], "locked": []}, signals=[mine])
    assert isinstance(plan, Plan)
    assert plan.signals[0].source is None


def test_a_plan_comes_back_from_the_status_as_it_was() -> None:
    spec, of = example("of-class-tightened"), example("class-full")
    plan = resolve(ModelReleaseSpec.model_validate(spec), ReleaseClassSpec.model_validate(of))
    assert isinstance(plan, Plan)
    assert Plan.model_validate(plan.as_written()).as_written() == plan.as_written()


def test_a_hope_may_be_about_a_signal_of_the_class() -> None:
    hope = {"signal": "errors", "improveBy": {"relative": 0.1}}
    plan = resolved({"signals": [ERRORS]}, hypothesis=hope)
    assert isinstance(plan, Plan)
    assert said({}, hypothesis=hope).startswith(
        "with ReleaseClass tier1: spec: hypothesis.signal names none of the signals"
    )


def test_a_release_without_a_class_is_its_own_plan() -> None:
    spec = ModelReleaseSpec.model_validate(example("given-route"))
    assert resolve(spec, None) is spec
    asking = release(
        releaseClassName=None, steps=STEPS, signals=[{**QUERY, "query": "{{parameters.a}}"}]
    )
    assert str(resolve(asking, None)).startswith("signal q: the query names {{parameters.a}}")


@pytest.mark.parametrize(
    ("of", "mine", "sentence"),
    [
        (
            {"steps": None},
            {},
            "neither the release nor ReleaseClass tier1 has steps: write spec.steps",
        ),
        (
            {"parameters": [{"name": "a"}]},
            {},
            "spec.parameters lacks a, which ReleaseClass tier1 needs: add it",
        ),
        (
            {"parameters": [{"name": "a", "description": "the product"}]},
            {},
            "spec.parameters lacks a (the product), which ReleaseClass tier1 needs: add it",
        ),
        (
            {"parameters": [{"name": "a", "default": "1"}]},
            {"parameters": [{"name": "b", "value": "2"}]},
            "ReleaseClass tier1 has no parameter b (it has a): correct its name",
        ),
        (
            {},
            {"parameters": [{"name": "b", "value": "2"}]},
            "ReleaseClass tier1 has no parameter b (it has none): correct its name",
        ),
        (
            {},
            {"signals": [{**QUERY, "query": "up > {{parameters.a}}"}]},
            "signal q: the query names {{parameters.a}}, which no ReleaseClass of the release "
            "declares: correct its name",
        ),
        (
            {"maxDuration": "2h"},
            {"bake": "1h"},
            "with ReleaseClass tier1: spec: maxDuration is shorter than all holds and the bake (10m "
            "unless set) together: raise it",
        ),
        (
            {"maxDuration": "1h15m"},
            {},
            "with ReleaseClass tier1: spec: maxDuration is shorter than all holds and the bake (10m "
            "unless set) together: raise it",
        ),
        (
            {"metrics": {"matchers": [{"label": "cluster", "value": "eu"}]}},
            {"signals": [{**QUERY, "query": "sum(up)"}]},
            "signal q: the ReleaseClass forces matchers into every query, and up has no {{matchers}}: "
            "write up{{{matchers}}}",
        ),
        (
            {"signals": [errors(compare={"revertMargin": {"relative": 0.1}})]},
            {"signals": [errors(threshold={"min": 1, "window": "2m"})]},
            "with ReleaseClass tier1: spec.signals.0.threshold: threshold.min is above threshold.max: "
            "swap them or change one",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    of: dict[str, Any], mine: dict[str, Any], sentence: str
) -> None:
    assert said(of, **mine) == sentence


def test_matchers_reach_a_query_that_has_a_place_for_them() -> None:
    of = {"metrics": {"matchers": [{"label": "cluster", "value": "eu"}]}, "signals": [ERRORS]}
    assert isinstance(resolved(of, signals=[{**QUERY, "query": "sum(up{{{matchers}}})"}]), Plan)
    assert isinstance(resolved({"metrics": {}}, signals=[{**QUERY, "query": "sum(up)"}]), Plan)


@pytest.mark.parametrize("value", ["0 or vector(1)", "0)or(1", "a+b", "a[1m]", "a,b", "-", "a#"])
def test_a_parameter_outside_of_quotes_cannot_turn_a_query_round(value: str) -> None:
    of = {
        "parameters": [{"name": "least"}],
        "signals": [{**QUERY, "query": "up > {{ parameters.least }}"}],
    }
    assert said(of, parameters=[{"name": "least", "value": value}]) == (
        "signal q: parameter least stands outside of quotes in the query: its value has to be one number, "
        "duration or name"
    )


@pytest.mark.parametrize("value", ["0.02", "-1e3", "5m", "job:errors:rate5m", "+Inf"])
def test_a_parameter_outside_of_quotes_is_one_word(value: str) -> None:
    of = {
        "parameters": [{"name": "least"}],
        "signals": [{**QUERY, "query": "up > {{parameters.least}}"}],
    }
    plan = resolved(of, parameters=[{"name": "least", "value": value}])
    assert isinstance(plan, Plan)
    assert plan.signals[0].query == f"up > {value}"


def test_in_quotes_a_parameter_is_text() -> None:
    of = {
        "parameters": [{"name": "a"}],
        "signals": [{**QUERY, "query": 'up{a="{{parameters.a}}"}'}],
    }
    plan = resolved(of, parameters=[{"name": "a", "value": "x) or (y"}])
    assert isinstance(plan, Plan)
    assert plan.signals[0].query == 'up{a="x) or (y"}'


def test_an_accepted_plan_covers_a_spec_that_says_no_more() -> None:
    parameters = {"parameters": [{"name": "a", "default": "1"}]}
    own = {**QUERY, "query": "up > {{parameters.a}}"}
    plan = resolved({**parameters, "signals": [ERRORS], "bake": "1h"}, signals=[own])
    assert isinstance(plan, Plan)
    assert covers(plan, release(signals=[own]))
    assert covers(plan, release(suspend=True))
    assert covers(plan, release(bake="1h", steps=STEPS))
    for more in (
        {"bake": "2h"},
        {"steps": STEPS[:1]},
        {"signals": [errors(name="another")]},
        {"signals": [{**own, "query": "up > {{parameters.b}}"}]},
        {"onDelete": "Leave"},
        {"candidate": {"version": "43", "workloadRef": {"name": "fraud-v43"}}},
    ):
        assert not covers(plan, release(**more)), more
