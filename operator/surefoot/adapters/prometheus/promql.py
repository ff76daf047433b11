"""PromQL as text: one selector for both arms, and the user's templated queries. Nothing can be injected."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from surefoot.adapters.prometheus.prefixes import compiled
from surefoot.adapters.prometheus.presets import Preset, escape_regex
from surefoot.engine.questions import ArmRef, Question

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
# True of every series, so that {{matchers}} may stand beside a comma also where nothing is forced.
_ANY_SERIES = ("__surefoot__", "")
# The label that tells the arms apart in what Prometheus has summed.
SUMMED = "surefoot_arm"
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
        """Both arms."""
        return matchers((self,))

    def has(self, labels: Mapping[str, str]) -> bool:
        """Whether a series is one of either arm."""
        value = labels.get(self.label, "")
        mine = any(compiled(each).fullmatch(value) for each in (self.candidate, self.incumbent))
        return mine and all(labels.get(name) == wanted for name, wanted in self.shared)

    def only(self, pattern: str) -> str:
        """One arm."""
        return matchers((Arms(self.label, pattern, pattern, self.shared),))


def shape(arms: Arms) -> tuple[str, ...]:
    """What arms have to have in common to be asked for in one query."""
    return arms.label, *(name for name, _ in arms.shared)


def matchers(many: Sequence[Arms]) -> str:
    """Label matchers for all of them, which are of one shape; more than theirs may fit."""
    both = "|".join(sorted({each for arms in many for each in (arms.candidate, arms.incumbent)}))
    texts: list[str] = []
    # By place: a label may be there twice, once of the preset and once forced by a class.
    for place, (name, _) in enumerate(many[0].shared):
        values = sorted({arms.shared[place][1] for arms in many})
        exact = len(values) == 1
        text = values[0] if exact else "|".join(map(escape_regex, values))
        texts.append(f"{name}{'=' if exact else '=~'}{quote(text)}")
    return ",".join([*texts, f"{many[0].label}=~{quote(both)}"])


def arms_of(preset: Preset, question: Question) -> Arms:
    """How the preset tells this question's arms apart."""
    namespace, label = question.namespace, preset.arm
    return Arms(
        label=label.label,
        candidate=label.regex(namespace, question.candidate),
        incumbent=label.incumbent_regex(namespace, question.incumbent),
        shared=tuple(
            sorted(
                {
                    *label.shared(namespace, question.candidate, question.incumbent).items(),
                    *question.matchers,
                }
            )
        ),
    )


def quote(text: str) -> str:
    """A PromQL string literal."""
    return f'"{escape_string(text)}"'


def escape_string(text: str) -> str:
    """Text as it stands between the quotes of a PromQL string, whichever quotes they are."""
    return "".join(_STRING_ESCAPES.get(letter, letter) for letter in text)


def selector(
    metrics: Collection[str],
    many: Sequence[Arms],
    range_s: float,
    end: float | None = None,
    instances: Collection[str] = (),
) -> str:
    """Raw samples of `metrics` over `range_s` seconds (rounded up) to `end`, or until now; if there
    are `instances`, only theirs."""
    found = matchers(many)
    if instances:
        found += f",instance=~{quote('|'.join(sorted(map(escape_regex, instances))))}"
    return f"{named(metrics, found)}{over(range_s)}{pinned(end)}"


def named(metrics: Collection[str], found: str) -> str:
    """An instant selector."""
    return f"{{__name__=~{quote('|'.join(sorted(metrics)))},{found}}}"


def over(range_s: float) -> str:
    """The range of a selector."""
    return f"[{max(1, ceil(range_s))}s]"


def pinned(end: float | None) -> str:
    """The time that a selector is evaluated at, whatever the query's."""
    return "" if end is None else f" @ {end:.3f}"


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
        return values[name] if name == "matchers" else escape_string(values[name])

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
    forced = ",".join(f"{n}={quote(v)}" for n, v in question.matchers or (_ANY_SERIES,))
    window = f"{max(1, int(window_s))}s"
    return {**values, "namespace": question.namespace, "window": window, "matchers": forced}
