"""The truth table phase × conditions, and the conditions made from it."""

from dataclasses import replace

from surefoot.api.plain import one_line
from surefoot.api.status import Condition, ModelReleaseStatus
from surefoot.api.vocabulary import ConditionType, Outcome, Phase, Reason, Rule
from surefoot.engine import watching
from surefoot.engine.references import GRACE_S, no_gateway
from surefoot.engine.tick import Ruling, Tick, ended_like

# phase: (Ready, Promoted). Ready is True mid-release, so that tools that wait for it do not time
# out over days; Promoted is what pipelines wait for.
TABLE: dict[Phase, tuple[str, str]] = {
    Phase.IDLE: ("True", "True"),
    Phase.PENDING: ("True", "Unknown"),
    Phase.PROGRESSING: ("True", "Unknown"),
    Phase.HOLDING: ("True", "Unknown"),
    Phase.PAUSED: ("True", "Unknown"),
    Phase.BAKING: ("True", "Unknown"),
    Phase.SUSPENDED: ("True", "Unknown"),
    Phase.REVERTING: ("False", "False"),
    Phase.REVERTED: ("False", "False"),
    Phase.STALLED: ("False", "Unknown"),
}


def phase_of(tick: Tick, ruling: Ruling) -> Phase:
    """Where the release stands, from the status that the ruling leaves and the rule that spoke."""
    status = ruling.status
    release, step = status.release, status.step
    if ruling.rule is Rule.SUSPENDED:
        return Phase.SUSPENDED
    if status.incumbent is None:
        return Phase.STALLED
    if release is not None and release.outcome is None:
        if status.hold is not None:
            return Phase.PAUSED
        if step is None or step.index < 0:
            return Phase.PENDING
        if ruling.rule in (Rule.HOLD, Rule.INVALID, Rule.REVERT, Rule.SUPERSEDE):
            return Phase.HOLDING
        return Phase.BAKING if step.index >= step.count else Phase.PROGRESSING
    if ended_like(release, Outcome.REVERTED, Outcome.SUPERSEDED):
        back = status.traffic is None or not status.traffic.observed
        if ruling.rule is Rule.START and ruling.stalled:
            return Phase.STALLED
        return Phase.REVERTED if back else Phase.REVERTING
    if ruling.stalled:
        return Phase.STALLED
    spec = tick.obs.spec
    serves = spec is None or spec.candidate.workload_ref.name == status.incumbent.workload
    serves = serves and tick.obs.waiting is None
    return Phase.IDLE if serves else Phase.PENDING


def _promoted(tick: Tick, ruling: Ruling, phase: Phase) -> tuple[str, Reason, str]:
    release = ruling.status.release
    state = TABLE[phase][1]
    in_flight = Reason.IN_FLIGHT if phase is not Phase.STALLED else ruling.reason
    if _another_follows(tick, ruling):
        # Pipelines that wait must not read the end of this one as that of the next.
        return "Unknown", in_flight, ruling.message
    if state == "True":
        promoted = ended_like(release, Outcome.PROMOTED) and release is not None
        reason = (release.reason if promoted and release else None) or Reason.SERVING
        return state, reason, ruling.message
    if state == "False" and release is not None:
        return state, release.reason or Reason.REVERTED, release.message or ""
    return state, in_flight, ruling.message


def _another_follows(tick: Tick, ruling: Ruling) -> bool:
    """Whether what the spec names is not what has just ended, nor what serves."""
    release, serving, spec = ruling.status.release, ruling.status.incumbent, tick.obs.spec
    if ended_like(release, Outcome.SUPERSEDED) or tick.obs.waiting is not None:
        return True
    if not ended_like(release, Outcome.REVERTED) or spec is None:
        return False
    known = {held.workload for held in (release, serving) if held is not None}
    return spec.candidate.workload_ref.name not in known


def _ready(tick: Tick, ruling: Ruling, phase: Phase) -> tuple[str, Reason, str]:
    superseded = ended_like(ruling.status.release, Outcome.SUPERSEDED)
    state = "True" if superseded and phase is not Phase.STALLED else TABLE[phase][0]
    serving, workload = ruling.status.incumbent, tick.incumbent
    if state == "True" and serving is not None and (workload is None or workload.available == 0):
        text = f"{serving.workload} has no available pod"
        return "False", Reason.INCUMBENT_NOT_READY, text
    if state == "True" and (untaken := _not_taken(tick, ruling)):
        return "False", Reason.ROUTE_NOT_ACCEPTED, untaken
    return state, ruling.reason, ruling.message


def _not_taken(tick: Tick, ruling: Ruling) -> str:
    """Why nobody is served: a Gateway refuses the route, or none has taken it up in a while."""
    route, serving = tick.obs.route, ruling.status.incumbent
    if route is None or serving is None or route.accepted:
        return ""
    if route.accepted is None and (tick.now - serving.since).total_seconds() <= GRACE_S:
        return ""
    return route.verdict or no_gateway(route)


def _basis(tick: Tick, ruling: Ruling, phase: Phase) -> Phase:
    """Suspended with nothing in flight, what holds is how the last release ended."""
    release = ruling.status.release
    flying = release is not None and release.outcome is None
    if phase is not Phase.SUSPENDED or flying:
        return phase
    return phase_of(tick, replace(ruling, rule=Rule.REST))


def conditions_of(tick: Tick, ruling: Ruling, phase: Phase) -> list[Condition]:
    """All conditions, Watched only after a promotion with something to watch; a transition time moves only when the status of one changes."""
    phase = _basis(tick, ruling, phase)
    accepted = "True" if ruling.accepted else "False"
    over = phase is Phase.REVERTED and not ended_like(ruling.status.release, Outcome.SUPERSEDED)
    stalled = "True" if ruling.stalled or over else "False"
    sound = (Reason.VALID, "") if ruling.accepted else (ruling.reason, ruling.message)
    if ruling.accepted and tick.obs.notice:
        accepted, sound = "False", (Reason.RELEASE_CLASS_MISSING, tick.obs.notice)
    stuck = (ruling.reason, _asks(tick, ruling)) if stalled == "True" else (Reason.VALID, "")
    wanted = {
        ConditionType.ACCEPTED: (accepted, *sound),
        ConditionType.READY: _ready(tick, ruling, phase),
        ConditionType.PROMOTED: _promoted(tick, ruling, phase),
        ConditionType.STALLED: (stalled, *stuck),
    }
    if (watched := watching.standing(tick.obs, ruling.status)) is not None:
        wanted[ConditionType.WATCHED] = watched
    return [_condition(tick, kind, *what) for kind, what in wanted.items()]


def _asks(tick: Tick, ruling: Ruling) -> str:
    """Why a person must act, and what to do: whoever reads of a revert may not know the way on."""
    release = ruling.status.release
    if release is None or not ended_like(release, Outcome.REVERTED):
        return ruling.message
    if ruling.reason is not release.reason:
        return ruling.message
    return (
        f"{one_line(ruling.message, 768)}; once that is mended, retry it (kubectl surefoot retry {tick.obs.name}), "
        "or name another candidate"
    )


def _condition(
    tick: Tick, kind: ConditionType, state: str, reason: Reason, message: str
) -> Condition:
    before: ModelReleaseStatus = tick.obs.status or ModelReleaseStatus()
    old = before.condition(kind)
    since = old.last_transition_time if old and old.status == state else tick.now
    return Condition(
        type=kind,
        status=state,
        reason=reason,
        message=one_line(message),
        observed_generation=tick.obs.generation,
        last_transition_time=since,
    )
