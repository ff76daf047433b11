"""Releasing as a GitOps tool would: one line of a file changes, and the file is applied."""

from __future__ import annotations

import re

from environment import ROOT

EXAMPLE = ROOT / "examples" / "fraud"
_CANDIDATE = re.compile(r"^  candidate: \{.*\}$", re.MULTILINE)


def manifest(name: str) -> str:
    """The text of `examples/fraud/NAME.yaml`."""
    return (EXAMPLE / f"{name}.yaml").read_text()


def candidate_line(text: str) -> str:
    """The line of a release's manifest that names its candidate. Raises ValueError without one."""
    found = _CANDIDATE.search(text)
    if found is None:
        raise ValueError("the release has no line `  candidate: {…}`")
    return found[0]


def with_candidate(text: str, version: str) -> str:
    """The same manifest with another version in its one candidate line."""
    line = candidate_line(text)
    old = re.search(r'version: "([^"]+)"', line)
    if old is None:
        raise ValueError('the candidate line has no `version: "…"`')
    new = re.sub(rf"(?<![0-9]){re.escape(old[1])}(?![0-9])", version, line)
    return text.replace(line, new)


def with_model(text: str, old: str, new: str) -> str:
    """A server's manifest in which another model answers under the same Deployment's name."""
    wanted = f"{{name: MODEL_VERSION, value: {old}}}"
    if wanted not in text:
        raise ValueError(f"the manifest has no {wanted}")
    return text.replace(wanted, f"{{name: MODEL_VERSION, value: {new}}}")
