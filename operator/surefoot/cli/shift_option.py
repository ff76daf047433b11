"""`--shift errors=2x`: a regression that a replay puts into what the candidate's samples say."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import SignalType as T
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean
from surefoot.engine.questions import Answer, Question
from surefoot.planning.shifts import shifted

_AMOUNT = re.compile(
    r"(?:(?P<times>\d+(?:\.\d+)?)x|(?P<percent>[+-]\d+(?:\.\d+)?)%|(?P<plain>[+-]?\d*\.?\d+))"
)
_TIMES = (T.ERROR_RATE, T.LATENCY, T.BUSINESS, T.PROMQL)
_HOW = {
    T.DRIFT: "a PSI: 0.25",
    T.CALIBRATION: "a gap between outcomes and scores: +0.05",
    T.PERFORMANCE: "the share of outcomes without relation to the scores: 0.25",
    T.FAIRNESS: "how much lower the lowest group's rate is: -30%",
}

Shifts = Mapping[str, float]
"""Sizes (see `surefoot.planning.shifts`) by signal name."""


def parse_shifts(given: Sequence[str], spec: ModelReleaseSpec) -> Shifts:
    """Each `SIGNAL=AMOUNT`, SIGNAL being a signal's name or its type. Raises `Problem`."""
    found: dict[str, float] = {}
    for text in given:
        name, equals, amount = text.partition("=")
        named = [s for s in spec.signals if name in (s.name, s.type.value)]
        if not equals or not named:
            known = ", ".join(s.name for s in spec.signals)
            raise Problem(
                f"--shift {clean(text)}: write SIGNAL=AMOUNT, with a signal of the release: {known}"
            )
        for signal in named:
            found[signal.name] = _size(signal, amount, text)
    return found


def _size(signal: Signal, amount: str, text: str) -> float:
    match = _AMOUNT.fullmatch(amount)
    if signal.type is T.DATA_QUALITY:
        raise Problem(
            f"--shift {clean(text)}: the age and completeness of features cannot be shifted"
        )
    how = _HOW.get(signal.type, "a factor or a percentage: 2x, +20%")
    wrong = Problem(f"--shift {clean(text)}: {signal.name} ({signal.type.value}) takes {how}")
    if match is None:
        raise wrong
    relative = _relative(match)
    if signal.type in _TIMES:
        if relative is None or relative <= -1.0:
            raise wrong
        return relative
    if signal.type is T.FAIRNESS:
        if relative is None or not -1.0 <= relative < 0.0:
            raise wrong
        return -relative
    if match["plain"] is None or (signal.type is not T.CALIBRATION and float(match["plain"]) < 0):
        raise wrong
    return float(match["plain"])


def _relative(match: re.Match[str]) -> float | None:
    """`2x` and `+100%` are 1.0."""
    if match["times"] is not None:
        return float(match["times"]) - 1.0
    return float(match["percent"]) / 100.0 if match["percent"] is not None else None


def with_shifts(
    answers: Mapping[str, Answer], asked: Sequence[Question], shifts: Shifts
) -> Mapping[str, Answer]:
    """The answers with the candidate's measures shifted, windows and intervals alike."""
    if not shifts:
        return answers
    found = dict(answers)
    for question in asked:
        size, answer = shifts.get(question.signal.name), answers.get(question.key)
        if size is None or answer is None or answer.candidate.measure is None:
            continue
        measure = shifted(question.signal, answer.candidate.measure, size)
        found[question.key] = replace(answer, candidate=replace(answer.candidate, measure=measure))
    return found
