"""The picture of a release: what it shows, and that nothing in a status can harm it."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.cli.listing import table_of
from surefoot.cli.outcome import changes, ended, line
from surefoot.cli.picture import render
from tests.unit.cli.releases import NOW, release, text_of

HOSTILE = "[bold red]x[/] \x1b[2J\x1b]0;owned\x07 a\rb\nc\u202egnp\u200b\u2028"


def rows(drawing: str) -> list[str]:
    """Lines with runs of blanks made one."""
    return [" ".join(row.split()) for row in drawing.splitlines()]


def row_of(drawing: str, label: str) -> str:
    return next(row for row in rows(drawing) if row.startswith(label))


def test_it_says_where_the_release_stands() -> None:
    shown = text_of(render(release(), NOW))
    assert row_of(shown, "Phase") == "Phase Progressing HoldRunning"
    assert row_of(shown, "Candidate") == "Candidate 42 fraud-v42 attempt 2 started 10m ago"
    assert row_of(shown, "Incumbent") == "Incumbent 41 fraud-v41"
    assert row_of(shown, "Traffic").startswith("Traffic intended 5% observed 5%")
    assert "the incumbent could take 100% of all traffic back now" in shown


def test_the_bar_marks_steps_behind_here_and_ahead() -> None:
    shown = text_of(render(release(), NOW))
    assert row_of(shown, "Steps") == "Steps 2/3 ✔ 1% 30s ▶ 5% 1m · 25% 1m · bake 10m"
    assert row_of(shown, "Hold").endswith("25% 15s of 1m covered by samples")


def test_a_signal_stands_with_its_limit_and_both_values() -> None:
    shown = rows(text_of(render(release(), NOW)))
    assert "errors ErrorRate 0.0123 ≤ 0.05 0.01 1234 Pass within the limit" in shown
    assert "calibration Calibration - 0.9 to 1.1 - - NotDue judges from the bake on" in shown


def test_crossings_in_a_row_are_counted() -> None:
    signal = {"name": "errors", "type": "ErrorRate", "verdict": "Fail", "breaches": 2}
    assert "Fail 2×" in text_of(render(release(signals=[signal]), NOW))


def test_decisions_stand_in_the_order_of_their_times_with_the_newest_last() -> None:
    shown = rows(text_of(render(release(), NOW)))
    first = shown.index("10m 1% Start Started alice from 0 to 1 % (1/3)")
    assert shown[first + 1] == "1m 5% Advance StepReached - from 1 to 5 % (2/3)"


def test_conditions_and_retirable_workloads_are_listed() -> None:
    shown = rows(text_of(render(release(), NOW)))
    assert "Promoted Unknown InFlight 10m" in shown
    assert "fraud-v40 40 1d" in shown


def test_an_ended_release_has_no_steps_but_its_outcome() -> None:
    ended_release = release()["status"]["release"] | {
        "outcome": "Reverted",
        "endedAt": "2026-01-01T11:58:00Z",
    }
    shown = text_of(render(release(release=ended_release), NOW))
    assert "Reverted 2m ago" in shown
    assert "Steps" not in shown


def test_a_terminal_gets_colours_and_a_pipe_none() -> None:
    assert "\x1b[36mProgressing" in text_of(render(release(), NOW), colours=True)
    assert "\x1b" not in text_of(render(release(), NOW))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    assert all(len(row) <= width for row in text_of(render(release(), NOW), width).splitlines())


def hostile() -> dict[str, Any]:
    """A release with hostile text wherever a string may stand."""

    def spoil(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: spoil(value) for key, value in node.items()}
        if isinstance(node, list):
            return [spoil(each) for each in node]
        return HOSTILE if isinstance(node, str) else node

    spoilt: dict[str, Any] = spoil(release())
    return spoilt


def test_no_text_of_others_acts_on_the_terminal() -> None:
    drawings = [
        text_of(render(hostile(), NOW)),
        text_of(table_of([hostile()], True, NOW)),
        line(hostile(), NOW),
    ]
    for shown in drawings:
        acting = {
            char
            for char in shown
            if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")
        }
        assert not acting
        assert r"\x1b[2J" in shown
        assert "[bold red]x[/]" in shown


@pytest.mark.parametrize("status", [None, {}, [], "text", 7])
def test_a_status_that_is_missing_is_said_so(status: object) -> None:
    bare = {"metadata": {"name": "fraud"}, "status": status}
    assert "No status yet" in text_of(render(bare, NOW))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below),
    max_leaves=8,
)


def paths(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a tree."""
    if not isinstance(node, (dict, list)):
        return [path]
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    return [path, *(found for key, below in pairs for found in paths(below, (*path, key)))]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(paths(release())[1:]), ANY)
def test_anything_in_any_place_can_be_drawn(path: tuple[str | int, ...], value: object) -> None:
    spoilt: Any = release()
    node = spoilt
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert text_of(render(spoilt, NOW))
    assert text_of(table_of([spoilt], False, NOW))
    assert line(spoilt, NOW)
    assert changes(spoilt)
    assert ended(spoilt) in (True, False, None)


def test_it_says_what_became_of_the_hope_and_what_is_watched() -> None:
    hoped = release()
    hoped["status"]["hypothesis"] = {"verdict": "Reached", "message": "reached: 20 % better"}
    hoped["status"]["watch"] = {"signals": [{"name": "drift", "type": "Drift", "verdict": "Fail"}]}
    shown = text_of(render(hoped, NOW))
    assert row_of(shown, "Hypothesis") == "Hypothesis Reached reached: 20 % better"
    assert "Watched since the promotion" in shown
    assert "Fail" in row_of(shown, "drift")
    assert "Hypothesis" not in text_of(render(release(), NOW))


@pytest.mark.parametrize("value", [1.2, 5.0, 21.0])
def test_it_says_what_the_comparisons_weigh(value: float) -> None:
    compared = release()
    signals = [{"name": "errors", "value": 2 * value}, {"name": "p99", "value": 0.5}]
    compared["status"]["evidence"] = {"value": value, "limit": 20, "signals": signals}
    shown = text_of(render(compared, NOW))
    said = f"Evidence {value:g} of 20 that the candidate is worse than the incumbent"
    assert row_of(shown, "Evidence") == said
    assert f"errors {2 * value:g}, p99 0.5" in shown
    compared["status"]["evidence"]["signals"] = []
    assert "Evidence" not in text_of(render(compared, NOW))
