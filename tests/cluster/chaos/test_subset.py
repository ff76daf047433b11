"""One group of ten stories for a kind of each sort, by fixed seeds; `hack/chaos --all` has the rest."""

import asyncio

import pytest

from tests.chaos.catalogue import KINDS
from tests.chaos.telling import group_of_seed, running, tell

SUBSET = (
    "api-lost-answers",
    "watch-reorders",
    "prometheus-errors",
    "gitops-weights",
    "leader-killed",
    "leader-asleep",
)


@pytest.fixture(scope="module")
def run():
    with running() as made:
        yield made


@pytest.mark.parametrize("name", SUBSET)
def test_every_story_ends_as_it_has_to_and_every_fault_strikes(run, name):
    results = asyncio.run(tell(run, KINDS[name], group_of_seed(0)))
    assert [f"{r.kind} seed {r.seed}: {r.said}" for r in results if not r.fine] == []
