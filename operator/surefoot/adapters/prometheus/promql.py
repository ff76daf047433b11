"""PromQL as text: one selector for both arms, and the user's templated queries. Nothing can be injected."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from surefoot.adapters.prometheus.presets import Preset
from surefoot.engine.questions import ArmRef, Question

_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_STRING_ESCAPES = {"\\": "\\\\", '"': '\\"', "'": "\\'", "`": "\\x60", "\n": "\\n", "\r": "\\r"}


class UnknownPlaceholder(ValueError):
    """A query names something that cannot be filled in; the message lists what can."""


@dataclass(frozen=True, slots=True)
class Arms:
    """The label that tells the arms apart, and a regular expression for each arm's values."""

    label: str
    candidate: str
    incumbent: str
    shared: tuple[tuple[str, str], ...] = ()

    @property
    def matchers(self) -> str:
        both = "|".join(sorted({self.candidate, self.incumbent}))
        exact = [f"{label}={quote(value)}" for label, value in self.shared]
        return ",".join([*exact, f"{self.label}=~{quote(both)}"])


def arms_of(preset: Preset, question: Question) -> Arms:
    """How the preset tells this question's arms apart."""
    namespace, label = question.namespace, preset.arm
    return Arms(
        label=label.label,
        candidate=label.regex(namespace, question.candidate),
        incumbent=label.incumbent_regex(namespace, question.incumbent),
        shared=tuple(
            sorted(label.shared(namespace, question.candidate, question.incumbent).items())
        ),
    )


def quote(text: str) -> str:
    """A PromQL string literal."""
    return f'"{escape_string(text)}"'


def escape_string(text: str) -> str:
    """Text as it stands between the quotes of a PromQL string, whichever quotes they are."""
    return "".join(_STRING_ESCAPES.get(letter, letter) for letter in text)


def selector(metrics: frozenset[str], arms: Arms, range_s: float) -> str:
    """Raw samples of `metrics`, both arms, over the last `range_s` seconds (rounded up)."""
    names = "|".join(sorted(metrics))
    return f"{{__name__=~{quote(names)},{arms.matchers}}}[{max(1, ceil(range_s))}s]"


def fill_in(query: str, question: Question, window_s: float) -> str:
    """A user's query with its `{{placeholders}}` filled in. Raises UnknownPlaceholder."""
    values = _placeholders(question, window_s)

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in values:
            known = ", ".join(f"{{{{{each}}}}}" for each in values)
            raise UnknownPlaceholder(
                f"the query names {{{{{name[:40]}}}}}, which does not exist: there are {known}"
            )
        return escape_string(values[name])

    return _PLACEHOLDER.sub(value, query)


def _placeholders(question: Question, window_s: float) -> Mapping[str, str]:
    arms: tuple[tuple[str, ArmRef], ...] = (
        ("candidate", question.candidate),
        ("incumbent", question.incumbent),
    )
    values = {
        f"{side}.{field}": str(getattr(arm, field))
        for side, arm in arms
        for field in ("workload", "service", "port")
    }
    return {**values, "namespace": question.namespace, "window": f"{max(1, int(window_s))}s"}
