"""Queries of people's own: parameters, and whether matchers can be forced into every selector."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.api.queries import MissingParameter, fill_parameters, unguarded


def test_parameters_are_filled_in_and_nothing_else() -> None:
    query = 'sum(x{a="{{ parameters.one }}",b="{{candidate.service}}"}) > {{parameters.two}}'
    assert fill_parameters(query, {"one": "a b", "two": "2"}) == (
        'sum(x{a="a b",b="{{candidate.service}}"}) > 2'
    )
    with pytest.raises(MissingParameter, match="two"):
        fill_parameters(query, {"one": "a"})


GUARDED = [
    "up{{{matchers}}}",
    'up{a="b",{{ matchers }}}',
    'sum by (a, b) (rate(up{a="}",{{matchers}}}[5m])) / 2',
    "sum(up{{{matchers}}}) without (a) or vector(1)",
    "up{{{matchers}}} offset 5m and on (a) group_left (b) down{{{matchers}}} @ end()",
    "max_over_time(up{{{matchers}}}[{{window}}:1m]) > bool 1e-3 + Inf",
    'label_replace(up{{{matchers}}}, "a", "$1", "b", "(.*)")',
    '{__name__="up",{{matchers}}}',
    "sum(x{{{matchers}}}) BY (a)",
    'up{a="{{candidate.workload}}",{{matchers}}} offset {{window}} > {{ candidate.port }}',
    'count_values("{{candidate.service}}", up{b=~`{{namespace}}-.*`,{{matchers}}})',
    "1",
]


@pytest.mark.parametrize("query", GUARDED)
def test_a_query_whose_every_selector_has_the_matchers_is_in_order(query: str) -> None:
    assert unguarded(query) is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("up", "up has no {{matchers}}: write up{{{matchers}}}"),
        ("sum(rate(up[5m]))", "up has no {{matchers}}"),
        ("sum by (a) (up)", "up has no {{matchers}}"),
        ('up{a="b"}', "a selector in it has no {{matchers}}"),
        ('up{{{matchers}}} / down{a="{{matchers}}"}', "a selector in it has no {{matchers}}"),
        ("up{{{matchers}}} / down{}", "a selector in it has no {{matchers}}"),
        ("up # {{matchers}}", "it has a comment"),
        ('{"up"}', "a selector in it has no {{matchers}}"),
        ('up{a="{{matchers}}}', "a string in it does not end"),
        ('"open', "a string in it does not end"),
        ("{{matchers}}", "{{matchers}} stands outside"),
        ("up{", "a selector in it has no {{matchers}}"),
        (
            "count({{candidate.workload}})",
            "{{candidate.workload}} stands outside of a selector's braces",
        ),
        ("{{ namespace }} + 1", "{{ namespace }} stands outside of a selector's braces"),
        (
            "{{incumbent.service}}{{{matchers}}}",
            "{{incumbent.service}} stands outside of a selector's",
        ),
        (
            "up{{{matchers}}} / {{candidate.workload}}{{incumbent.workload}}",
            "{{candidate.workload}} st",
        ),
    ],
)
def test_anything_else_is_refused_with_what_to_change(query: str, said: str) -> None:
    found = unguarded(query)
    assert found is not None
    assert found.startswith(said)


def test_a_hash_in_a_string_is_no_comment() -> None:
    assert unguarded('up{a="#",{{matchers}}}') is None


@given(st.text(alphabet="ab_ (){}[]\"'`\\,=~{matchers}#1.", max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    found = unguarded(text)
    assert found is None or found


@given(st.sampled_from(GUARDED), st.sampled_from(["up", 'up{a="b"}', "sum(up)", "{a=~'x'}"]))
def test_one_bare_selector_anywhere_is_enough_to_be_refused(query: str, bare: str) -> None:
    assert unguarded(f"{query} + {bare}") is not None
    assert unguarded(f"{bare} + {query}") is not None
