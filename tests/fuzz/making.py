"""Values by a schema, and ways to spoil them; every choice is made by a `Random`, so that it can be told again.

With hypothesis' own `Random` (`strategies.randoms`) a failing example is shrunk.
"""

import re._constants as sre
import re._parser
import string
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.schema import Schema

# What terminals, log readers, pages, queries and parsers may stumble over.
HOSTILE = (
    "", " ", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "two\nlines", "\r\x08\x00", "\u202egnp.exe\u2066",
    "\u200bzero", "\u2028", "'; drop", '"} or up{x="', "{{candidate.workload}}", "{{parameters.x}}",
    "<script>alert(1)</script>", "=HYPERLINK(1)", "../..", "%00", "http://169.254.169.254/", "é" * 40,
    "🦄" * 300, "x" * 5000, "NaN", "-1", "1e999", "null", "0001-01-01T00:00:00Z",
)  # fmt: skip
TIMES = (
    "2026-01-01T00:00:00Z", "2026-01-01T00:00:10.5Z", "2025-12-31T23:59:59+14:00", "2026-01-01T00:00:00",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00", "1970-01-01T00:00:00Z", "2026-01-01", "1767225600", "2016-12-31T23:59:60Z",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 100, 101, 1e-9, 0.5, -0.5, 5e-324, 1e308, -1e308, 2**31, 2**53, 2**63 - 1, -(2**63), 10**30,
)  # fmt: skip
_LETTERS = string.ascii_lowercase + string.digits


