"""What becomes of ReleaseActions: carried out by a rule, or refused with a sentence."""

from dataclasses import replace

from surefoot.api.actions import ActionPhase
from surefoot.api.status import ModelReleaseStatus, Released
from surefoot.api.vocabulary import ActionType, Outcome
from surefoot.engine.effects import FinishAction
from surefoot.engine.recording import name_of
from surefoot.engine.tick import Ruling, Tick, ended_like
from surefoot.engine.world import Action, Observation

KEPT_UIDS = 20
MOST_AT_ONCE = 20
"""Acts that one tick answers: each is a write, and as long as they are written nothing is guarded."""


def without_settled(obs: Observation) -> Observation:
    """Rules see only actions that still make sense; the others are refused when it settles."""
    status = obs.status or ModelReleaseStatus()
    open_ = tuple(
        a
        for a in obs.actions
        if a.uid not in status.handled_actions and objection(a, status, obs) is None
    )
    return replace(obs, actions=open_)


def objection(action: Action, status: ModelReleaseStatus, obs: Observation) -> str | None:
    """Why an action makes no sense now, or None when a rule will take it."""
    release, name = status.release, obs.name
    flying = release is not None and release.outcome is None
    if action.type is ActionType.RETRY:
        if ended_like(release, Outcome.REVERTED):
            return None
        return f"Retry needs a reverted release, and {name} is not reverted"
    if not flying or release is None:
        return f"{action.type} needs a running release, and {name} has none"
    if _is_older(action, release, obs):
        return (
            f"made before release {release.id} of {release.version} started: it meant another one"
        )
    if action.type is ActionType.RESUME and status.hold is None:
        return f"Resume needs a paused or held release, and {name} is neither"
    if action.type is ActionType.PAUSE and status.hold is not None:
        return f"{name} is held already: {status.hold.message or status.hold.reason}"
    return None


def _is_older(action: Action, release: Released, obs: Observation) -> bool:
    """Whether it was made before the release started. An action has the API server's time, and so has
    the release's record; the start itself is by an operator's clock, which may have been ahead."""
    mine = name_of(obs.name, release)
    made = [r.created for r in obs.records if r.name == mine and r.created is not None]
    # A record may have been made late: the earlier time counts, so that no act is lost; and a time that
    # is yet to come is of a clock that was set back.
    starts = [start for start in (release.started_at, *made) if start <= obs.now]
    return bool(starts) and action.created < min(starts).replace(microsecond=0)


def finish_actions(tick: Tick, ruling: Ruling) -> tuple[FinishAction, ...]:
    """Answers for the actions that this tick settled, `MOST_AT_ONCE` at most."""
    done = {a.uid for a in ruling.done}
    finished = [FinishAction(a.name, a.uid, ActionPhase.DONE, ruling.message) for a in ruling.done]
    for action in tick.obs.actions:
        if len(finished) == MOST_AT_ONCE:
            break
        if action.uid in done:
            continue
        if action.uid in tick.status.handled_actions:
            finished.append(FinishAction(action.name, action.uid, ActionPhase.DONE, "carried out"))
            continue
        if ruling.done:
            # It may have been meant for what has just changed: the next tick looks at it.
            continue
        why = objection(action, tick.status, tick.obs)
        if why is not None:
            finished.append(FinishAction(action.name, action.uid, ActionPhase.REFUSED, why))
    return tuple(finished)


def remember(status: ModelReleaseStatus, ruling: Ruling) -> list[str]:
    """uids of carried-out actions, so that a crash before their answer repeats nothing."""
    return [*status.handled_actions, *(a.uid for a in ruling.done)][-KEPT_UIDS:]
