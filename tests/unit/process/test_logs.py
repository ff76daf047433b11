"""Logs: one line for each record, in which no words of others act on a terminal or forge a line."""

import json
import logging
import sys
import unicodedata

import pytest

from surefoot.telemetry import JsonFormatter, TextFormatter
from tests.fuzz.making import HOSTILE


def record(text: str, failed: bool = False) -> logging.LogRecord:
    info = None
    if failed:
        try:
            raise ValueError(text)
        except ValueError:
            info = sys.exc_info()
    made = logging.LogRecord("surefoot.tick", logging.WARNING, "f", 1, "%s", (text,), info)
    made.namespace, made.release, made.reason = "risk", "fraud", "Aborted"
    return made


def acting(line: str) -> set[str]:
    return {c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_record_is_one_line(formatter: logging.Formatter, text: str) -> None:
    assert acting(formatter.format(record(text))) == set()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_of_an_error_passes_for_a_record(text: str) -> None:
    first, *more = TextFormatter().format(record(text, failed=True)).split("\n")
    assert more
    assert all(line.startswith("  ") for line in more)
    assert set.union(*(acting(line) for line in (first, *more))) == set()
    assert acting(JsonFormatter().format(record(text, failed=True))) == set()


def test_json_holds_the_words_as_they_are() -> None:
    found = json.loads(JsonFormatter().format(record("two\nlines")))
    assert (found["message"], found["namespace"], found["reason"]) == (
        "two\nlines",
        "risk",
        "Aborted",
    )
