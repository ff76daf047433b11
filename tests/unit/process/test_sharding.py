"""Shards: every release belongs to exactly one, and few move when there is one more."""

import pytest

from surefoot.ports import Key
from surefoot.sharding import MOST_SHARDS, Shard

KEYS = [Key(f"team-{n % 40}", f"model-{n}") for n in range(4_000)]


def owners(key: Key, count: int) -> list[int]:
    return [index for index in range(count) if Shard(index, count).owns(key)]


def owner(key: Key, count: int) -> int:
    (found,) = owners(key, count)
    return found


def test_without_shards_every_release_is_ones_own() -> None:
    assert all(Shard().owns(key) for key in KEYS)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_every_release_belongs_to_one_shard_and_each_has_about_its_share(count: int) -> None:
    shares = [0] * count
    for key in KEYS:
        shares[owner(key, count)] += 1
    share = len(KEYS) / count
    # Five standard deviations of a fair draw.
    assert all(abs(each - share) < 5 * (share * (1 - 1 / count)) ** 0.5 for each in shares)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_one_shard_more_takes_its_share_and_nothing_else_moves(count: int) -> None:
    moved = [key for key in KEYS if owner(key, count) != owner(key, count + 1)]
    assert {owner(key, count + 1) for key in moved} == {count}
    share = len(KEYS) / (count + 1)
    assert abs(len(moved) - share) < 5 * (share * (1 - 1 / (count + 1))) ** 0.5


def test_the_owner_is_the_same_in_every_version() -> None:
    names = ("fraud", "churn", "ads-ranking", "credit", "query", "eta")
    assert [owner(Key("risk", name), 3) for name in names] == [0, 0, 0, 2, 1, 2]


def test_a_release_of_the_same_name_elsewhere_is_another_one() -> None:
    assert len({owner(Key(f"team-{n}", "fraud"), 2) for n in range(40)}) == 2


@pytest.mark.parametrize("text", ["0/1", "1/2", f"{MOST_SHARDS - 1}/{MOST_SHARDS}"])
def test_a_share_is_read_as_it_is_written(text: str) -> None:
    assert str(Shard.of(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1", "2/2", "-1/2", "0/0", "1/2/3", " 0/2", "0/33", "a/b", "٠/٢"]
)
def test_what_is_no_share_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="must be I/N with I from 0 to N-1"):
        Shard.of(text)
