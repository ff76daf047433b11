"""What must hold after every tick and at every write, whatever happens in whatever order."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Reason
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.engine.weights import SplitRule, split_rules
from surefoot.engine.world import BackendWeight, Route
from surefoot.ports import ConflictError, TransientError
from surefoot.reconcile import Report, reconcile
from surefoot.stats.measures import Counts
from tests.scenarios.world import (
    KEY,
    CrashError,
    World,
    arms,
    candidate,
    errors,
    given_route,
    spec,
    workload,
)

VERSIONS = ("41", "42", "43")
NAMES = tuple(f"fraud-v{version}" for version in VERSIONS)
LADDERS = ((10, 25, 50), (50,), (5, 40, 60, 100), (1, 2), (100,), (30, 20))


def ladder(weights: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"weight": weight, "hold": "20s"} for weight in weights]


class WatchedWorld(World):
    """A world that looks at each of the operator's writes as it is made."""

    def wrote(self, kind: str) -> None:
        if kind == "route":
            for split in splits_of(self):
                assert split.percent <= self.known.traffic.intended, "above the persisted intent"
                assert split.pool == 0 or split.incumbent.weight + split.candidate.weight > 0
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


class Story(RuleBasedStateMachine):
    """Anything that people, pods, Prometheus and clocks do to a release, between ticks."""

    @initialize(
        managed=st.booleans(),
        others=st.booleans(),
        weights=st.sampled_from(LADDERS[:-1]),
        consecutive=st.integers(1, 3),
        on_no_data=st.sampled_from(["Hold", "Revert"]),
    )
    def begin(
        self,
        managed: bool,
        others: bool,
        weights: tuple[int, ...],
        consecutive: int,
        on_no_data: str,
    ) -> None:
        signals = [
            errors(threshold={"consecutive": consecutive}),
            errors("watched", onBreach="Observe"),
            errors("held", onBreach="Hold"),
        ]
        body = spec(steps=ladder(weights), signals=signals, bake="20s", onNoData=on_no_data)
        if not managed:
            body["traffic"] = given_route()
        self.world = WatchedWorld(spec=body, **arms(*NAMES))
        self.rules_of_route = given_rules(others)
        self.managed, self.hurried = managed, False
        if not managed:
            self.world.routes["fraud"] = Route("fraud", 1, False, self.rules_of_route)

    # ---- time

    @invariant()
    def time_goes_on(self) -> None:
        self.world.now += timedelta(seconds=0 if self.hurried else 10)
        if not self.hurried:
            self.tick()
        self.hurried = False

    @rule()
    def the_next_thing_comes_before_a_tick(self) -> None:
        self.hurried = True

    @rule(ticks=st.sampled_from([12, 4, 1]))
    def all_is_well_for_a_while(self, ticks: int) -> None:
        world = self.world
        world.measures.clear()
        world.trouble, world.sampled, world.accepts, world.api_down = None, None, True, False
        world.workloads |= {n: workload(n) for n in NAMES if n not in world.workloads}
        world.services = dict.fromkeys(NAMES, (80,))
        for name, pods in world.workloads.items():
            world.workloads[name] = replace(pods, available=2, replicas=2, settled=True)
        for _ in range(ticks):
            world.now += timedelta(seconds=10)
            self.tick()

    @rule(seconds=st.sampled_from([-3600, -20, 300, 7200]))
    def the_clock_jumps(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)

    # ---- Prometheus

    @rule(
        name=st.sampled_from(["errors", "watched", "held"]),
        bad=st.sampled_from([0, 0, 0, 49, 51, 500]),
        total=st.sampled_from([1000, 1000, 1000, 5, 0]),
    )
    def the_candidate_reads(self, name: str, bad: int, total: int) -> None:
        self.world.measures[(name, "candidate")] = Counts(min(bad, total), total)

    @rule(kind=st.sampled_from([None, None, *ProblemKind]))
    def prometheus_has_trouble(self, kind: ProblemKind | None) -> None:
        self.world.trouble = Problem(kind, f"Prometheus: {kind}") if kind else None

    @rule(stuck=st.booleans())
    def the_newest_sample_stays(self, stuck: bool) -> None:
        self.world.sampled = self.world.now if stuck else None

    # ---- pods and Services

    @rule(name=st.sampled_from(NAMES), available=st.sampled_from([2, 2, 2, 1, 0]))
    def pods_come_and_go(self, name: str, available: int) -> None:
        self.world.workloads[name] = workload(name, available=available)

    @rule(name=st.sampled_from(NAMES))
    def a_deployment_is_deleted(self, name: str) -> None:
        self.world.workloads.pop(name, None)

    @rule(name=st.sampled_from(NAMES), image=st.sampled_from(["", "rebuilt"]))
    def a_deployment_is_rolled(self, name: str, image: str) -> None:
        self.world.workloads[name] = workload(name, image=image)

    @rule(name=st.sampled_from(NAMES), there=st.sampled_from([True, True, False]))
    def a_service_comes_and_goes(self, name: str, there: bool) -> None:
        self.world.services.pop(name, None)
        if there:
            self.world.services[name] = (80,)

    # ---- the route

    @precondition(lambda self: self.world.status.get("release") and "fraud" in self.world.routes)
    @rule(percent=st.integers(0, 100))
    def someone_edits_the_weights(self, percent: int) -> None:
        self.world.edit_weight(percent)

    @rule(accepts=st.sampled_from([True, True, False, None]))
    def the_gateway_judges(self, accepts: bool | None) -> None:
        self.world.accepts = accepts

    @rule()
    def the_route_is_deleted(self) -> None:
        self.world.routes.pop("fraud", None)
        if not self.managed:
            self.world.now += timedelta(seconds=10)
            self.tick()
            self.world.routes["fraud"] = Route("fraud", 50, False, self.rules_of_route)

    # ---- people

    @rule(version=st.sampled_from(VERSIONS), asserted=st.booleans())
    def git_points_at(self, version: str, asserted: bool) -> None:
        other = {"workloadRef": {"name": NAMES[0]}} if asserted and version != "41" else None
        self.world.apply(candidate=candidate(version), incumbent=other)

    @precondition(lambda self: intended(self.world.known))
    @rule(weights=st.sampled_from(LADDERS))
    def git_changes_the_steps(self, weights: tuple[int, ...]) -> None:
        self.world.apply(steps=ladder(weights))

    @rule(suspend=st.sampled_from([False, False, True]))
    def git_suspends(self, suspend: bool) -> None:
        self.world.apply(suspend=suspend)

    @rule(kind=st.sampled_from(["Abort", "Pause", "Resume", "Resume", "Retry", "Retry"]))
    def someone_acts(self, kind: str) -> None:
        self.world.act(kind)

    # ---- the operator and its API server

    @rule(after=st.integers(1, 4))
    def the_operator_will_crash(self, after: int) -> None:
        self.world.crash_after = after

    @rule(down=st.sampled_from([True, False, False]))
    def route_writes_fail(self, down: bool) -> None:
        self.world.api_down = down

    # ---- a tick, and what must hold after it

    def tick(self) -> None:
        """Reconcile until nothing is due at once."""
        settled: Report | None = None
        for _ in range(12):
            before, world = self.world.known, self.world
            settled = None
            try:
                settled = reconciled(world)
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
        if old != new and not promoted(after):
            assert after.decisions[-1] != (before.decisions or [None])[-1], "not recorded"
            assert after.decisions[-1].weight == new
        if new > old:
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
                assert split.candidate.weight == 0
            stands = status.step is not None and status.step.index >= 0
            if status.release.outcome is None and stands and reason is not Reason.BOTH_ARMS_BROKEN:
                pods = world.workloads.get(status.release.workload)
                assert pods is not None, "traffic for a Deployment that is gone"
                assert pods.available > 0, "traffic for no pod"

    def teardown(self) -> None:
        """However it stands: deleted, it leaves all of the traffic with an incumbent that serves."""
        world = getattr(self, "world", None)
        if world is None or not world.status or world.spec.get("suspend"):
            return
        world.crash_after, world.api_down, world.deleted = None, False, True
        before = splits_of(world)
        for _ in range(3):
            reconciled(world)
        serving = world.known.incumbent
        pods = world.workloads.get(serving.workload) if serving else None
        served = serving is not None and 80 in world.services.get(serving.workload, ())
        if before and served and pods is not None and pods.available:
            assert [split.candidate.weight for split in splits_of(world)] == [0] * len(before)


def reconciled(world: World) -> Report:
    """One tick, without an event loop: ports in memory never wait."""
    tick = reconcile(KEY, world.ports, world.now)
    try:
        tick.send(None)
    except StopIteration as done:
        report: Report = done.value
        return report
    raise AssertionError("a port waited")


def promoted(status: ModelReleaseStatus) -> bool:
    return status.release is not None and status.release.outcome is Outcome.PROMOTED


def intended(status: ModelReleaseStatus) -> int:
    """What the candidate shall get; nothing once it has become the incumbent."""
    mine = status.release is not None and not promoted(status)
    return status.traffic.intended if status.traffic and mine else 0


TestStory = Story.TestCase
TestStory.settings = settings(
    max_examples=90,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
