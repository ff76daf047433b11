"""After the promotion: signals with `watch` go on, slowly, and propose the way back. They move nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from surefoot.api.signal_status import SignalStatus, WatchStatus
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Reason, Verdict
from surefoot.engine.effects import Announcement
from surefoot.engine.judge import Stand, judge, limit_text, window_start
from surefoot.engine.questions import Answer, ArmRef, Question, Reading
from surefoot.engine.rollback import command, rollback_targets
from surefoot.engine.world import Observation

SLOWER = 60
"""So many analysis intervals lie between two looks …"""
SLOWEST = timedelta(hours=1)
"""… and never more than this."""

# The condition, from the worst verdict of all watched signals.
STANDING: dict[Verdict, tuple[str, Reason]] = {
    Verdict.NOT_APPLICABLE: ("Unknown", Reason.WATCH_BLIND),
    Verdict.NOT_DUE: ("Unknown", Reason.WATCHING),
    Verdict.PASS: ("True", Reason.WATCHING),
    Verdict.NO_DATA: ("Unknown", Reason.WATCH_BLIND),
    Verdict.INCONCLUSIVE: ("Unknown", Reason.WATCH_BLIND),
    Verdict.ERROR: ("Unknown", Reason.WATCH_BLIND),
    Verdict.FAIL: ("False", Reason.WATCH_BREACH),
}
_VERDICTS = {verdict.label: verdict for verdict in Verdict}


def interval_of(plan: ModelReleaseSpec) -> timedelta:
    """Between two looks: 60 analysis intervals (15 minutes by default), an hour at most."""
    interval = plan.analysis.interval
    return max(interval, min(SLOWER * interval, SLOWEST))


def _watched(plan: ModelReleaseSpec) -> list[Signal]:
    return [signal for signal in plan.signals if signal.watch is not None]


def _lasts(signal: Signal, since: WatchStatus, obs: Observation) -> bool:
    assert signal.watch is not None
    return obs.now < since.since + signal.watch.for_


def _serves(obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec) -> bool:
    """Whether what serves was promoted by a release, and is what the spec wants."""
    serving = status.incumbent
    if serving is None or plan.suspend or obs.deleted:
        return False
    known = status.watch is not None and status.watch.since == serving.since
    won = any(
        p.outcome is Outcome.PROMOTED and p.reason is not Reason.ADOPTED
        for p in status.history
        if p.ended_at == serving.since
    )
    return (won or known) and plan.candidate.workload_ref.name == serving.workload


def begin(
    obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> WatchStatus | None:
    """What is watched of the version that serves, before this tick's answers; None where no signal is.

    It begins at the promotion with nothing but the frozen bins of the incumbent, and outlives a
    release that was reverted since.
    """
    signals, serving = _watched(plan), status.incumbent
    if not signals or serving is None:
        return None
    old = status.watch if status.watch and status.watch.since == serving.since else None
    if not _serves(obs, status, plan):
        return old
    if old is None:
        begun = [_begun(s, status) for s in signals]
        return WatchStatus(version=serving.version, since=serving.since, signals=begun)
    before = {s.name: s for s in old.signals}
    listed = [before.get(s.name) or _begun(s, status) for s in signals]
    return old.model_copy(update={"version": serving.version, "signals": listed})


def take_in(
    since: WatchStatus, obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> WatchStatus:
    """What `begin` gave, with this tick's answers judged."""
    if not _serves(obs, status, plan):
        return since
    held = {s.name: s for s in since.signals}
    found = [_looked_at(s, plan, since, held[s.name], obs) for s in _watched(plan)]
    return since.model_copy(update={"signals": found})


def _begun(signal: Signal, status: ModelReleaseStatus) -> SignalStatus:
    """A watch that has seen nothing; before the bake the incumbent's bins were frozen for it."""
    serving = status.incumbent
    assert serving is not None
    first = serving.since + signal.delay
    held = next((s for s in status.signals if s.name == signal.name), None)
    return SignalStatus(
        name=signal.name,
        type=signal.type,
        verdict=Verdict.NOT_DUE.label,
        reason=f"looked at from {first:%Y-%m-%d %H:%M} UTC on",
        limit=limit_text(signal),
        judges_from="watch",
        frozen=held.frozen if held is not None else None,
    )


