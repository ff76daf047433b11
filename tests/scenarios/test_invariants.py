"""What must hold after every tick and at every write, whatever happens in whatever order."""

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Reason
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.engine.recovery import open_record
from surefoot.engine.weights import SplitRule, split_rules
from surefoot.engine.world import BackendWeight, Record, Route
from surefoot.ports import ConflictError, TransientError
from surefoot.reconcile import Report
from surefoot.stats.measures import Counts
from tests.scenarios.memory import KEY, CrashError
from tests.scenarios.specs import candidate, errors, given_route, spec, workload
from tests.scenarios.world import World, arms

VERSIONS = ("41", "42", "43")
NAMES = tuple(f"fraud-v{version}" for version in VERSIONS)
STORIES, LENGTH = 40, 30
LADDERS = ((10, 25, 50), (50,), (5, 40, 60, 100), (1, 2), (100,), (30, 20))


def ladder(weights: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"weight": weight, "hold": "20s"} for weight in weights]


class WatchedWorld(World):
    """A world that looks at each of the operator's writes as it is made."""

    percent = 0.0

    def wrote(self, kind: str) -> None:
        if kind == "route":
            for split in splits_of(self):
                opened = any("end" not in record for record in self.records.values())
                assert opened or split.percent <= self.percent, "a weight went up without a record"
                assert split.percent <= self.known.traffic.intended, "above the persisted intent"
                assert split.pool == 0 or split.both > 0
        self.percent = max((split.percent for split in splits_of(self)), default=0.0)
        if kind == "status":
            json.dumps(self.status, allow_nan=False)
        super().wrote(kind)

    @property
    def known(self) -> ModelReleaseStatus:
        return ModelReleaseStatus.model_validate(self.status)


def splits_of(world: World) -> list[SplitRule]:
    """The rules of the route that list both arms of a release that was not promoted."""
    status = ModelReleaseStatus.model_validate(world.status)
    release, traffic = status.release, status.traffic
    if release is None or traffic is None or status.incumbent is None:
        return []
    route = world.routes.get(traffic.route.name)
    if route is None or promoted(status):
        return []
    return split_rules(route, status.incumbent.backend, release.backend)


def given_rules(others: bool) -> tuple[tuple[BackendWeight, ...], ...]:
    """A rule with all versions, v41 serving, and perhaps one more that has another backend too."""
    rule = tuple(BackendWeight(name, 80, 100 if name == NAMES[0] else 0) for name in NAMES)
    if not others:
        return (rule,)
    shared = tuple(replace(b, weight=60 if b.weight else 0) for b in rule)
    return rule, (*shared, BackendWeight("other", 80, 40))


