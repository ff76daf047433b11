"""`onNewCandidate: Queue`: a new candidate waits until the release in flight has ended."""

from dataclasses import replace

from surefoot.api.spec import OnNewCandidate
from surefoot.engine.rollback import is_rollback
from surefoot.engine.tick import accepted_of
from surefoot.engine.world import Observation


def queued(obs: Observation) -> Observation:
    """As if the new candidate were not there yet: the release in flight goes on by its own plan.

    Only what has never served waits. A pointer back to what serves, or to what was promoted before,
    takes traffic away and is obeyed at once, as is another route, or other pods in the Deployment
    of the release in flight; `suspend` counts at once, too.
    """
    spec, status = obs.spec, obs.status
    if spec is None or status is None or spec.on_new_candidate is not OnNewCandidate.QUEUE:
        return obs
    release, serving = status.release, status.incumbent
    if obs.deleted or release is None or release.outcome is not None or serving is None:
        return obs
    name, accepted = spec.candidate.workload_ref.name, accepted_of(release)
    if name in (release.workload, serving.workload) or accepted is None:
        return obs
    running, new = obs.workloads.get(release.workload), obs.workloads.get(name)
    rolled = running is not None and running.fingerprint != release.fingerprint
    back = new is not None and is_rollback(status, spec, new.fingerprint)
    if rolled or back or spec.traffic != accepted.traffic:
        return obs
    if accepted.suspend != spec.suspend:
        accepted = accepted.model_copy(update={"suspend": spec.suspend})
    return replace(obs, spec=accepted, waiting=spec.candidate)


def waits(obs: Observation) -> str:
    """The sentence about a candidate that waits; nothing without one."""
    release = obs.status.release if obs.status is not None else None
    if obs.waiting is None or release is None:
        return ""
    new = f"{obs.waiting.version} ({obs.waiting.workload_ref.name})"
    return f"{new} waits until the release of {release.version} has ended (onNewCandidate: Queue)"