def _looked_at(
    signal: Signal, plan: ModelReleaseSpec, since: WatchStatus, old: SignalStatus, obs: Observation
) -> SignalStatus:
    """One signal after this tick; without a new answer, or after its time, it stays as it was."""
    answer = (obs.answers or {}).get(signal.name)
    if answer is None or not _lasts(signal, since, obs):
        return old
    # Judged as a bake of the watch's length, without an incumbent: that one has no samples.
    assert signal.watch is not None
    alone = plan.model_copy(update={"bake": signal.watch.for_})
    stand = Stand(alone, len(plan.steps), since.since, None, obs.now)
    judged = judge(signal, stand, old, Answer(answer.candidate, Reading()))
    return judged.status.model_copy(update={"judges_from": "watch"})


def questions(
    obs: Observation, status: ModelReleaseStatus, plan: ModelReleaseSpec
) -> tuple[Question, ...]:
    """What to ask about the version that serves; it stands for both arms, as there is no other."""
    since, serving = status.watch, status.incumbent
    if since is None or serving is None or not _serves(obs, status, plan):
        return ()
    arm = ArmRef(serving.workload, serving.backend.name, serving.backend.port)
    return tuple(
        Question(signal, obs.namespace, arm, arm, _start_of(signal, plan, since, obs))
        for signal in _watched(plan)
        if _lasts(signal, since, obs) and since.since + signal.delay <= obs.now
    )


def _start_of(
    signal: Signal, plan: ModelReleaseSpec, since: WatchStatus, obs: Observation
) -> datetime:
    """Never before the promotion, and its labels' delay."""
    return window_start(signal, Stand(plan, len(plan.steps), since.since, None, obs.now))


def standing(obs: Observation, status: ModelReleaseStatus) -> tuple[str, Reason, str] | None:
    """The condition Watched as (status, reason, message); None where nothing is watched."""
    since, serving = status.watch, status.incumbent
    if since is None or not since.signals or serving is None or since.since != serving.since:
        return None
    worst = max(since.signals, key=_verdict)
    state, reason = STANDING[_verdict(worst)]
    if state == "False":
        return state, reason, breach_text(obs, status, _failed(since.signals))
    text = f"{worst.name}: {worst.reason} ({_promoted(since)})"
    if obs.spec is not None and not any(_lasts(s, since, obs) for s in _watched(obs.spec)):
        return state, Reason.WATCH_OVER, f"no longer watched; {text}"
    return state, reason, text


def _promoted(since: WatchStatus) -> str:
    """No age: a message that grew older at every tick would be written at every tick."""
    return f"{since.version} was promoted {since.since:%Y-%m-%d %H:%M} UTC"


def _verdict(signal: SignalStatus) -> Verdict:
    return _VERDICTS.get(signal.verdict, Verdict.NOT_APPLICABLE)


def _failed(signals: Sequence[SignalStatus]) -> list[SignalStatus]:
    return [s for s in signals if _verdict(s) is Verdict.FAIL]


def breach_text(
    obs: Observation, status: ModelReleaseStatus, failed: Sequence[SignalStatus]
) -> str:
    """What was crossed, and the command for the way back. No traffic is moved by it."""
    since = status.watch
    assert since is not None
    # An Event has 1,024 bytes, and the command at its end has to be whole.
    seen = "; ".join(f"{s.name}: {s.reason[:200]}" for s in failed)
    text = f"{seen} ({_promoted(since)}). No traffic was moved"
    if obs.spec is None:
        return text
    targets = rollback_targets(status, obs.spec.rollback_window)
    if not targets:
        return f"{text}; rollbackWindow holds no version to go back to: release an earlier one"
    back = command(obs.spec, obs.namespace, obs.name, targets[0])
    return f"{text}; to go back to {targets[0].version}, if its pods still run: {back}"


def announcements(
    obs: Observation, before: ModelReleaseStatus, after: ModelReleaseStatus
) -> list[Announcement]:
    """One Event for each watched signal that has come to be in breach."""
    if after.watch is None:
        return []
    known = before.watch if before.watch and before.watch.since == after.watch.since else None
    already = {s.name for s in _failed(known.signals)} if known is not None else set()
    new = [s for s in _failed(after.watch.signals) if s.name not in already]
    return [Announcement(Reason.WATCH_BREACH, breach_text(obs, after, [s]), True) for s in new]
