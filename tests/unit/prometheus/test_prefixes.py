"""Of many label values those that a pattern matches are found without trying each."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.prometheus.prefixes import literal_prefix, matching
from surefoot.adapters.prometheus.presets import escape_regex, presets


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("risk_fraud-v42_80", "risk_fraud-v42_80"),
        (r"fraud\.v42", "fraud.v42"),
        ("fraud-v42-[a-z0-9]{1,10}-[a-z0-9]{5}", "fraud-v42-"),
        (r"outbound\|80\|\|fraud[.]risk[.]svc[.].+", "outbound|80||fraud"),
        ("service/risk/fraud/80(/[a-z0-9]+)?", "service/risk/fraud/80"),
        ("risk-fraud-(80@a|[a-z|]+-80@b)", "risk-fraud-"),
        ("fraud-v42|spam", ""),
        (r"fraud\|v42", "fraud|v42"),
        ("fraud?", "frau"),
        ("fraud*", "frau"),
        ("fraud{0,1}", "frau"),
        ("fraud+", "fraud"),
        ("^fraud$", ""),
        (r"a\d", "a"),
        ("a\\", "a"),
        ("", ""),
        ("[]|]a", ""),
    ],
)
def test_what_every_match_begins_with(pattern, prefix):
    assert literal_prefix(pattern) == prefix


_NAMES = st.text("ab.-|_0", min_size=0, max_size=6)
_TAILS = ("", "[a-b]{1,3}", "(-[ab]+)?", "[.].+", "?", "*", "(a|b)", "|b", "{0,2}")


@given(_NAMES, st.sampled_from(_TAILS), st.lists(st.text("ab.-|_0", max_size=9), max_size=40))
def test_it_finds_what_trying_each_finds(name, tail, values):
    pattern = escape_regex(name) + tail
    try:
        each = re.compile(pattern)
    except re.error:
        return
    values = sorted(set(values))
    assert matching(values, pattern) == [v for v in values if each.fullmatch(v)]


def test_every_preset_s_pattern_begins_with_text_of_the_release():
    for preset in presets().values():
        template = preset.arm.value or preset.arm.pattern
        pattern = template.replace("{", "<", 1).replace("}", ">", 1) if template else ""
        assert literal_prefix(pattern), preset.arm
