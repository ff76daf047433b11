"""Gather once: every read of a tick, into one frozen observation."""

import logging
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from surefoot.api.base import Same, is_label
from surefoot.api.reference import BadReferenceError, bins_of
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.signal_status import FrozenBins
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.look import look
from surefoot.engine.planned import Planned, planned
from surefoot.engine.queued import queued
from surefoot.engine.recovery import arms_of, open_record, recovered
from surefoot.engine.tick import Tick, plan_of, source_of
from surefoot.engine.transitions import route_of
from surefoot.engine.world import Observation, Record, Route
from surefoot.ports import Key, Metrics, PortError, Ports, ReleaseObject

log = logging.getLogger(__name__)
_MOST_PLANS = 8192


async def observe(release: ReleaseObject, ports: Ports, now: datetime) -> tuple[Observation, Tick]:
    """The world as one tick sees it, and the tick as far as it has come. Raises PortError when the
    API server does not answer."""
    namespace, name = release.key
    planned = await _planned(release, ports)
    spec, problem = planned.spec, planned.problem
    if spec is not None and (unknown := _unknown_preset(spec, ports.metrics)):
        spec, problem = None, unknown
    records = await _records(release, ports)
    route_name = _route_name(release, records)
    route = await ports.traffic.route(namespace, route_name) if route_name else None
    workloads, services = _names(release, route, records)
    obs = Observation(
        now=now,
        namespace=namespace,
        name=name,
        uid=release.uid,
        generation=release.generation,
        created=release.created,
        deleted=release.deleted,
        spec=spec,
        problem=problem,
        fault=planned.fault,
        notice=planned.notice,
        status=release.status,
        workloads={w: await ports.workloads.workload(namespace, w) for w in sorted(workloads)},
        services={s: await ports.workloads.service_ports(namespace, s) for s in sorted(services)},
        route=route,
        refused=_refusal(release.key, spec, ports),
        actions=ports.store.actions(release.key),
        rivals=ports.store.rivals(release),
        records=records,
    )
    obs = queued(recovered(obs))
    obs = replace(obs, references=await _references(obs, ports))
    seen = look(obs)
    source = source_of(seen.tick.plan)
    answers = ports.metrics.collect(release.key, seen.questions, now, seen.interval, source)
    return replace(obs, answers=answers), seen.tick


async def _records(release: ReleaseObject, ports: Ports) -> tuple[Record, ...]:
    """As the watch has them; all that they say, and asked for, where the status tells nothing."""
    status = release.status
    known = ports.records.known(release.key)
    if not release.gone and (status is None or status.incumbent is None):
        known = await ports.records.all(release.key)
    return tuple(sorted(known, key=lambda record: (record.started_at, record.name)))


async def _planned(release: ReleaseObject, ports: Ports) -> Planned:
    """The plan of the release under its class, as the class stands now."""
    name = release.spec.release_class_name if release.spec is not None else None
    found = await ports.store.release_class(name) if name is not None else None
    if release.spec is not None and (name is None or isinstance(found, ReleaseClassSpec)):
        of = found if isinstance(found, ReleaseClassSpec) else None
        return _resolved(Same(release.spec), Same(of))
    return planned(release.spec, release.problem, found, release.status)


@lru_cache(maxsize=_MOST_PLANS)
def _resolved(spec: Same[ModelReleaseSpec], of: Same[ReleaseClassSpec | None]) -> Planned:
    """Spec and class as one, which takes longer than the rest of a calm tick. The store gives the
    same objects until one of them is written anew; the status has no part in it."""
    return planned(spec.it, "", of.it, None)


def _refusal(key: Key, spec: ModelReleaseSpec | None, ports: Ports) -> str:
    managed = spec.traffic.managed_route if spec is not None else None
    return ports.traffic.refusal(*key, managed) if managed is not None else ""


async def _references(obs: Observation, ports: Ports) -> dict[str, FrozenBins | str]:
    """The references that signals take from ConfigMaps; a failure is a sentence and stops nothing."""
    plan = plan_of(obs, obs.status) if _running(obs.status) and obs.status else None
    found: dict[str, FrozenBins | str] = {}
    for signal in plan.signals if plan is not None else ():
        if signal.reference is None:
            continue
        where = signal.reference.config_map
        what = f"ConfigMap {where.name}, key {where.key},"
        try:
            text = await ports.workloads.config_value(obs.namespace, where.name, where.key)
            found[signal.name] = (
                f"{what} does not exist: create it" if text is None else bins_of(text)
            )
        except BadReferenceError as error:
            found[signal.name] = f"{what} {error}"
        except PortError as error:
            found[signal.name] = f"{what} cannot be read: {error}"
        except Exception as error:
            # A tenant writes it: whatever it does, the release keeps its guard.
            log.exception("reading the reference of %s failed", signal.name)
            said = f"cannot be read ({type(error).__name__}): see the operator's log"
            found[signal.name] = f"{what} {said}"
    return found


def _unknown_preset(spec: ModelReleaseSpec, metrics: Metrics) -> str | None:
    """A sentence about the first signal whose preset cannot measure it."""
    for signal in spec.signals:
        if signal.source is not None and signal.source.preset is not None:
            said = metrics.supports(signal.source.preset, signal.type.value)
            if said is not None:
                return f"signal {signal.name}: {said}"
    return None


def _running(status: ModelReleaseStatus | None) -> bool:
    return status is not None and status.release is not None and status.release.outcome is None


def _route_name(release: ReleaseObject, records: tuple[Record, ...]) -> str | None:
    """The route of the release in flight or just ended, else the one that the spec means."""
    status, record = release.status, open_record(records)
    if record is not None and (status is None or status.incumbent is None):
        return record.route.name
    if status is not None and status.traffic is not None:
        returning = bool(status.traffic.observed) and status.phase == "Reverting"
        if _running(status) or release.spec is None or returning:
            return status.traffic.route.name
    return route_of(release.spec, release.key.name).name if release.spec else None


def _names(
    release: ReleaseObject, route: Route | None, records: tuple[Record, ...]
) -> tuple[set[str], set[str]]:
    """Every Deployment and Service that a rule may want to know of."""
    workloads: set[str] = set()
    services: set[str] = set()
    if release.spec is not None:
        for arm in (release.spec.candidate, release.spec.incumbent):
            if arm is not None:
                workloads.add(arm.workload_ref.name)
                services.add(arm.service)
    status = release.status
    held_arms = (status.incumbent, status.release) if status else ()
    for held in (*held_arms, *arms_of(records)):
        if held is not None:
            workloads.add(held.workload)
            services.add(held.backend.name)
    if route is not None and (status is None or status.incumbent is None):
        # First sight of a split: the Deployment behind a backend is looked for by its name.
        found = {b.name for rule in route.rules for b in rule if is_label(b.name)}
        workloads |= found
        services |= found
    return workloads, services
