"""`hack/fuzz`: what it makes can be made again, and what it looks for it finds."""

from random import Random

import pytest

from surefoot.api.spec import ModelReleaseSpec
from tests.fuzz.command import Found, chance, chunks, main, some, tell
from tests.fuzz.drive import sentence_faults
from tests.fuzz.making import Maker
from tests.fuzz.schema import faults, schema_of
from tests.fuzz.stories import recorded

pytestmark = pytest.mark.slow


def test_examples_are_the_same_for_the_same_seed() -> None:
    first, again = some(3, range(10)), some(3, range(10))
    assert first.kinds == again.kinds != some(4, range(10)).kinds
    assert first.failed == {}
    assert [list(numbers)[-1] for numbers in chunks(1001)] == [499, 999, 1000]
    assert chance(1, 2).random() == chance(1, 2).random() != chance(2, 1).random()


def test_a_failure_is_told_with_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tell(Found(20), 7, 1.0) == 0
    assert tell(Found(20, failed={4711: "KeyError: 'x'"}), 7, 1.0) == 1
    said = capsys.readouterr().out
    assert "hack/fuzz --seed 7 --only 4711" in said
    assert "20 examples from seed 7 in 1 s: 1 failed" in said


def test_one_example_is_driven_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--only", "1"], "usage") == 0
    with pytest.raises(SystemExit) as refused:
        main(["--examples", "0"], "usage")
    assert refused.value.code == 2


@pytest.mark.parametrize("kind", ["ModelRelease", "ReleaseClass", "ReleaseAction"])
def test_what_is_made_by_a_schema_is_sound_by_it(kind: str) -> None:
    for seed in range(50):
        assert list(faults(Maker(Random(seed)).value(schema_of(kind)), schema_of(kind))) == []


def test_the_recorded_statuses_are_sound_by_the_schema_and_of_many_phases() -> None:
    statuses = [s.of("ModelRelease")[0]["status"] for s in recorded()]
    schema = schema_of("ModelRelease", "status")
    assert [fault for status in statuses for fault in faults(status, schema)] == []
    assert {"Progressing", "Holding", "Baking", "Idle", "Reverted", "Paused"} <= {
        s["phase"] for s in statuses
    }


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("bake", 7, "is no string"),
        ("bake", "7 days", "does not match"),
        ("rollbackWindow", 11, "out of bounds"),
        ("rollbackWindow", 2**64, "more than 64 bits"),
        ("steps", [], "has 0 items"),
        ("onDelete", "Never", "is none of"),
        ("newerField", 1, "is unknown"),
        ("candidate", {}, "is missing"),
        ("summary", "x" * 1025, "has 1025 length"),
    ],
)
def test_what_is_not_sound_by_a_schema_is_found(field: str, value: object, said: str) -> None:
    spec = recorded()[0].of("ModelRelease")[0]["spec"]
    found = list(faults({**spec, field: value}, schema_of("ModelRelease")))
    assert any(said in fault for fault in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two\nlines",
        "cut off:",
        " blank ",
        "x" * 1025,
        "1 validation error for Spec",
        "\u202e42",
    ],
)
def test_what_is_no_sentence_is_found(text: str) -> None:
    assert list(sentence_faults(text, "it")) != []
    assert list(sentence_faults("spec.bake: 7 is not a duration", "it")) == []


def test_spoiling_leaves_what_was_given_alone() -> None:
    spec = recorded()[0].of("ModelRelease")[0]["spec"]
    before = ModelReleaseSpec.model_validate(spec).as_written()
    made = [Maker(Random(seed)).spoiled(spec, 5) for seed in range(200)]
    assert ModelReleaseSpec.model_validate(spec).as_written() == before
    assert sum(each != spec for each in made) > 150
