"""What a tick brings up to date, it does in a copy: two looks at one observation see the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.engine.prepare import begin, finish
from surefoot.stats.measures import Counts
from tests.scenarios.specs import workload
from tests.unit.engine.builders import NOW, answer, idle, in_flight, observation


def all_at_once(status):
    """New samples, a route that just carries the weight, and pods that were restarted."""
    early = NOW - timedelta(minutes=5)
    if status.step is not None:
        status.step.verified_at, status.traffic.written = None, 0
        status.release.warmup_from, status.last_evaluated_time = early, early
    pods = {n: replace(workload(n), template_hash="another") for n in ("fraud-v41", "fraud-v42")}
    answers = {"errors": answer(Counts(1, 400), Counts(4, 3600))}
    return observation(status, workloads=pods, answers=answers)


@pytest.mark.parametrize("status", [in_flight(), in_flight(index=3, weight=100), idle()])
def test_the_status_that_was_read_stays_as_it_was(status):
    obs = all_at_once(status)
    before = status.model_copy(deep=True)
    first = finish(begin(obs), obs.answers)
    assert obs.status == before
    assert first.status != before
    assert finish(begin(obs), obs.answers).status == first.status
