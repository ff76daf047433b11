"""Metric presets: which series hold a signal, and which label tells the arms apart. Data, in YAML."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, Self, cast

import yaml
from pydantic import TypeAdapter, model_validator

from surefoot.adapters.prometheus.sources import (
    CountsSource,
    FairnessSource,
    HistogramSource,
    LabeledScoresSource,
    LabelName,
    PresetModel,
    QualitySource,
    RatioSource,
    SeriesSource,
)
from surefoot.api.signals import Signal
from surefoot.engine.questions import ArmRef

PLACEHOLDERS = ("namespace", "workload", "service", "port")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class ArmLabel(PresetModel):
    """The label whose value names an arm: an exact `value`, or a `pattern` for the whole of it.

    Both are templates of `{namespace}`, `{workload}`, `{service}` and `{port}`. `incumbent` is the
    incumbent's exact value where it has another form; `also` holds further labels that both arms
    share, which may name `{incumbent}`, its Service.
    """

    label: LabelName
    value: str | None = None
    pattern: str | None = None
    incumbent: str | None = None
    also: Mapping[LabelName, str] = {}

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.value is None) == (self.pattern is None):
            raise ValueError("an arm needs either a value or a pattern")
        templates = [self.value or self.pattern or "", self.incumbent or ""]
        found = {name for text in templates for name in _PLACEHOLDER.findall(text)}
        found |= {name for text in self.also.values() for name in _PLACEHOLDER.findall(text)} - {
            "incumbent"
        }
        if unknown := sorted(found - set(PLACEHOLDERS)):
            raise ValueError(f"{{{unknown[0]}}} is no placeholder; there are {PLACEHOLDERS}")
        return self

    @property
    def needs_port(self) -> bool:
        """Whether arms are told apart by their Services' ports."""
        texts = (self.value or self.pattern or "", self.incumbent or "", *self.also.values())
        return any("{port}" in text for text in texts)

    def regex(self, namespace: str, arm: ArmRef) -> str:
        """A regular expression (RE2 and Python alike) for the whole label value of this arm."""
        values = {name: escape_regex(text) for name, text in _values(namespace, arm).items()}
        if self.pattern is not None:
            return _fill(self.pattern, values)
        return escape_regex(_fill(self.value or "", _values(namespace, arm)))

    def incumbent_regex(self, namespace: str, arm: ArmRef) -> str:
        """As `regex`, for the incumbent."""
        if self.incumbent is None:
            return self.regex(namespace, arm)
        return escape_regex(_fill(self.incumbent, _values(namespace, arm)))

    def shared(self, namespace: str, candidate: ArmRef, incumbent: ArmRef) -> dict[str, str]:
        """The further labels and their exact values."""
        values = _values(namespace, candidate) | {"incumbent": incumbent.service}
        return {label: _fill(text, values) for label, text in self.also.items()}


Measured = Literal[
    "ErrorRate", "Latency", "Drift", "Calibration", "Performance", "Fairness", "DataQuality"
]


class Preset(PresetModel):
    """How one exporter's metrics answer signals.

    `lacks` says in a sentence why a type that one might expect is not there, `caveats` what to know
    before the numbers are trusted, `sample` where the recorded sample is from.
    """

    description: str
    arm: ArmLabel
    signals: Mapping[Measured, SeriesSource]
    lacks: Mapping[Measured, str] = {}
    caveats: tuple[str, ...] = ()
    sample: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        shapes = {
            "ErrorRate": CountsSource,
            "Latency": HistogramSource,
            "Drift": HistogramSource,
            "Calibration": LabeledScoresSource,
            "Performance": LabeledScoresSource,
            "Fairness": FairnessSource,
            "DataQuality": QualitySource,
        }
        for name, source in self.signals.items():
            if not isinstance(source, shapes[name]):
                raise ValueError(f"{name} cannot be read from a {type(source).__name__}")
        if both := sorted(self.signals.keys() & self.lacks.keys()):
            raise ValueError(f"{both[0]} is among the signals and among what it lacks")
        return self

    def source(self, signal_type: str) -> SeriesSource | None:
        """Where a signal type's numbers are, or None if this preset has none."""
        return self.signals.get(cast(Measured, signal_type))


# How the arms of a Business signal are told apart, unless another preset is named.
DEFAULT_ARMS = "model-server"


def source_of(signal: Signal) -> tuple[Preset, SeriesSource] | str:
    """The preset and the source of a signal, or a sentence that says what is wrong."""
    given, known = signal.source, presets()
    name = (given.preset if given else None) or DEFAULT_ARMS
    preset = known.get(name)
    if preset is None:
        return f"there is no metric preset {name!r}: there are {', '.join(known)}"
    if given is not None and given.numerator is not None and given.denominator is not None:
        return preset, RatioSource(numerator=given.numerator, denominator=given.denominator)
    source = preset.source(signal.type.value)
    return (preset, source) if source is not None else supports(name, signal.type.value) or ""


def _one_of(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def escape_regex(text: str) -> str:
    """Text as a regular expression that matches nothing else, in RE2 and in Python."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _values(namespace: str, arm: ArmRef) -> dict[str, str]:
    values = (namespace, arm.workload, arm.service, str(arm.port))
    return dict(zip(PLACEHOLDERS, values, strict=True))


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], template)


def parse(text: str) -> Preset:
    """One preset from its YAML. Raises pydantic's ValidationError."""
    return TypeAdapter(Preset).validate_python(yaml.safe_load(text))


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by its name, which is its file's."""
    folder = files("surefoot.adapters").joinpath("presets", "metrics")
    found = {
        file.name.removesuffix(".yaml"): file
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    }
    return {name: parse(found[name].read_text(encoding="utf-8")) for name in sorted(found)}


@lru_cache(maxsize=1024)
def supports(preset: str | None, signal_type: str) -> str | None:
    """None when `preset` can measure the type, else a sentence that says what can."""
    if signal_type == "Business":
        return None
    known = presets()
    able = [name for name, each in known.items() if each.source(signal_type) is not None]
    if preset in able:
        return None
    what = f"use {_one_of(able)}" if able else "no preset can, write a PromQL signal"
    if preset not in known:
        return f"there is no metric preset {preset!r}: for {signal_type} {what}"
    lacks = known[preset].lacks if preset is not None else {}
    why = next((text for name, text in lacks.items() if name == signal_type), "")
    said = f"the preset {preset} has no {signal_type} metrics"
    return f"{said} ({why}): {what}" if why else f"{said}: {what}"
