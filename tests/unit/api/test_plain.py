"""Whatever a person wrote becomes one line in which nothing is hidden, and a refusal ends properly."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from surefoot.api.base import sentence
from surefoot.api.plain import MOST, one_line, without_credentials
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from tests.scenarios.specs import spec


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("aborted by Zoë: 5 % of errors", "aborted by Zoë: 5 % of errors"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("a\u200bb\u2028c", r"a\u200bb\u2028c"),
        ("wide\u00a0space ", "wide\u00a0space"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_what_is_too_long_ends_with_an_ellipsis() -> None:
    assert one_line("x" * MOST) == "x" * MOST
    assert one_line("x" * (MOST + 1)) == "x" * (MOST - 1) + "…"
    assert one_line("ab   cd", 6) == "ab…"


@given(st.text(), st.integers(1, 40))
def test_a_line_is_short_and_hides_nothing(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in line)
    assert one_line(line, most) == line


def refusal(**changes: object) -> str:
    with pytest.raises(ValidationError) as refused:
        ModelReleaseSpec.model_validate(spec(**changes))
    return sentence(refused.value)


def test_a_refusal_names_the_field_and_ends_properly() -> None:
    assert refusal(bake="\x1b[2J\n") == (
        r"spec.bake: '\x1b[2J\n' is not a duration: write it as 90s, 15m, 1h30m or 7d"
    )
    assert refusal(suspend="maybe", traffic=None).startswith(
        "spec.traffic: Field required; spec.susp"
    )


def test_a_refusal_of_everything_says_how_much_more_there_is() -> None:
    said = refusal(signals=[{"name": "Bad Name", "type": "x"}] * 16)
    assert len(said) <= MOST
    assert said.endswith(" more")


@pytest.mark.parametrize(
    "huge",
    [
        {"steps": [{"weight": i, "hold": "1m"} for i in range(10_000)]},
        {"steps": [7] * 10_000},
        {"signals": [{}] * 10_000},
        {"parameters": [{"name": f"p{i}", "value": "x"} for i in range(10_000)]},
        {"summary": "x" * 1_048_576},
        {"bake": "9" * 1_048_576},
        {"candidate": {"version": "\x1b" * 1_048_576, "workloadRef": {"name": "fraud-v42"}}},
        {"signals": [{"name": "q", "type": "PromQL", "query": "{{" * 500_000}]},
        {"releaseClassName": "a" + "-" * 1_048_576},
        {"newerField": {"a": ["b" * 1000] * 1000}, "bake": 7},
    ],
)
def test_an_oversized_spec_is_refused_soon_and_in_a_sentence(huge: dict[str, object]) -> None:
    began = time.process_time()
    said = refusal(**huge)
    assert time.process_time() - began < 5
    assert said.startswith("spec.")
    assert len(said) <= MOST


def test_a_class_with_10_000_of_everything_is_refused_in_a_sentence() -> None:
    many = [{"label": "a", "value": "b"}] * 10_000
    with pytest.raises(ValidationError) as refused:
        ReleaseClassSpec.model_validate(
            {"locked": ["bake"] * 10_000, "metrics": {"matchers": many}}
        )
    assert "List should have at most" in sentence(refused.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("407, url='http://me:pa'ss@proxy:3128'", "407, url='http://proxy:3128'"),
        ("http://me:p@ss@a.example and //b@c", "http://a.example and //c"),
        ("mail me@a.example, see http://a.example/x@y", "mail me@a.example, see http://a.example/x@y"),
    ],
)  # fmt: skip
def test_a_url_is_told_without_who_asks(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
