"""`kubectl surefoot plan` without a cluster: figures in, a picture, JSON or a page out."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from surefoot.adapters.prometheus.payload import Result, Series
from surefoot.cli.main import app
from surefoot.cli.plan_traffic import Figures, Look, given, read, today_of
from surefoot.cli.plan_words import size_text
from surefoot.cli.problem import Problem
from surefoot.engine.questions import ArmRef
from surefoot.stats.measures import Counts
from tests.scenarios.specs import spec
from tests.unit.planning.builders import CALIBRATION, DRIFT, ERRORS, limit, release

WIDE = {"COLUMNS": "200"}


def written(folder: Path, *signals: object, **changes: object) -> str:
    """A file with a small release."""
    arms = {
        "candidate": {"version": "42", **arm("fraud-v42")},
        "incumbent": arm("fraud-v41"),
    }
    steps = [{"weight": 10, "hold": "8m"}, {"weight": 50, "hold": "4m"}]
    body = {
        "apiVersion": "surefoot.dev/v1alpha1",
        "kind": "ModelRelease",
        "metadata": {"name": "fraud", "namespace": "risk"},
        "spec": spec(signals=list(signals), steps=steps, bake="1h", analysis={}, **arms, **changes),
    }
    file = folder / "release.yaml"
    file.write_text(yaml.safe_dump(body))
    return str(file)


def arm(name: str) -> dict[str, object]:
    """With its port, so that no cluster is asked for it."""
    return {"workloadRef": {"name": name}, "backendRef": {"name": name, "port": 80}}


def plan(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["plan", *arguments], env=WIDE)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


ERRORS_BOTH = {**ERRORS, "compare": {}, "threshold": limit("1m", 500)}
LATE = {**CALIBRATION, "labelDelay": "30m", "threshold": limit("30m", 100, min=0.9)}


@pytest.mark.simulation
def test_a_plan_shows_steps_sizes_costs_false_reverts_and_what_to_mend(tmp_path: Path) -> None:
    file = written(tmp_path, ERRORS_BOTH, LATE)
    code, text = plan("-f", file, "--traffic", "50", "--error-rate", "0.01", "--runs", "4")
    assert code == 0
    assert "fraud  50 requests/s, as given" in text
    assert re.search(r"^2 +50 % +4m +6,000 ", text, re.M)
    assert re.search(r"^errors +1  10 % +2,400 +×[\d.]+ +evidence ", text, re.M)
    assert re.search(r"^calibration +1  10 % +2,400 +not judged here", text, re.M)
    assert re.search(r"^errors +errors +×2: found in \d+ % of releases", text, re.M)
    assert re.search(
        r"^comparisons +0 of \d+ healthy releases \(at most [\d.]+ %\); the budget is 5 %",
        text,
        re.M,
    )
    assert "errors has about 300 of its 500 samples within its window of 1m" in text
    assert "calibration only watches in steps 1, 2 and first judges in the bake" in text
    assert "an error rate of" not in text


@pytest.mark.simulation
def test_a_plan_as_json_has_every_figure(tmp_path: Path) -> None:
    file = written(tmp_path, ERRORS_BOTH)
    code, text = plan("-f", file, "--traffic", "50", "--runs", "4", "-o", "json")
    found = json.loads(text)
    assert code == 0
    assert [s["candidateRequests"] for s in found["steps"]] == [2400, 6000, 180000]
    assert [s["position"] for s in found["steps"]] == ["1", "2", "bake"]
    (errors,) = found["signals"]
    assert errors["assumed"] == "an error rate of 0.005"
    assert errors["steps"][1]["smallestByEvidence"] < errors["steps"][0]["smallestByEvidence"]
    assert errors["reference"]["size"] == 1.0
    assert found["falseReverts"]["runs"] >= 60
    assert found["warnings"][0]["needs"] == "window"
    assert found["warnings"][0]["neededSeconds"] == 100


class Page(HTMLParser):
    """Tags that are open, and whatever would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.drawings = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.drawings += tag == "svg"
        if tag not in ("meta", "line", "polyline", "rect"):
            self.open.append(tag)
        self.loaded += [f"{n}={v}" for n, v in attrs if n in ("src", "href", "xlink:href")]
        self.loaded += [tag] if tag in ("script", "link", "iframe", "img") else []

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.simulation
def test_the_page_is_whole_loads_nothing_and_escapes_what_is_not_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, ERRORS_BOTH, LATE)
    Path(file).write_text(Path(file).read_text().replace("name: fraud\n", 'name: "<b>fraud"\n', 1))
    code, text = plan("-f", file, "--traffic", "50", "--runs", "4", "-o", "html")
    assert code == 0
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.loaded == []
    assert page.drawings == 3
    assert "http" not in text.replace("<!doctype html>", "").replace("html lang", "")
    assert "&lt;b&gt;fraud" in text
    assert "<b>" not in text


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("kind: ConfigMap\n")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [\n")
    bad = written(tmp_path, {**ERRORS, "threshold": limit(max=5.0)})
    for arguments, said in (
        (("-f", str(tmp_path / "none.yaml")), "Error: Cannot read"),
        (("-f", str(nothing)), "holds no ModelRelease: give a file with exactly one"),
        (("-f", str(broken)), "is no YAML"),
        (("-f", bad), "an ErrorRate limit is a fraction: write 0.05 for 5 %"),
    ):
        code, text = plan(*arguments, "--traffic", "5")
        assert (code, text.count("\n")) == (1, 1), text
        assert said in text
    (tmp_path / "more").mkdir()
    code, text = plan("-f", written(tmp_path / "more"), "--traffic", "5")
    assert "has no signals" in text
    file = written(tmp_path, ERRORS_BOTH)
    code, text = plan("-f", file, "--prometheus", "http://127.0.0.1:9", "--over", "soon")
    assert "--over: 'soon' is not a duration" in text
    code, text = plan("-f", file, "--prometheus", "http://127.0.0.1:9", "--over", "9d")
    assert "--over must be between 1m and 1d" in text
    code, text = plan("-f", file, "--prometheus", "http://127.0.0.1:9", "--incumbent", "a:x")
    assert "write DEPLOYMENT or DEPLOYMENT:PORT" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--over", "1h"), "so that --over would do nothing: leave out one or the other"),
        (("--incumbent", "a:80"), "so that --incumbent would do nothing"),
        (("--over", "15m", "--credentials", "x"), "so that --over and --credentials would do nothing"),
    ],
)  # fmt: skip
def test_what_says_how_prometheus_is_read_excludes_given_traffic(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    file = written(tmp_path, ERRORS_BOTH)
    code, text = plan("-f", file, "--traffic", "5", *options)
    assert (code, text.count("\n")) == (1, 1), text
    assert said in text
    _, text = plan("-f", file, "--traffic", "5", "--prometheus", "http://127.0.0.1:9", *options)
    assert "would do nothing" not in text


LOOK = Look("risk", ArmRef("fraud-v41", "fraud-v41", 80), timedelta(minutes=10))


def series(name: str, risen: float, **labels: str) -> Series:
    """A counter of the incumbent that has risen over the last twenty minutes, twice what is looked at."""
    now = datetime.now(UTC).timestamp()
    at = [now - 1200 + 15 * i for i in range(81)]
    samples = tuple((time, i * risen / 40) for i, time in enumerate(at))
    every = {"__name__": name, "envoy_cluster_name": "risk_fraud-v41_80", "instance": "e:1"}
    return Series({**every, **labels}, samples)


async def test_todays_traffic_is_what_the_incumbent_showed() -> None:
    async def ask(query: str, at: float) -> Result:
        if "envoy" not in query:
            return ()
        return (
            series("envoy_cluster_external_upstream_rq_completed", 6000),
            series("envoy_cluster_external_upstream_rq_xx", 60, envoy_response_code_class="5"),
        )

    plan = release(ERRORS_BOTH, {**DRIFT, "compare": {}})
    answers = await read(plan, LOOK, ask, timedelta(seconds=15))
    found = today_of(plan, Figures(), LOOK, answers)
    assert found.rps == pytest.approx(10.0, rel=0.05)
    errors = found.baselines["errors"]
    assert isinstance(errors.measure, Counts)
    assert errors.measure.bad / errors.measure.total == pytest.approx(0.01, rel=0.01)
    assert (errors.per_request, errors.assumed) == (pytest.approx(1.0), "")
    assert "no samples of model_score_bucket" in found.baselines["drift"].assumed
    given_rate = today_of(plan, Figures(rps=40.0, error_rate=0.2), LOOK, answers)
    assert given_rate.rps == 40.0
    more = today_of(plan, Figures(rps=40.0), LOOK, answers).baselines["errors"]
    assert more.per_request == pytest.approx(1.0)
    assert given_rate.baselines["errors"].measure == Counts(200_000, 1_000_000)


async def test_without_traffic_it_has_to_be_given() -> None:
    async def ask(query: str, at: float) -> Result:
        return ()

    plan = release(ERRORS_BOTH)
    answers = await read(plan, LOOK, ask, timedelta(seconds=15))
    with pytest.raises(
        Problem, match=r"no traffic of fraud-v41 in the last 10m .*: pass --traffic"
    ):
        today_of(plan, Figures(), LOOK, answers)


async def test_without_an_error_one_is_taken_and_said_so() -> None:
    async def ask(query: str, at: float) -> Result:
        return (series("envoy_cluster_external_upstream_rq_completed", 6000),)

    plan = release(ERRORS_BOTH)
    answers = await read(plan, LOOK, ask, timedelta(seconds=15))
    errors = today_of(plan, Figures(), LOOK, answers).baselines["errors"]
    assert isinstance(errors.measure, Counts)
    assert errors.measure.bad == 1.0
    assert "none was seen" in errors.assumed


def test_figures_alone_are_enough() -> None:
    plan = release(ERRORS_BOTH)
    assert given(plan, Figures(rps=3.0)).baselines["errors"].assumed == "an error rate of 0.005"
    assert given(plan, Figures(rps=3.0, error_rate=0.02)).baselines["errors"].assumed == ""
    with pytest.raises(ValueError, match="not given"):
        given(plan, Figures())


def test_sizes_are_written_as_people_say_them() -> None:
    from surefoot.api.vocabulary import SignalType as T

    found = [
        size_text(kind, size)
        for kind, size in (
            (T.ERROR_RATE, 1.0), (T.LATENCY, 0.2), (T.LATENCY, 2.0), (T.DRIFT, 0.25),
            (T.CALIBRATION, 0.05), (T.FAIRNESS, 0.3), (T.PERFORMANCE, 0.25),
        )
    ]  # fmt: skip
    assert found == ["×2", "+20 %", "×3", "PSI 0.25", "gap 0.05", "−30 %", "25 %"]
