"""The one error that reaches a person: a sentence that says what to do."""

from __future__ import annotations


class Problem(Exception):
    """Something outside this tool that a person can put right; its text is one plain sentence."""
