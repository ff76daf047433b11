"""A replay on series that are written down here: no Prometheus, the engine as it is."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from surefoot.adapters.prometheus.payload import Result, Series, Vector
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Phase
from surefoot.cli.backtest import Past, collecting, play, replay_of, splits_of, time_of
from surefoot.cli.backtest_picture import aa_sentence, as_json, minutes_of, notes
from surefoot.cli.halves import Halves, Shared, distinct, twin
from surefoot.cli.main import app
from surefoot.cli.problem import Problem
from surefoot.cli.releasefile import ReleaseFile
from surefoot.cli.replay import Replay
from surefoot.cli.shift_option import parse_shifts, with_shifts
from surefoot.engine.questions import Answer, ArmRef, Question, Reading
from surefoot.stats.measures import Counts
from tests.scenarios.specs import given_route
from tests.unit.planning.builders import (
    AUC,
    CALIBRATION,
    DRIFT,
    ERRORS,
    FAIRNESS,
    P99,
    limit,
    release,
)

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
V41, V42 = ArmRef("fraud-v41", "fraud-v41", 80), ArmRef("fraud-v42", "fraud-v42", 80)
SCRAPE = timedelta(seconds=15)
BOTH = {**ERRORS, "compare": {}, "threshold": limit("2m", 50)}
Rate = Mapping[str, tuple[float, float]]
"""By Service: requests and errors per second."""

HEALTHY: Rate = {"fraud-v41": (60.0, 0.6), "fraud-v42": (40.0, 0.4)}
BAD: Rate = {"fraud-v41": (60.0, 0.6), "fraud-v42": (40.0, 2.0)}


class Recorded:
    """Counters that rise evenly, told by one proxy or more; what a selector matches is given."""

    def __init__(self, rates: Rate, proxies: Sequence[str] = ("envoy-a", "envoy-b")) -> None:
        self.rates, self.proxies, self.asked = rates, proxies, 0

    async def __call__(self, query: str, at: float) -> Result:
        self.asked += 1
        if query.startswith("vector"):
            return Vector((1.0,))
        reach = float(query.rpartition("[")[2].rstrip("s]"))
        return tuple(
            self._series(metric, service, proxy, at, reach, rate, labels)
            for service, (requests, errors) in self.rates.items()
            for proxy in self.proxies
            for metric, rate, labels in (
                ("envoy_cluster_external_upstream_rq_completed", requests, {}),
                (
                    "envoy_cluster_external_upstream_rq_xx",
                    errors,
                    {"envoy_response_code_class": "5"},
                ),
            )
            if f"risk_{service}_80" in query
        )

    def _series(
        self, metric: str, service: str, proxy: str, at: float, reach: float, rate: float,
        labels: Mapping[str, str],
    ) -> Series:  # fmt: skip
        first = int((at - reach) // 15 + 1) * 15
        times = range(first, int(at) + 1, 15)
        each = rate / len(self.proxies)
        samples = tuple((float(t), round(each * (t - START.timestamp() + 9000))) for t in times)
        name = {"__name__": metric, "envoy_cluster_name": f"risk_{service}_80"}
        return Series({**name, "pod": proxy, "instance": f"{proxy}:8002", **labels}, samples)


def past(
    *signals: dict[str, Any], minutes: float = 90, shift: Sequence[str] = (), **changes: Any
) -> Past:
    spec = release(*signals, **changes)
    file = ReleaseFile("fraud", "risk", spec)
    end = START + timedelta(minutes=minutes)
    return Past(file, "risk", V41, V42, START, end, parse_shifts(shift, spec))


def replayed(which: Past, ask: Recorded) -> Replay:
    made = replay_of(
        which, which.release.spec, which.candidate,
        collecting(ask, SCRAPE, which.shifts),
    )  # fmt: skip
    asyncio.run(play([made], which, lambda text: None))
    return made


@pytest.mark.parametrize("traffic", [{}, {"traffic": given_route()}], ids=["managed", "given"])
def test_a_healthy_past_is_promoted_on_the_schedule_of_the_plan(traffic: dict[str, Any]) -> None:
    which = past(BOTH, **traffic)
    found = replayed(which, Recorded(HEALTHY))
    assert found.outcome is Outcome.PROMOTED
    decisions = [(d.reason.value, d.weight) for m in found.moments for d in m.taken]
    assert decisions[:2] == [("Adopted", 0), ("Started", 0)]
    assert [weight for reason, weight in decisions if reason == "StepReached"] == [5, 25, 50, 100]
    lasted = found.moments[-1].time - START
    assert timedelta(minutes=40) <= lasted <= timedelta(minutes=43)
    assert found.route is not None
    assert [b.weight for b in found.route.rules[0] if b.name == "fraud-v42"] == [100]


def test_errors_that_were_recorded_revert_it() -> None:
    found = replayed(past({**ERRORS, "compare": {}}), Recorded(BAD))
    assert found.outcome is Outcome.REVERTED
    assert found.moments[-1].taken[-1].reason == "Regression"
    assert found.route is not None
    assert [b.weight for b in found.route.rules[0] if b.name == "fraud-v42"] == [0]


def test_a_shift_reverts_what_was_healthy_and_only_touches_the_candidate() -> None:
    which = past({**ERRORS, "compare": {}}, shift=["errors=5x"])
    found = replayed(which, Recorded(HEALTHY))
    assert found.outcome is Outcome.REVERTED
    (signal,) = found.moments[-2].status.signals
    assert signal.value == pytest.approx(0.05, rel=0.1)
    assert signal.incumbent_value == pytest.approx(0.01, rel=0.1)


def test_minutes_say_when_the_recorded_traffic_was_not_the_plans() -> None:
    which = past(BOTH)
    found = replayed(which, Recorded(HEALTHY))
    minutes = minutes_of(found)
    assert [m.moment.time.minute for m in minutes] == list(range(len(minutes)))
    (first,) = [m for m in minutes if m.moment.time == START + timedelta(minutes=2, seconds=45)]
    assert first.moment.share == pytest.approx(0.4, abs=0.01)
    (note,) = notes(which, found, minutes)
    assert "had another share of the recorded traffic" in note
    assert "40 % where the plan says 5 %" in note
    json = as_json(which, found)
    assert json["outcome"] == "Promoted"
    assert len(json["minutes"]) == len(minutes)
    assert json["minutes"][2]["signals"][0]["verdict"] == "Pass"


def test_a_past_without_samples_says_so() -> None:
    which = past(BOTH, minutes=5)
    found = replayed(which, Recorded({}))
    assert found.outcome is None
    assert found.status is not None
    assert found.status.phase is Phase.PENDING
    (note,) = notes(which, found, minutes_of(found))
    assert "no requests of fraud-v41 in this time" in note


def test_a_past_that_is_over_too_early_says_so() -> None:
    exact: Rate = {"fraud-v41": (95.0, 0.9), "fraud-v42": (5.0, 0.05)}
    which = past(BOTH, minutes=5)
    found = replayed(which, Recorded(exact))
    assert notes(which, found, minutes_of(found)) == [
        "The recorded time was over before the release was: choose a later --to."
    ]


def halves_played(which: Past, ask: Recorded, count: int) -> list[Any]:
    return asyncio.run(splits_of(which, count, ask, SCRAPE, lambda text: None))


@pytest.mark.simulation
def test_halves_of_a_healthy_incumbent_are_promoted_and_each_query_is_asked_once() -> None:
    which, ask = past(BOTH), Recorded({"fraud-v41": (100.0, 1.0)}, ["a", "b", "c", "d"])
    splits = halves_played(which, ask, 4)
    assert {s.replay.outcome for s in splits} == {Outcome.PROMOTED}
    assert len(splits) > 1
    assert "0 of" in aa_sentence(which, splits)
    alone, one = past(BOTH), Recorded({"fraud-v41": (100.0, 1.0)}, ["a", "b", "c", "d"])
    halves_played(alone, one, 1)
    assert ask.asked == one.asked


def test_halves_made_worse_are_reverted() -> None:
    which = past({**ERRORS, "compare": {}}, shift=["errors=5x"])
    splits = halves_played(which, Recorded({"fraud-v41": (100.0, 1.0)}), 3)
    assert {s.replay.outcome for s in splits} == {Outcome.REVERTED}
    assert "releases that were made worse would have been reverted" in aa_sentence(which, splits)


def test_one_pod_cannot_be_split() -> None:
    with pytest.raises(Problem, match=r"envoy-a alone exports .*: an A/A split needs two pods"):
        halves_played(past(BOTH, minutes=3), Recorded(HEALTHY, ["envoy-a"]), 2)


def test_queries_of_ones_own_cannot_be_split() -> None:
    query = {"name": "q", "type": "PromQL", "query": "up", "threshold": {"max": 1, "window": "1m"}}
    with pytest.raises(Problem, match="cannot be split by pod"):
        halves_played(past(query), Recorded(HEALTHY), 2)


def pods(*names: str) -> tuple[Series, ...]:
    return tuple(Series({"__name__": "m", "pod": n, "job": "j"}, ((1.0, 1.0),)) for n in names)


def test_pods_are_dealt_evenly_and_stay_where_they_are() -> None:
    halves = Halves(V41, 7)
    names = [f"fraud-v41-abc-{i}" for i in range(6)]
    first = halves.split(pods(*names[:4]))
    second = halves.split(pods(*names))
    moved = [s.labels["pod"] for s in second if s.labels["pod"].startswith("aa-")]
    assert len(moved) == 3
    assert [s.labels["pod"] for s in first] == [s.labels["pod"] for s in second[:4]]
    assert twin(V41).workload == "aa-fraud-v41"
    assert halves.lonely is None
    assert len(distinct({seed: _dealt(seed, names[:2]) for seed in range(20)})) == 2


def _dealt(seed: int, names: Sequence[str]) -> Halves:
    halves = Halves(V41, seed)
    halves.split(pods(*names))
    return halves


def test_only_names_of_the_incumbent_are_changed() -> None:
    halves = Halves(ArmRef("w", "svc", 80), 0)
    both = tuple(
        Series({"__name__": "m", "pod": pod, "namespace": "svc", "c": "risk_svc_80"}, ())
        for pod in ("x", "y")
    )
    (moved,) = [s for s in halves.split(both) if s.labels["c"] != "risk_svc_80"]
    assert moved.labels["c"] == "risk_aa-svc_80"
    assert moved.labels["namespace"] == "svc"


async def test_what_is_no_series_is_left_alone_and_the_same_is_asked_once() -> None:
    ask = Recorded({})
    shared = Shared(ask)
    assert await Halves(V41, 1).over(shared)("vector(1)", 5.0) == Vector((1.0,))
    await shared("vector(1)", 5.0)
    assert ask.asked == 1
    await shared("vector(1)", 6.0)
    assert ask.asked == 2


SIGNALS = [
    {**ERRORS, "threshold": limit()},
    {**P99, "threshold": limit()},
    {**DRIFT, "threshold": limit()},
    {**CALIBRATION, "threshold": limit(min=0.9)},
    {**AUC, "threshold": limit(min=0.6)},
    {**FAIRNESS, "threshold": limit(min=0.8)},
    {"name": "fresh", "type": "DataQuality", "source": {"preset": "model-server"}, "maxAge": "5m"},
]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("errors=2x", 1.0), ("ErrorRate=+50%", 0.5), ("p99=+20%", 0.2), ("drift=0.25", 0.25),
        ("calibration=-0.05", -0.05), ("auc=.25", 0.25), ("fairness=-30%", 0.3),
        ("fairness=0.7x", pytest.approx(0.3)),
    ],
)  # fmt: skip
def test_a_shift_has_a_size(text: str, size: float) -> None:
    assert list(parse_shifts([text], release(*SIGNALS)).values()) == [size]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("errors", "write SIGNAL=AMOUNT, with a signal of the release: errors, p99"),
        ("what=2x", "write SIGNAL=AMOUNT"),
        ("errors=2", "errors (ErrorRate) takes a factor or a percentage: 2x, +20%"),
        ("errors=-100%", "takes a factor or a percentage"),
        ("errors=twice", "takes a factor or a percentage"),
        ("drift=2x", "takes a PSI: 0.25"),
        ("drift=-0.2", "takes a PSI: 0.25"),
        ("calibration=2x", "takes a gap between outcomes and scores"),
        ("fairness=+30%", "how much lower the lowest group's rate is"),
        ("fresh=2x", "cannot be shifted"),
    ],
)
def test_a_shift_that_makes_no_sense_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(Problem, match=r"--shift") as raised:
        parse_shifts([text], release(*SIGNALS))
    assert said in str(raised.value)


def test_answers_without_a_measure_are_not_shifted() -> None:
    signal = release({**ERRORS, "threshold": limit()}).signals[0]
    question = Question(signal, "risk", V42, V41, START)
    none = Answer(Reading(), Reading(Counts(1, 9)))
    assert with_shifts({"errors": none}, [question], {"errors": 1.0}) == {"errors": none}
    assert with_shifts({}, [question], {"errors": 1.0}) == {}
    some = Answer(Reading(Counts(1, 9)), Reading(Counts(1, 9)))
    shifted = with_shifts({"errors": some}, [question], {"errors": 1.0})["errors"]
    assert (shifted.candidate.measure, shifted.incumbent.measure) == (Counts(2, 9), Counts(1, 9))


def test_times_are_given_or_so_long_ago() -> None:
    assert time_of("3h", START, "--from") == START - timedelta(hours=3)
    assert time_of("2026-01-05T09:00:00Z", START, "--from") == START
    assert time_of("2026-01-05T09:00", START, "--from") == START
    with pytest.raises(Problem, match=r"--to 'soon' is no time: write 2026"):
        time_of("soon", START, "--to")


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    from tests.unit.cli.test_plan import ERRORS_BOTH, written

    file = written(tmp_path, ERRORS_BOTH)
    address = ("--prometheus", "http://127.0.0.1:9")
    for arguments, said in (
        (("--from", "1h", "--to", "2h"), "--from must be before --to"),
        (("--from", "90d", "--to", "1d"), "spans more than 60d"),
        (("--from", "1h", "--incumbent", "fraud-v42:80"), "fraud-v42 is the candidate itself"),
        (("--from", "1h"), "Cannot ask Prometheus at http://127.0.0.1:9"),
    ):
        found = CliRunner().invoke(app, ["backtest", "-f", file, *arguments, *address])
        assert (found.exit_code, found.output.count("\n")) == (1, 1), found.output
        assert said in found.output


def test_a_replay_begins_with_nothing() -> None:
    which = past(BOTH)
    made = replay_of(which, which.release.spec, V42, collecting(Recorded({}), SCRAPE, {}))
    assert made.outcome is None
    assert not made.ended
    assert isinstance(asyncio.run(made.step(START)).status, ModelReleaseStatus)