class Story:
    """Anything that people, pods, Prometheus and clocks do to a release, between ticks.

    What happens, and how, is chosen by the seed alone: a story that fails can be told again.
    """

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.managed, self.told = self.either(True, False), [f"seed {seed}"]
        signals = [
            errors(threshold={"consecutive": self.either(1, 2, 3)}),
            errors("watched", onBreach="Observe"),
            errors("held", onBreach="Hold"),
        ]
        on_no_data, steps = self.either("Hold", "Revert"), ladder(self.either(*LADDERS[:-1]))
        body = spec(steps=steps, signals=signals, bake="20s", onNoData=on_no_data)
        if not self.managed:
            body["traffic"] = given_route()
        self.world = WatchedWorld(spec=body, **arms(*NAMES))
        self.rules_of_route = given_rules(self.either(True, False))
        if not self.managed:
            self.world.routes["fraud"] = Route("fraud", 1, None, self.rules_of_route)

    def either(self, *these: Any) -> Any:
        return self.chance.choice(these)

    def goes_on(self, length: int) -> None:
        """Things happen, and now and then all is well again and another release is asked for."""
        for _ in range(length):
            well = self.chance.random() < 0.3
            happens = Story.all_is_well if well else self.either(*HAPPENINGS)
            self.told.append(happens.__name__)
            happens(self)
            self.time_passes(self.either(0, 1, 1, 3, 5))
        self.ends()

    # ---- time

    def time_passes(self, ticks: int) -> None:
        for _ in range(ticks):
            self.world.now += timedelta(seconds=10)
            self.tick()

    def all_is_well(self) -> None:
        world = self.world
        world.measures.clear()
        world.trouble, world.sampled, world.accepts, world.api_down = None, None, True, False
        world.services = dict.fromkeys(NAMES, (80,))
        world.workloads |= {name: workload(name) for name in NAMES if name not in world.workloads}
        for name, pods in world.workloads.items():
            world.workloads[name] = replace(pods, available=2, replicas=2, settled=True)
        if world.spec.get("suspend"):
            world.apply(suspend=False)
        if not intended(world.known):
            self.git_points_at()
            world.act("Retry")
        self.time_passes(self.either(1, 2, 4, 8))

    def the_clock_jumps(self) -> None:
        self.world.now += timedelta(seconds=self.either(-3600, -20, 300, 7200))

    # ---- Prometheus

    def the_candidate_reads(self) -> None:
        total = self.either(1000, 1000, 1000, 5, 0)
        bad = min(self.either(0, 49, 51, 500), total)
        self.world.measures[(self.either("errors", "watched", "held"), "candidate")] = Counts(
            bad, total
        )

    def prometheus_has_trouble(self) -> None:
        kind = self.either(*ProblemKind)
        self.world.trouble = Problem(kind, f"Prometheus: {kind}")

    def the_newest_sample_stays(self) -> None:
        self.world.sampled = self.world.now

    # ---- pods and Services

    def pods_come_and_go(self) -> None:
        name = self.either(*NAMES)
        self.world.workloads[name] = workload(name, available=self.either(0, 1, 2))

    def a_deployment_is_deleted(self) -> None:
        self.world.workloads.pop(self.either(*NAMES), None)

    def a_deployment_is_rolled(self) -> None:
        name = self.either(*NAMES)
        self.world.workloads[name] = workload(name, image=self.either("", "rebuilt"))

    def a_service_goes(self) -> None:
        self.world.services.pop(self.either(*NAMES), None)

    # ---- the route

    def someone_edits_the_weights(self) -> None:
        if self.world.status.get("release") and "fraud" in self.world.routes:
            self.world.edit_weight(self.either(0, 1, 5, 30, 60, 100))

    def the_gateway_judges(self) -> None:
        self.world.accepts = self.either(False, None)

    def the_route_is_deleted(self) -> None:
        self.world.routes.pop("fraud", None)
        if not self.managed:
            self.world.now += timedelta(seconds=10)
            self.tick()
            self.world.routes["fraud"] = Route("fraud", 50, None, self.rules_of_route)

    # ---- people

    def git_points_at(self) -> None:
        version = self.either(*VERSIONS)
        asserted = version != "41" and self.either(True, False)
        other = {"workloadRef": {"name": NAMES[0]}} if asserted else None
        self.world.apply(candidate=candidate(version), incumbent=other)

    def git_changes_the_steps(self) -> None:
        self.world.apply(steps=ladder(self.either(*LADDERS)))

    def git_suspends(self) -> None:
        self.world.apply(suspend=self.either(True, False, False))

    def someone_acts(self) -> None:
        self.world.act(self.either("Abort", "Pause", "Resume", "Resume", "Retry", "Retry"))

    def git_queues(self) -> None:
        self.world.apply(onNewCandidate=self.either("Queue", "Supersede"))

    def someone_deletes_a_record(self) -> None:
        if self.world.records:
            self.world.records.pop(self.either(*self.world.records))

    def the_status_is_lost(self) -> None:
        """Deleted and applied anew while the operator is down, or restored without its status."""
        world = self.world
        under_way = open_record(records_of(world))
        world.crash_after = None
        world.applied_anew(self.either("uid-fraud", "uid-new"))
        self.tick()
        serving = world.known.incumbent
        if under_way is not None and serving is not None:
            assert serving.workload == under_way.incumbent.workload, "not what it goes back to"

    # ---- the operator and its API server

    def the_operator_will_crash(self) -> None:
        self.world.crash_after = self.either(1, 2, 3, 4)

    def route_writes_fail(self) -> None:
        self.world.api_down = True

    # ---- a tick, and what must hold after it

    def tick(self) -> None:
        """Reconcile until nothing is due at once."""
        settled: Report | None = None
        for _ in range(12):
            before, world = self.world.known, self.world
            settled = None
            try:
                settled = world.reconcile()
            except (ConflictError, TransientError):
                pass
            except CrashError:
                world.metrics.last, world.metrics.running = None, False
            self.intent_moved_soundly(before, world.known)
            if settled and settled.requeue and not world.metrics.running:
                break
        if settled is not None and settled.decision is not None:
            self.the_route_obeys(settled.decision.reason)

    def intent_moved_soundly(self, before: ModelReleaseStatus, after: ModelReleaseStatus) -> None:
        old, new = intended(before), intended(after)
        if before.incumbent is None and self.world.spec.get("suspend"):
            return  # a lost status was made anew, and nothing was decided
        if old != new and not promoted(after):
            assert after.decisions[-1] != (before.decisions or [None])[-1], "not recorded"
            assert after.decisions[-1].weight == new
        if new > old and before.incumbent is not None:
            self.a_step_up_is_earned(before, after)
        if before.incumbent and after.incumbent != before.incumbent:
            self.the_incumbent_changed_soundly(before, after)

    def a_step_up_is_earned(self, before: ModelReleaseStatus, after: ModelReleaseStatus) -> None:
        release = after.release
        assert release is not None
        assert release.outcome is None
        assert after.hold is None
        pods = self.world.workloads[release.workload]
        assert pods.settled, "a step up onto pods that are not there"
        if release.rollback:
            assert intended(after) == 100
            return
        rungs = [step["weight"] for step in release.accepted_spec["steps"]]
        assert intended(after) == min(w for w in [*rungs, 100] if w > intended(before)), "skipped"
        assert after.last_evaluated_time == self.world.now, "a step up on old answers"
        gating = {s.name: s.verdict for s in after.signals if s.name != "watched"}
        assert gating.keys() == {"errors", "held"}
        assert set(gating.values()) <= {"Pass", "NotDue"}, gating

    def the_incumbent_changed_soundly(
        self, before: ModelReleaseStatus, after: ModelReleaseStatus
    ) -> None:
        assert after.incumbent is not None
        assert before.incumbent is not None
        if after.incumbent.workload == before.incumbent.workload:
            return
        assert promoted(after)
        assert intended(before) == 100
        route = self.world.routes["fraud"]
        rules = split_rules(route, before.incumbent.backend, after.incumbent.backend)
        assert [split.percent for split in rules] == [100.0] * len(rules), "promoted below 100 %"

    def the_route_obeys(self, reason: Reason) -> None:
        """After a tick in which everything worked, the candidate has no more than it may have."""
        status, world = self.world.known, self.world
        if world.api_down or reason in (Reason.WEIGHT_FIGHT, Reason.SUSPENDED):
            return
        for split in splits_of(world):
            assert status.release is not None
            assert status.traffic is not None
            if reason is not Reason.BOTH_ARMS_BROKEN:
                assert split.percent <= status.traffic.intended
            if status.release.outcome is Outcome.REVERTED:
                assert split.candidate_weight == 0
            stands = status.step is not None and status.step.index >= 0
            if status.release.outcome is None and stands and reason is not Reason.BOTH_ARMS_BROKEN:
                pods = world.workloads.get(status.release.workload)
                assert pods is not None, "traffic for a Deployment that is gone"
                assert pods.available > 0, "traffic for no pod"

    def ends(self) -> None:
        """However it stands: deleted, it leaves all of the traffic with an incumbent that serves."""
        world = self.world
        if not world.status or world.spec.get("suspend"):
            return
        world.crash_after, world.api_down, world.deleted = None, False, True
        before = splits_of(world)
        under_way = open_record(records_of(world))
        # Whether someone sees it go or not: what is under way has an open record.
        world.unseen = under_way is not None and self.either(True, False)
        for _ in range(3):
            world.reconcile()
        serving = world.known.incumbent
        pods = world.workloads.get(serving.workload) if serving else None
        served = serving is not None and 80 in world.services.get(serving.workload, ())
        if before and served and pods is not None and pods.available:
            assert [split.candidate_weight for split in splits_of(world)] == [0] * len(before)


