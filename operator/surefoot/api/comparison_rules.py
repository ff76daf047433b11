"""The rules of a signal's comparison, each with the sentence that says what to change."""

import re
from typing import Any

from surefoot.api.base import CelRule
from surefoot.api.vocabulary import SignalMetric as M
from surefoot.api.vocabulary import SignalType as T

RELATIVE = (T.LATENCY, T.FAIRNESS)
ABSOLUTE = (T.DRIFT, T.CALIBRATION, T.PERFORMANCE)
DIRECTED = (T.BUSINESS, T.PROMQL)


def _is(*types: T) -> str:
    return "self.type in [" + ", ".join(f"'{each}'" for each in types) + "]"


def _fits(margin: str) -> str:
    held = f"self.compare.{margin}"
    return (
        f"(!has({held}) || (!({_is(*RELATIVE)}) || !has({held}.absolute)) && "
        f"(!({_is(*ABSOLUTE)}) || !has({held}.relative)))"
    )


def _margins_fit(s: Any) -> bool:
    margins = (s.compare.revert_margin, s.compare.promote_margin) if s.compare else ()
    for margin in filter(None, margins):
        if s.type in RELATIVE and margin.absolute is not None:
            return False
        if s.type in ABSOLUTE and margin.relative is not None:
            return False
    return True


def _fair_margins(s: Any) -> bool:
    margins = (s.compare.revert_margin, s.compare.promote_margin) if s.compare else ()
    found = [m.relative for m in filter(None, margins) if m.relative is not None]
    return s.type is not T.FAIRNESS or all(relative < 1 for relative in found)


def _names_candidate(s: Any) -> bool:
    if s.compare is None or s.query is None:
        return True
    named = set(re.findall(r"\{\{ *(candidate|incumbent)[.]", s.query))
    return named == {"candidate"}


COMPARISON_RULES: tuple[CelRule, ...] = (
    CelRule(
        "!has(self.compare) || self.type != 'DataQuality'",
        "DataQuality has no compare: set maxAge or minCompleteness",
        lambda s: s.compare is None or s.type is not T.DATA_QUALITY,
    ),
    CelRule(
        "!has(self.compare) || self.type != 'Drift' || (!has(self.metric) || self.metric == 'PSI') && "
        "(!has(self.baseline) || self.baseline == 'Incumbent')",
        "compare holds a Drift signal's PSI against the incumbent's: leave out metric and baseline, or "
        "set a threshold instead",
        lambda s: (
            s.compare is None
            or s.type is not T.DRIFT
            or (s.metric in (None, M.PSI) and s.baseline in (None, "Incumbent"))
        ),
    ),
    CelRule(
        f"!has(self.compare) || {_fits('revertMargin')} && {_fits('promoteMargin')}",
        "the margins of Latency and Fairness are relative, those of Drift, Calibration and Performance "
        "absolute: change compare",
        _margins_fit,
    ),
    CelRule(
        "!has(self.compare) || self.type != 'Fairness' || "
        + " && ".join(
            f"(!has(self.compare.{m}) || !has(self.compare.{m}.relative) || "
            f"self.compare.{m}.relative < 1.0)"
            for m in ("revertMargin", "promoteMargin")
        ),
        "a Fairness margin is the part of a ratio that may be lost: write 0.1 for 10 %, below 1",
        _fair_margins,
    ),
    CelRule(
        f"!has(self.compare) || has(self.compare.worse) == ({_is(*DIRECTED)})",
        "compare.worse (Higher or Lower) belongs to Business and PromQL and to no other: add it there, "
        "remove it elsewhere",
        lambda s: s.compare is None or (s.compare.worse is not None) == (s.type in DIRECTED),
    ),
    CelRule(
        f"!has(self.compare) || !({_is(*DIRECTED)}) || has(self.compare.revertMargin)",
        "a Business or PromQL comparison has no usual margin: set compare.revertMargin",
        lambda s: (
            s.compare is None or s.type not in DIRECTED or s.compare.revert_margin is not None
        ),
    ),
    CelRule(
        "!has(self.compare) || !has(self.query) || "
        "(self.query.matches('[{][{] *candidate[.]') && !self.query.matches('[{][{] *incumbent[.]'))",
        "a compared query is asked once per arm, with the incumbent put in the candidate's place: name "
        "{{candidate.…}} in it, and not {{incumbent.…}}",
        _names_candidate,
    ),
)
