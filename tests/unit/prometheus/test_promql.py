"""Queries as text: shared selectors, filled-in templates, and no way to write more than a value."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.prometheus.presets import escape_regex, presets
from surefoot.adapters.prometheus.promql import (
    UnknownPlaceholder,
    arms_of,
    fill_in,
    quote,
    selector,
)
from tests.unit.prometheus.builders import question


def test_one_selector_for_both_arms() -> None:
    arms = arms_of(presets()["envoy"], question())
    assert selector({"b", "a"}, (arms,), 149.2) == (
        '{__name__=~"a|b",envoy_cluster_name=~"risk_fraud-v41_80|risk_fraud-v42_80"}[150s]'
    )


def test_shared_labels_are_matched_exactly() -> None:
    arms = arms_of(presets()["model-server"], question("Drift"))
    assert selector({"m"}, (arms,), 30) == (
        '{__name__=~"m",namespace="risk",'
        'pod=~"fraud-v41-[a-z0-9]{1,10}-[a-z0-9]{5}|fraud-v42-[a-z0-9]{1,10}-[a-z0-9]{5}"}[30s]'
    )


def test_regular_expressions_are_escaped_twice_as_promql_needs() -> None:
    arms = arms_of(presets()["envoy"], question(candidate='a.b"} or up{x="'))
    text = selector({"m"}, (arms,), 1)
    assert '"risk_a\\\\.b\\"\\\\} or up\\\\{x=\\"_80|' in text


@given(st.text(max_size=40))
def test_an_escaped_expression_matches_its_text_alone(text: str) -> None:
    assert re.fullmatch(escape_regex(text), text)
    assert not re.fullmatch(escape_regex(text), text + "x")


@given(st.text(max_size=40))
def test_a_quoted_text_ends_at_its_last_quote_only(text: str) -> None:
    inside = quote(text)[1:-1]
    assert re.fullmatch(r'(?:[^"\\\n]|\\.)*', inside)
    assert "`" not in inside


def test_every_placeholder_is_filled_in() -> None:
    sides = [f"{{{{{side}.{field}}}}}" for side in ("candidate", "incumbent")
             for field in ("workload", "service", "port")]  # fmt: skip
    query = " ".join([*sides, "{{ namespace }}", "[{{window}}]"])
    assert fill_in(query, question(), 59.9) == (
        "fraud-v42 fraud-v42 80 fraud-v41 fraud-v41 80 risk [59s]"
    )


def test_matchers_are_forced_into_selectors_and_into_queries() -> None:
    forced = replace(question(), matchers=(("cluster", "eu-1"), ("zone", 'a"b')))
    arms = arms_of(presets()["envoy"], forced)
    assert 'cluster="eu-1",zone="a\\"b",' in selector({"x"}, (arms,), 60)
    assert fill_in("up{{{matchers}}}", forced, 60) == 'up{cluster="eu-1",zone="a\\"b"}'


def test_a_matcher_of_the_preset_s_own_label_is_forced_as_well() -> None:
    forced = replace(question("Drift"), matchers=(("namespace", "other"),))
    arms = arms_of(presets()["model-server"], forced)
    assert 'namespace="other",namespace="risk",' in selector({"m"}, (arms,), 30)
    assert not arms.has({"namespace": "risk", "pod": "fraud-v42-7c9f8d5b6-x2k9p"})


def test_where_nothing_is_forced_matchers_are_true_of_every_series() -> None:
    assert fill_in('up{a="b",{{matchers}}}', question(), 60) == 'up{a="b",__surefoot__=""}'


def test_a_window_that_has_just_begun_is_still_a_window() -> None:
    assert fill_in("x[{{window}}]", question(), 0.2) == "x[1s]"


@pytest.mark.parametrize("quotes", ['"', "'", "`"])
def test_a_filled_in_value_cannot_leave_its_quotes(quotes: str) -> None:
    evil = question(candidate=f"x{quotes}}} or vector(0) or up{{a={quotes}")
    text = fill_in(f"up{{pod={quotes}{{{{candidate.workload}}}}{quotes}}}", evil, 60)
    inside = text[len("up{pod=") + 1 : -2]
    assert quotes not in inside.replace("\\" + quotes, "")


@pytest.mark.parametrize("name", ["candidate.pod", "candidate", "", "window.s"])
def test_an_unknown_placeholder_is_answered_with_those_that_exist(name: str) -> None:
    with pytest.raises(UnknownPlaceholder, match=r"\{\{candidate\.workload\}\}.*\{\{window\}\}"):
        fill_in(f"up{{{{{name}}}}}", question(), 60)
