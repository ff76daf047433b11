"""Words of others on a terminal, in JSON and on a page: shown, and never obeyed."""

import json
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from surefoot.cli.main import app
from surefoot.cli.plan_page import page
from surefoot.cli.problem import Problem
from surefoot.cli.terminal import draw, dump, told
from surefoot.planning.forecast import Forecast
from surefoot.planning.warnings import Warning as Mend
from tests.fuzz.making import HOSTILE


def acting(text: str) -> set[str]:
    return {
        c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_no_drawing_acts_on_a_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table()
    table.add_column(Text(text))
    table.add_row(Text(text))
    draw(table)
    draw(Text(text))
    assert acting(capsys.readouterr().out) == set()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_problem_acts_on_a_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), told():
        raise Problem(f"No such file: {text}")
    assert acting(capsys.readouterr().err) == set()


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_ascii_and_says_what_was_there(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dump({"message": text, text: 1})
    said = capsys.readouterr().out
    assert said.isascii()
    assert acting(said) == set()
    assert json.loads(said)["message"] == text


class Tags(HTMLParser):
    """The elements of a page, and the words in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


OF_A_PAGE = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section", "ul", "li"} | {
    "svg", "polyline", "text"
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_page_runs_or_hides_words_of_others(text: str) -> None:
    found = Forecast(1.0, 0.05, (), (), None, (Mend(text),))
    shown = page(text, text, found)
    assert acting(shown) == set()
    tags = Tags()
    tags.feed(shown)
    assert tags.tags <= OF_A_PAGE
    if text == "<script>alert(1)</script>":
        assert tags.words.count(text) >= 3


def test_a_file_with_a_hostile_name_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    file.write_text('kind: ModelRelease\nmetadata: {name: "\\e[2Jx"}\nspec: {bake: "\\e]0;x\\a"}\n')
    done = CliRunner().invoke(app, ["plan", "-f", str(file)])
    assert done.exit_code == 1
    assert acting(done.output) == set()
    assert done.output.startswith("Error: ")
