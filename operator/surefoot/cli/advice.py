"""What a person can do next, given how a release stands."""

from collections.abc import Mapping
from shlex import quote
from typing import Any

from surefoot.api.vocabulary import ConditionType, Phase, Reason
from surefoot.cli.reading import clean, condition, number, part, words

_BY_REASON = {
    Reason.WEIGHT_FIGHT: "Find who writes the weights (kubectl get httproute {route} {in_namespace} "
    "--show-managed-fields -o yaml) and stop it; five quiet minutes later the release goes on by itself.",
    Reason.MAX_DURATION_EXCEEDED: "Raise spec.maxDuration, or give up: {abort}",
    Reason.BOTH_ARMS_BROKEN: "Neither version can serve: see kubectl get pods {in_namespace} and bring "
    "one of them back.",
    Reason.HYPOTHESIS_NOT_REACHED: "Give up: {abort}; or set spec.hypothesis.required to false to go on "
    "without it.",
    Reason.INCUMBENT_MISMATCH: "Set spec.incumbent to what serves ({incumbent}), or remove it.",
    Reason.INCUMBENT_UNKNOWN: "Set spec.incumbent to the Deployment that serves now.",
}
_BY_PHASE = {
    Phase.REVERTED: "Try it again: {retry}; or set spec.candidate to a new version, or back to "
    "{incumbent} to acknowledge.",
    Phase.PAUSED: "Go on: {resume}; or give up: {abort}",
    Phase.SUSPENDED: "Nothing is guarded. Set spec.suspend to false to go on.",
}


def next_steps(release: Mapping[str, Any]) -> list[str]:
    """Sentences that say what to do; none when nothing waits for a person."""
    status = part(release, "status")
    if not status:
        return ["No status yet. If it stays so, see whether the operator runs."]
    sentence = _for(status, release)
    told = [sentence.format_map(_facts(release, status))] if sentence else []
    if _is_older(release, status):
        told.append("This status is of an older spec; the operator has not read the newest yet.")
    return told


def _for(status: Mapping[str, Any], release: Mapping[str, Any]) -> str | None:
    stalled = condition(release, ConditionType.STALLED)
    is_stalled = stalled.get("status") == "True"
    reason = words(stalled if is_stalled else status, "reason")
    if (is_stalled or status.get("phase") == Phase.HOLDING) and reason in _BY_REASON:
        return _BY_REASON[Reason(reason)]
    if status.get("phase") in list(Phase) and status["phase"] in _BY_PHASE:
        return _BY_PHASE[Phase(status["phase"])]
    if part(status, "hold"):
        return "It holds until a person says so. Go on: {resume}; or give up: {abort}"
    return "Put right what the message names; it goes on by itself." if is_stalled else None


def _is_older(release: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    seen, wanted = (
        number(status, "observedGeneration"),
        number(part(release, "metadata"), "generation"),
    )
    return seen is not None and wanted is not None and seen < wanted


def _facts(release: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, str]:
    metadata = part(release, "metadata")
    name, namespace = quote(words(metadata, "name")), words(metadata, "namespace")
    inside = f"-n {quote(namespace)}" if namespace else ""
    acts = {
        verb: f"kubectl surefoot {verb} {name} {inside}".rstrip()
        for verb in ("abort", "resume", "retry")
    }
    return acts | {
        "in_namespace": inside,
        "route": quote(words(part(status, "traffic", "route"), "name", "ROUTE")),
        "incumbent": clean(
            part(status, "incumbent").get("workload") or "the Deployment that serves"
        ),
    }
