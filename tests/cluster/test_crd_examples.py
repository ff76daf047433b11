"""Every example gets the same answer from a real API server and from the models."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from localcluster.state import Cluster
from surefoot.api.durations import format_duration, parse_duration
from tests.cluster.conftest import OPERATOR
from tests.support.examples import EXAMPLES, INVALID, SPECS, VALID, stated
from tests.support.kube import ApiError, Json, Kube, load_all

# Strict: an example with a misspelt field is refused, as kubectl does.
DRY = "?dryRun=All&fieldValidation=Strict"
MOST_STEPS = 32


def as_author(api: Cluster, kube: Kube, body: Json) -> Kube:
    """An action is created by the person whom it names, a record by the operator."""
    if body["kind"] == "ReleaseRecord":
        return kube.as_user(OPERATOR)
    author = body["spec"].get("requestedBy", "admin")
    return kube.within(kube.namespace, api.tokens[author])


def submit(who: Kube, body: Json, is_edit: bool = False) -> None:
    """Ask the API server for its answer to an example; nothing is stored."""
    path = who.path(body["kind"])
    if is_edit:
        merge = "application/merge-patch+json"
        who.request("PATCH", f"{path}/{body['metadata']['name']}{DRY}", body, merge)
    else:
        who.request("POST", path + DRY, body)


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.stem)
def test_a_valid_example_is_accepted(path: Path, api: Cluster, kube: Kube) -> None:
    (body,) = load_all(path)
    submit(as_author(api, kube, body), body)
    read = SPECS[body["kind"]].model_validate(body["spec"])
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    submit(as_author(api, kube, body), {**body, "spec": written})


@pytest.mark.parametrize("path", INVALID, ids=lambda p: p.stem)
def test_an_invalid_example_is_refused_for_one_reason(path: Path, api: Cluster, kube: Kube) -> None:
    *before, body = load_all(path)
    author = as_author(api, kube, body)
    for earlier in before:
        author.create(earlier)
    with pytest.raises(ApiError) as refused:
        submit(kube if before else author, body, is_edit=bool(before))
    causes = [
        cause
        for cause in refused.value.body["details"]["causes"]
        if cause["field"] != "<nil>"  # "some validation rules were not checked"
    ]
    assert refused.value.code == 422
    assert stated(path) in refused.value.body["message"]
    assert len(causes) == 1, causes


WRITTEN = [
    *("90s", "15m", "4h", "7d", "1h30m", "1h30m15s", "0s", "0d", "00h", "9999d", "99999h", "007m"),
    *("", "s", "1", "1h ", " 1h", "1H", "1.5h", "-1h", "+1h", "1ms", "1us", "1w", "1d12h", "30m1h"),
    *(
        "1h1h",
        "10000d",
        "100000h",
        "9999999m",
        "99999999s",
        "1 d",
        "1 day",
        "١h",
        "1h\n",
        "P1D",
        "∞",
    ),
]


def made_strings(count: int) -> list[str]:
    """Strings that look like durations, right or nearly right, made by hypothesis (always the same)."""
    found: list[str] = []
    unit = st.tuples(st.integers(0, 10**7), st.sampled_from(["d", "h", "m", "s", "ms", "w", ""]))
    text = st.lists(unit, max_size=4).map(lambda parts: "".join(f"{n}{u}" for n, u in parts))

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(text | st.text(alphabet="0123456789dhms.- ", max_size=12))
    def collect(made: str) -> None:
        found.append(made)

    collect()
    return found


def test_the_duration_parser_agrees_with_the_server(kube: Kube) -> None:
    texts = list(dict.fromkeys([*WRITTEN, *made_strings(400)]))
    ours = {text for text in texts if _parses(text)}
    assert 10 < len(ours) < len(texts) - 10
    accepted = {text for batch in batched(texts, MOST_STEPS) for text in _accepted(kube, batch)}
    assert accepted == ours


def test_the_server_reads_a_duration_as_long_as_the_parser_does(kube: Kube) -> None:
    """Its own arithmetic shows it: maxDuration of exactly hold + bake is accepted, one second less is not."""
    for text in ("90s", "15m", "4h", "7d", "1h30m", "365d", "8760h"):
        total = parse_duration(text)
        assert _server_takes(kube, text, total), text
        assert not _server_takes(kube, text, total - timedelta(seconds=1)), text


def _parses(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def batched(texts: list[str], size: int) -> Iterator[list[str]]:
    """Neighbours together, at most `size` of them."""
    return (texts[start : start + size] for start in range(0, len(texts), size))


def _release(*holds: str, **more: str) -> Json:
    (body,) = load_all(EXAMPLES / "valid" / "minimal.yaml")
    steps = [{"weight": weight, "hold": hold} for weight, hold in enumerate(holds, 1)]
    return {**body, "spec": {**body["spec"], "steps": steps, **more}}


def _refused_fields(kube: Kube, body: Json) -> set[str]:
    try:
        kube.request("POST", kube.path("ModelRelease") + DRY, body)
    except ApiError as error:
        return {cause["field"] for cause in error.body["details"]["causes"]}
    return set()


def _accepted(kube: Kube, texts: list[str]) -> list[str]:
    """Those that are durations; that a hold of nothing is no hold is a rule of the step, not of `hold`."""
    refused = _refused_fields(kube, _release(*texts))
    return [text for i, text in enumerate(texts) if f"spec.steps[{i}].hold" not in refused]


def _server_takes(kube: Kube, hold: str, max_duration: timedelta) -> bool:
    limit = format_duration(max_duration)
    return not _refused_fields(kube, _release(hold, bake="0s", maxDuration=limit))
