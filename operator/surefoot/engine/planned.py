"""What guides a release: its spec under its ReleaseClass, or why nothing does."""

from dataclasses import dataclass

from surefoot.api.plan import Plan, covers, resolve
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Reason
from surefoot.engine.tick import accepted_of


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, or None with the `problem` and its reason.

    With a `notice` it is the accepted plan, which stands in for a class that is gone.
    """

    spec: ModelReleaseSpec | None
    problem: str = ""
    fault: Reason = Reason.INVALID_SPEC
    notice: str = ""


def planned(
    spec: ModelReleaseSpec | None,
    problem: str,
    found: ReleaseClassSpec | str | None,
    status: ModelReleaseStatus | None,
) -> Planned:
    """Spec and class as one. `found` is the class that the spec names: None when there is none, a
    sentence when it cannot be read."""
    if spec is None:
        return Planned(None, problem)
    name = spec.release_class_name
    if name is None:
        return _resolved(spec, None)
    if isinstance(found, ReleaseClassSpec):
        return _resolved(spec, found)
    if found is not None:
        text = f"ReleaseClass {name} is not valid: {found}"
        return Planned(None, text, Reason.RELEASE_CLASS_INVALID)
    kept = _kept(spec, status)
    if kept is None:
        text = f"ReleaseClass {name} does not exist: create it, or correct spec.releaseClassName"
        return Planned(None, text, Reason.RELEASE_CLASS_MISSING)
    text = (
        f"ReleaseClass {name} does not exist any more: the release goes on by the plan that was "
        "accepted; create the class again before the next release"
    )
    return Planned(kept, notice=text)


def _resolved(spec: ModelReleaseSpec, of: ReleaseClassSpec | None) -> Planned:
    found = resolve(spec, of)
    return Planned(None, found) if isinstance(found, str) else Planned(found)


def _kept(spec: ModelReleaseSpec, status: ModelReleaseStatus | None) -> Plan | None:
    """The accepted plan of a release in flight, as far as it says all that the spec says now."""
    release = status.release if status is not None else None
    if release is None or release.outcome is not None:
        return None
    accepted = accepted_of(release)
    if accepted is None or not covers(accepted, spec):
        return None
    if accepted.suspend != spec.suspend:
        return accepted.model_copy(update={"suspend": spec.suspend})
    return accepted
