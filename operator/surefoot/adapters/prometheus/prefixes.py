"""Which of many label values match a pattern, without trying each: most of a pattern is literal text.

A page that hundreds of releases share has the values of all of them; each release's patterns match a few.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

_PATTERNS = 16_384
_SPECIAL = set(".+*?()|[]{}^$")
_REPEATS = set("*?{")


@lru_cache(_PATTERNS)
def compiled(pattern: str) -> re.Pattern[str]:
    """`re` itself keeps 512, fewer than a few hundred releases have."""
    return re.compile(pattern)


@lru_cache(_PATTERNS)
def literal_prefix(pattern: str) -> str:
    """What every text that matches begins with; "" where that cannot be told simply."""
    if _has_alternatives(pattern):
        return ""
    found: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            if at + 1 >= len(pattern) or pattern[at + 1].isalnum():
                break
            found.append(pattern[at + 1])
            at += 2
        elif char in _SPECIAL:
            # What may be repeated may be missing, too.
            return "".join(found[:-1] if char in _REPEATS else found)
        else:
            found.append(char)
            at += 1
    return "".join(found)


@lru_cache(_PATTERNS)
def is_literal(pattern: str) -> bool:
    """Whether a pattern matches one text only, which then is its prefix: most name a Service."""
    plain = re.sub(r"\\[^a-zA-Z0-9]", "", pattern)
    return not plain or not (_SPECIAL | {"\\"}) & set(plain)


def _has_alternatives(pattern: str) -> bool:
    """Whether there is a `|` outside of parentheses and of brackets."""
    depth, bracket, at = 0, False, 0
    while at < len(pattern):
        char = pattern[at]
        at += 2 if char == "\\" else 1
        if bracket:
            bracket = char != "]"
        elif char == "[":
            bracket = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return True
    return False


def matching(values: Sequence[str], pattern: str) -> list[str]:
    """Those of the sorted `values` that the pattern matches as a whole."""
    prefix = literal_prefix(pattern)
    found = []
    for at in range(bisect_left(values, prefix), len(values)):
        value = values[at]
        if not value.startswith(prefix):
            break
        if value == prefix if is_literal(pattern) else compiled(pattern).fullmatch(value):
            found.append(value)
    return found
