"""Which versions can be gone back to at once, and the command that does it."""

import json

from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus, PastRelease
from surefoot.api.vocabulary import GROUP, Outcome


def rollback_targets(status: ModelReleaseStatus, window: int) -> list[PastRelease]:
    """The last `window` promoted versions, newest first; what serves now is not counted."""
    serving = status.incumbent.fingerprint if status.incumbent else ""
    seen: dict[str, PastRelease] = {}
    for past in reversed(status.history):
        if past.outcome is Outcome.PROMOTED and past.fingerprint not in (serving, *seen):
            seen[past.fingerprint] = past
    return list(seen.values())[:window]


def is_rollback(status: ModelReleaseStatus, spec: ModelReleaseSpec, fingerprint: str) -> bool:
    """One of the last `rollbackWindow` promoted versions, what serves now not counted.

    The same pods under another version's name are no version that was promoted.
    """
    window = {p.fingerprint: p.version for p in rollback_targets(status, spec.rollback_window)}
    nameless = spec.candidate.workload_ref.name
    return window.get(fingerprint) in (spec.candidate.version, nameless)


def command(spec: ModelReleaseSpec, namespace: str, name: str, target: PastRelease) -> str:
    """A `kubectl patch` that points the release at an earlier version, and at nothing else.

    The assertion about the incumbent goes: it names what the patch makes the candidate again, or
    would have to be changed as well. The lineage is that of the version that serves.
    """
    candidate: dict[str, object] = {
        "version": target.version,
        "workloadRef": {"name": target.workload},
        "backendRef": {"name": target.backend.name, "port": target.backend.port},
    }
    if spec.candidate.lineage is not None:
        candidate["lineage"] = None
    patch: dict[str, object] = {"candidate": candidate}
    if spec.incumbent is not None:
        patch["incumbent"] = None
    text = json.dumps({"spec": patch}, separators=(",", ":"))
    # A version may have any characters, and the shell's quotes are to end where the patch does.
    text = text.replace("'", r"\u0027")
    return f"kubectl patch modelreleases.{GROUP} {name} -n {namespace} --type=merge -p '{text}'"
