"""The real API server's schema and CEL against the models: the same spec, and whether they agree."""

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
from pydantic import ValidationError

from localcluster import build, cluster
from localcluster.state import Cluster
from surefoot.api.base import sentence
from tests.fuzz.drive import sentence_faults
from tests.fuzz.making import Maker
from tests.fuzz.schema import CRDS, Schema, schema_of
from tests.fuzz.stories import specs
from tests.support.examples import INVALID, SPECS, VALID
from tests.support.kube import PLURALS, ApiError, Json, Kube, load_all
from tests.support.poll import until

# Unknown fields are dropped, as the models ignore them.
QUERY = "?dryRun=All&fieldValidation=Ignore"
AT_ONCE = 6
MOST_TOLD = 20


@dataclass
class Compared:
    """Who said what. `looser`: admitted, and refused by a model; `stricter`: the other way round."""

    answers: Counter[str] = field(default_factory=Counter)
    looser: list[str] = field(default_factory=list)
    stricter: Counter[str] = field(default_factory=Counter)
    unclear: list[str] = field(default_factory=list)


def bodies(seed: int, count: int) -> list[Json]:
    """Specs of each kind: examples, and what becomes of them by chance."""
    sound, unsound = ([b for path in paths for b in load_all(path)] for paths in (VALID, INVALID))
    version = sound[0]["apiVersion"]
    sound += [{"apiVersion": version, "kind": "ModelRelease", "spec": spec} for _, spec in specs()]
    known = [
        [body for body in many if body["kind"] in ("ModelRelease", "ReleaseClass")]
        for many in (sound, unsound)
    ]
    return [_body(Maker(Random(f"{seed}/{n}")), *known, n) for n in range(count)]


def _body(make: Maker, sound: Sequence[Json], unsound: Sequence[Json], number: int) -> Json:
    body, how = make.one(unsound if make.flips(0.1) else sound), make.chance.random()
    schema, spec = schema_of(body["kind"]), body["spec"]
    if how < 0.25:
        fresh = make.value(schema)
        names = list(fresh) if not fresh or make.flips(0.2) else [make.one(list(fresh))]
        spec = {**spec, **{name: fresh[name] for name in names}}
    elif how < 0.5:
        spec = _other_values(make, spec, schema)
    elif how < 0.8:
        spec = make.spoiled(spec, 1)
    else:
        spec = make.spoiled(spec, 2 + make.chance.randrange(4))
    named = {"apiVersion": body["apiVersion"], "kind": body["kind"]}
    return {**named, "metadata": {"name": f"f-{number}"}, "spec": spec}


def _other_values(make: Maker, node: Any, schema: Schema, share: float = 0.06) -> Any:
    """The same tree with other values that the schema allows, here and there."""
    if isinstance(node, dict) and "properties" in schema:
        known = schema["properties"]
        return {n: _other_values(make, v, known.get(n, {}), share) for n, v in node.items()}
    if isinstance(node, list) and "items" in schema:
        return [_other_values(make, each, schema["items"], share) for each in node]
    return make.value(schema) if "type" in schema and make.flips(share) else node


async def compare(api: Cluster, namespace: str, seed: int, count: int) -> Compared:
    """Ask the API server about each of them, several at once."""
    found, waiting = Compared(), asyncio.Queue[Json]()
    for body in bodies(seed, count):
        waiting.put_nowait(body)
    tls = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(api.ca)))
    headers = {"Authorization": f"Bearer {api.tokens['admin']}"}
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(
        connector=tls, headers=headers, timeout=timeout, trust_env=False
    ) as session:

        async def work() -> None:
            while not waiting.empty():
                body = waiting.get_nowait()
                path = PLURALS[body["kind"]].format(ns=f"namespaces/{namespace}/")
                async with session.post(f"{api.server}{path}{QUERY}", json=body) as answer:
                    _take(found, body, answer.status, await answer.json(content_type=None))

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return found


def _take(found: Compared, body: Json, status: int, answer: Any) -> None:
    ours, spec = "", body["spec"]
    if status == 201:
        # What is read later is what was stored: without what the server dropped, such as nulls.
        spec = answer["spec"]
    try:
        SPECS[body["kind"]].model_validate(spec)
    except ValidationError as error:
        ours = sentence(error)
        found.unclear += sentence_faults(ours, "the sentence")
    if status not in (201, 400, 422):
        raise AssertionError(f"{status}: {answer}")
    admitted = status == 201
    found.answers[
        f"{'admitted' if admitted else 'refused'}, {'refused' if ours else 'accepted'} by the models"
    ] += 1
    if admitted and ours:
        found.looser.append(f"{ours} in {spec!r:.600}")
    if not admitted and not ours:
        found.stricter[_why(answer)] += 1


def _why(answer: Json) -> str:
    """The kind of the server's first objection."""
    causes = (answer.get("details") or {}).get("causes") or [{}]
    text = f"{causes[0].get('field', '')}: {causes[0].get('message', answer.get('message', ''))}"
    return text[:160]


def server(seed: int, count: int) -> int:
    """On an API server of its own; the exit code."""
    name = f"fuzz-{os.getpid()}"
    try:
        running = cluster.up(profile="api", name=name)
        _ready(running)
        began = time.monotonic()
        found = asyncio.run(compare(running, "default", seed, count))
        return tell(found, count, seed, time.monotonic() - began)
    finally:
        cluster.down(name)


def _ready(running: Cluster) -> None:
    command = [
        build.binary("kubectl"),
        "--kubeconfig",
        running.kubeconfig,
        "apply",
        "--server-side",
        "-f",
        CRDS,
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    kube = Kube(running.server, running.ca, running.tokens["admin"])

    def listed() -> bool:
        try:
            return kube.list("ModelRelease") == kube.list("ReleaseClass") == []
        except ApiError:
            return False

    until(listed, what="the CRDs are served")


def tell(found: Compared, count: int, seed: int, seconds: float) -> int:
    """The account on standard output; 1 when the server admits what a model refuses."""
    for kind, number in sorted(found.answers.items()):
        print(f"{number:>9,}  {kind}")
    print(f"refused by the API server alone, {len(found.stricter)} kinds, the most frequent:")
    for why, number in found.stricter.most_common(MOST_TOLD):
        print(f"{number:>9,}  {why}")
    for text in [*found.looser[:MOST_TOLD], *found.unclear[:MOST_TOLD]]:
        print(f"FAILED: {text}", file=sys.stderr)
    wrong = len(found.looser) + len(found.unclear)
    print(f"{count:,} specs from seed {seed} in {seconds:.0f} s: {wrong} failed")
    return 1 if wrong else 0
