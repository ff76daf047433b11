"""PromQL of people's own: its parameters, and whether every selector in it carries the matchers.

A query cannot be rewritten safely without a parser of the whole language. It is only looked at, and
what is not plainly in order is refused with a sentence.
"""

import re
from collections.abc import Iterator, Mapping

_PARAMETER = re.compile(r"\{\{ *parameters[.]([a-zA-Z0-9]+) *\}\}")
# What becomes a number or a duration, of which no series is read.
_NUMBER = re.compile(r"\{\{ *(window|[a-z]+[.]port) *\}\}")
_ONE_WORD = re.compile(r"[+-]?[0-9a-zA-Z_:.]+")
_TOKEN = re.compile(
    r"""(?P<matchers>\{\{\ *matchers\ *\}\})
      | (?P<text>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
      | (?P<held>\{\{[^{}]*\}\})
      | (?P<number>(?:0x[0-9a-f]+|[0-9.][0-9a-z_.]*(?:e[+-][0-9]+)?))
      | (?P<name>[a-z_:][a-z0-9_:]*)
      | (?P<mark>[^\s])
      | (?P<space>\s+)""",
    re.VERBOSE | re.IGNORECASE,
)
_LISTS = ("by", "without", "on", "ignoring", "group_left", "group_right")
_WORDS = ("and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end")
_CLOSES = {"(": ")", "{": "}", "[": "]"}

Token = tuple[str, str]


class MissingParameter(ValueError):
    """A query names a parameter that has no value."""


class LooseParameter(ValueError):
    """A value that would change what a query says, as no quotes hold it."""


def fill_parameters(query: str, values: Mapping[str, str]) -> str:
    """The query with `{{parameters.…}}` filled in. Raises MissingParameter or LooseParameter.

    Outside of quotes a value is one number, duration or name: with an operator in it, a release
    could turn round what its class decided.
    """
    for kind, text in _tokens(query):
        held = _PARAMETER.fullmatch(text) if kind == "held" else None
        if held is not None and not _ONE_WORD.fullmatch(values.get(held.group(1), "x")):
            raise LooseParameter(held.group(1))

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in values:
            raise MissingParameter(name)
        return values[name]

    return _PARAMETER.sub(value, query)


def unguarded(query: str) -> str | None:
    """None when every selector has `{{matchers}}` in its braces, else what stands in the way."""
    if "#" in _TOKEN.sub(lambda t: "" if t.lastgroup == "text" else t.group(), query):
        return "it has a comment: remove it"
    tokens = [t for t in _tokens(query) if t[0] != "space"]
    if any(text in ('"', "'", "`") for _, text in tokens):
        return "a string in it does not end: close it"
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind == "matchers":
            return "{{matchers}} stands outside of a selector's braces: put it into them"
        if kind == "held" and not _NUMBER.fullmatch(text):
            return f"{text} stands outside of a selector's braces: name what is read, and put it into them"
        if kind == "mark" and text in "{[":
            end = _end(tokens, at)
            if text == "{" and not any(k == "matchers" for k, _ in tokens[at:end]):
                return "a selector in it has no {{matchers}}: write it into every pair of braces"
            at = end
        elif kind == "name" and text.lower() in _LISTS and following == "(":
            at = _end(tokens, at + 1)
        elif kind == "name" and not _harmless(text, following):
            return f"{text} has no {{{{matchers}}}}: write {text}{{{{{{matchers}}}}}}"
        at += 1
    return None


def _harmless(name: str, following: str) -> bool:
    """A function, an operator, or a metric whose braces come next."""
    known = name.lower() in (*_LISTS, *_WORDS)
    return known or following in ("(", "{") or following.lower() in ("by", "without")


def _tokens(query: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(query):
        yield found.lastgroup or "mark", found.group()


def _end(tokens: list[Token], at: int) -> int:
    """The index of the bracket that closes the one at `at`; the last one where none does."""
    close = _CLOSES[tokens[at][1]]
    return next((i for i in range(at, len(tokens)) if tokens[i][1] == close), len(tokens) - 1)
