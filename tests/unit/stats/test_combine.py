"""The common budget: shares, rulings, restarts and promotion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.combine import (
    Ruling,
    Term,
    even_shares,
    joined_shares,
    judge,
    lacking,
    promotable,
    restarted_share,
)


def test_even_shares_are_at_most_the_whole() -> None:
    shares = even_shares(["a", "b", "c"])
    assert list(shares) == ["a", "b", "c"]
    assert 0.99999 < sum(shares.values()) <= 1
    assert even_shares([]) == {}


@pytest.mark.parametrize(
    ("values", "ruling"),
    [
        ((1.0, 1.0), Ruling.CONTINUE),
        ((8.0, 0.5), Ruling.CONTINUE),
        ((8.9, 0.05), Ruling.HOLD),
        ((38.0, 1.0), Ruling.HOLD),
        ((39.0, 1.0), Ruling.REVERT),
    ],
)
def test_the_sum_holds_at_the_root_and_reverts_at_the_limit(
    values: tuple[float, float], ruling: Ruling
) -> None:
    found = judge([Term("errors", 0.5, values[0]), Term("drift", 0.5, values[1])], 0.05)
    assert found.ruling is ruling
    assert found.limit == 20
    assert found.evidence == pytest.approx(sum(values) / 2)


def test_the_largest_term_is_named_and_not_the_largest_value() -> None:
    found = judge([Term("drift", 0.1, 30.0), Term("errors", 0.9, 20.0)], 0.05)
    assert found.leading == "errors"


def test_nothing_to_judge_rules_nothing() -> None:
    found = judge([], 0.05)
    assert (found.ruling, found.evidence, found.leading) == (Ruling.CONTINUE, 0, None)


@pytest.mark.parametrize("share", [0.6, -0.1])
def test_shares_are_parts_of_one_budget(share: float) -> None:
    with pytest.raises(ValueError, match="shares"):
        judge([Term("a", 0.6, 1.0), Term("b", share, 1.0)], 0.05)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_evidence_is_a_number(value: float) -> None:
    with pytest.raises(ValueError, match="evidence"):
        judge([Term("a", 1.0, value)], 0.05)


@given(st.floats(0, 1), st.lists(st.floats(0, 100), max_size=6))
def test_restarts_halve_the_share_and_never_raise_the_sum(
    share: float, values: list[float]
) -> None:
    for value in values:
        kept = restarted_share(share, value)
        assert kept <= share / 2
        assert kept <= share * value
        share = kept


def test_promotion_needs_every_gating_signal() -> None:
    assert promotable({"errors": 20.0, "latency": 25.0}, 0.05)
    assert lacking({"errors": 20.0, "latency": 19.9}, 0.05) == ("latency",)
    assert not promotable({"errors": 20.0, "latency": 19.9}, 0.05)
    assert not promotable({"errors": float("nan")}, 0.05)
    assert not promotable({}, 0.05)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e6)), max_size=6),
    st.integers(0, 4),
    st.floats(0, 1),
)
def test_who_joins_raises_neither_the_shares_nor_the_sum(
    known: list[tuple[float, float]], joining: int, spare: float
) -> None:
    whole = max(1.0, spare + sum(share for share, _ in known))
    spare /= whole
    terms = [Term(f"t{i}", share / whole, value) for i, (share, value) in enumerate(known)]
    names = [f"n{i}" for i in range(joining)]
    shares = joined_shares(terms, names, spare)
    assert set(shares) == {t.name for t in terms} | set(names)
    most = sum(t.share for t in terms) + spare
    assert sum(shares.values()) <= most * (1 + 1e-9)
    before = sum(t.evidence for t in terms) + spare
    after = sum(shares[t.name] * t.value for t in terms) + sum(shares[n] for n in names)
    assert after <= before * (1 + 1e-9) + 1e-12


def test_who_joins_gets_an_even_part_of_what_the_others_have() -> None:
    assert joined_shares([Term("a", 1.0, 1.0)], ["b"], 0.0) == {"a": 0.5, "b": 0.5}
    assert joined_shares([], ["b", "c"], 1.0) == {"b": 0.5, "c": 0.5}
    assert joined_shares([], [], 1.0) == {}
    assert joined_shares([Term("a", 0.4, 3.0)], [], 0.6) == {"a": 0.4}
    assert joined_shares([], ["b"], 0.25) == {"b": 0.25}