class Maker:
    """Makes values; `chance` decides."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def flips(self, share: float) -> bool:
        return self.chance.random() < share

    def one(self, these: Any) -> Any:
        return these[self.chance.randrange(len(these))]

    # ---- by a schema

    def value(self, schema: Schema) -> Any:
        """Something that the schema allows; CEL rules are not looked at."""
        if "enum" in schema:
            return self.one(schema["enum"])
        kinds: dict[str, Callable[[Schema], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._text,
            "boolean": lambda _: self.flips(0.5),
            "integer": self._integer,
            "number": self._number,
        }
        return kinds[schema["type"]](schema)

    def _object(self, schema: Schema) -> dict[str, Any]:
        needed, known = schema.get("required", ()), schema.get("properties", {})
        found = {n: self.value(s) for n, s in known.items() if n in needed or self.flips(0.3)}
        if isinstance(more := schema.get("additionalProperties"), dict):
            found |= {self.word(): self.value(more) for _ in range(self.chance.randrange(3))}
        return found

    def _array(self, schema: Schema) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 60)
        count = self.one((least, most)) if self.flips(0.03) else least + self.chance.randrange(4)
        return [self.value(schema["items"]) for _ in range(min(count, most))]

    def _text(self, schema: Schema) -> str:
        if schema.get("format") == "date-time":
            return self.one(TIMES[:3])
        if schema.get("format") == "duration":
            number = self.one((0, 1, 5, 15, 30, 90, 1000, 9999))
            return f"{number}{self.one('smhd')}"
        least, most = schema.get("minLength", 0), schema.get("maxLength", 64)
        if "pattern" in schema:
            return _matching(schema["pattern"], self.chance)[:most].ljust(least, "x")
        text = self.one(HOSTILE) if self.flips(0.3) else self.word()
        return text[:most].ljust(least, "x")

    def word(self) -> str:
        return "".join(self.one(_LETTERS) for _ in range(1 + self.chance.randrange(6)))

    def _integer(self, schema: Schema) -> int:
        least, most = int(schema.get("minimum", -(2**63))), int(schema.get("maximum", 2**63 - 1))
        fits = [n for n in (*NUMBERS, least, most) if isinstance(n, int) and least <= n <= most]
        return self.one(fits)

    def _number(self, schema: Schema) -> float:
        least, most = schema.get("minimum", -1e308), schema.get("maximum", 1e308)
        strict = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        fits = [n for n in (*NUMBERS[:-1], least, most, (least + most) / 2) if least <= n <= most]
        return self.one(
            [n for n in fits if not ((strict[0] and n == least) or (strict[1] and n == most))]
        )

    # ---- spoiled

    def anything(self) -> Any:
        """A value of any kind."""
        return self.one(
            (
                None, True, "", [], {}, [[]], {"a": {"b": []}}, self.one(HOSTILE), self.one(TIMES),
                self.one(NUMBERS), [self.one(HOSTILE)] * 3, {self.one(HOSTILE): self.one(NUMBERS)},
            )
        )  # fmt: skip

    def spoiled(self, body: Any, times: int) -> Any:
        """The value with that many random changes anywhere in it; what was given is left alone."""
        for _ in range(times):
            body = self._spoil(body)
        return body

    def _spoil(self, node: Any) -> Any:
        if isinstance(node, dict) and node and self.flips(0.8):
            return self._spoil_object(node)
        if isinstance(node, list) and node and self.flips(0.8):
            return self._spoil_list(node)
        return self._other(node)

    def _spoil_object(self, node: dict[str, Any]) -> dict[str, Any]:
        name = self.one(list(node))
        how = self.chance.random()
        if how < 0.15:
            return {n: v for n, v in node.items() if n != name}
        if how < 0.22:
            return {**node, "newerField": self.anything()}
        if how < 0.27:
            return {**node, name: node[self.one(list(node))]}
        return {**node, name: self._spoil(node[name])}

    def _spoil_list(self, node: list[Any]) -> list[Any]:
        at, how = self.chance.randrange(len(node)), self.chance.random()
        if how < 0.12:
            return node[:at]
        if how < 0.24:
            return [*node, *[node[at]] * self.one((1, 1, 2, 40))]
        if how < 0.3:
            return node[::-1]
        return [*node[:at], self._spoil(node[at]), *node[at + 1 :]]

    def _other(self, node: Any) -> Any:
        """Another value, more often than not of the same kind."""
        if self.flips(0.35):
            return self.anything()
        match node:
            case bool():
                return not node
            case int():
                return self.one([n for n in NUMBERS if isinstance(n, int)])
            case float():
                return self.one(NUMBERS)
            case str() if node[:2] == "20" and "T" in node:
                return self.one(TIMES)
            case str():
                return self.one(HOSTILE)
            case list():
                return []
            case dict():
                return {}
        return self.anything()


def _matching(pattern: str, chance: Random) -> str:
    """A string that a pattern of the schemas matches."""
    return _walk(re._parser.parse(pattern), chance)


def _walk(nodes: Any, chance: Random) -> str:
    return "".join(_node(op, value, chance) for op, value in nodes)


def _node(op: Any, value: Any, chance: Random) -> str:
    if op is sre.AT:
        return ""
    if op is sre.LITERAL:
        return chr(value)
    if op is sre.IN:
        return _from_set(value, chance)
    if op is sre.SUBPATTERN:
        return _walk(value[-1], chance)
    if op is sre.BRANCH:
        return _walk(value[1][chance.randrange(len(value[1]))], chance)
    if op is sre.MAX_REPEAT:
        least, most, inner = value
        count = least + chance.randrange(min(int(most) - least, 5) + 1)
        return "".join(_walk(inner, chance) for _ in range(count))
    raise NotImplementedError(op)


def _from_set(items: Any, chance: Random) -> str:
    if items[0][0] is sre.NEGATE:
        barred = {chr(v) for op, v in items if op is sre.LITERAL} | set(" \t\r\n")
        free = [c for c in "az09-_.:=~é\u202e\x1b" if c not in barred]
        return free[chance.randrange(len(free))]
    op, value = items[chance.randrange(len(items))]
    if op is sre.RANGE:
        return chr(value[0] + chance.randrange(value[1] - value[0] + 1))
    return chr(value)