def records_of(world: World) -> tuple[Record, ...]:
    return world.ports.records.known(KEY)


def promoted(status: ModelReleaseStatus) -> bool:
    return status.release is not None and status.release.outcome is Outcome.PROMOTED


def intended(status: ModelReleaseStatus) -> int:
    """What the candidate shall get; nothing once it has become the incumbent."""
    mine = status.release is not None and not promoted(status)
    return status.traffic.intended if status.traffic and mine else 0


HAPPENINGS = (
    Story.the_clock_jumps,
    Story.git_changes_the_steps,
    Story.the_candidate_reads,
    Story.prometheus_has_trouble,
    Story.the_newest_sample_stays,
    Story.pods_come_and_go,
    Story.a_deployment_is_deleted,
    Story.a_deployment_is_rolled,
    Story.a_service_goes,
    Story.someone_edits_the_weights,
    Story.the_gateway_judges,
    Story.the_route_is_deleted,
    Story.git_points_at,
    Story.git_changes_the_steps,
    Story.git_suspends,
    Story.someone_acts,
    Story.git_queues,
    Story.someone_deletes_a_record,
    Story.the_status_is_lost,
    Story.the_operator_will_crash,
    Story.route_writes_fail,
)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.simulation] if first else [pytest.mark.slow])
        for first in range(0, STORIES, 10)
    ],
)
def test_whatever_happens_the_promises_hold(first):
    for seed in range(first, first + 10):
        story = Story(seed)
        try:
            story.goes_on(LENGTH)
        except Exception as error:
            error.add_note(" → ".join(story.told))
            raise
