"""Tolerant reading of what the API server gives: any field may be absent, of another kind, or hostile.

Every string that reaches a terminal comes through `clean`; numbers and times come back as None when they
are not what they should be. So a picture can always be drawn, also of a status that a newer operator wrote.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# Control, format (bidirectional overrides, zero width), surrogate, private, unassigned; line and paragraph ends.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_LARGEST = 1e15


def clean(text: object) -> str:
    """The text with every character that could move a cursor or hide something shown as an escape."""
    return "".join(
        repr(char)[1:-1] if unicodedata.category(char) in _UNPRINTABLE else char
        for char in str(text)
    )


def part(node: object, *path: str) -> Mapping[str, Any]:
    """The object at `path`, or an empty one."""
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def parts(node: object, key: str) -> list[Mapping[str, Any]]:
    """The objects in the list `key`; what is no object is left out."""
    found = node.get(key) if isinstance(node, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def words(node: Mapping[str, Any], key: str, otherwise: str = "") -> str:
    """The string `key`, cleaned; `otherwise` when it is absent, empty or no plain value."""
    found = node.get(key)
    if found is None or found == "" or isinstance(found, (Mapping, list)):
        return otherwise
    return clean(found)


def number(node: Mapping[str, Any], key: str) -> float | None:
    """The number `key`, or None when it is none, or beyond anything that a status counts."""
    found = node.get(key)
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        return None
    return found if abs(found) < _LARGEST else None


def moment(node: Mapping[str, Any], key: str) -> datetime | None:
    """The time `key`, or None."""
    found = node.get(key)
    try:
        time = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


def condition(release: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of that type, or an empty one."""
    of_kind = (c for c in parts(part(release, "status"), "conditions") if c.get("type") == kind)
    return next(of_kind, {})
