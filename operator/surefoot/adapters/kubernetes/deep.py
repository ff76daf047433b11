"""JSON of any depth: whoever may write a status can nest it deeper than a reader that recurses can go."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

log = logging.getLogger("surefoot.api")
# No object of a kind that is read here has a fifth of it.
MOST_DEEP = 100
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def read(text: str, what: str) -> Any:
    """The JSON, in which null stands for what lies deeper than `MOST_DEEP`, so that all else is seen.
    Raises ValueError where it is none."""
    try:
        # It gives up at a depth of 200, of which it never runs out of stack.
        return from_json(text)
    except ValueError:
        thin = "".join(_upper(text))
        found = json.loads(thin)
    if thin != text:
        log.warning("%s: what is nested deeper than %d levels is left out", what, MOST_DEEP)
    return found


def _upper(text: str) -> Iterator[str]:
    depth = since = 0
    for part in _PART.finditer(text):
        if part.group() in "[{":
            depth += 1
            if depth == MOST_DEEP + 1:
                yield text[since : part.start()]
        elif part.group() in "]}":
            if depth == MOST_DEEP + 1:
                yield "null"
                since = part.end()
            depth -= 1
    if depth <= MOST_DEEP:
        yield text[since:]
