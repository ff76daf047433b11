"""`hack/aa`: an equal candidate is not reverted in 20 minutes, one that fails four times as often is."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from demo_story import setup
from demo_story.setup import Stopwatch, kubectl
from environment import ROOT
from images import example, operator
from localcluster import cluster, images, progress
from localcluster.problem import Problem
from localcluster.state import Cluster

EXAMPLE = ROOT / "examples" / "aa"
ARMS = ("same", "twin", "broken")
LONGEST_S = 30 * 60.0
_WAIT = "--timeout=180s"
_EXAMPLES = """examples:
  sudo hack/aa                   both stories, about 35 minutes
  sudo hack/aa --only broken     four times the errors, found by the comparison
"""


@dataclass
class Ending:
    """What became of one candidate, and the most evidence that there was against it."""

    phase: str
    reason: str
    message: str
    seconds: float
    most: float


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the twin was promoted and the broken one reverted by evidence, 1 when not, 2 when
    something outside is missing."""
    parser = argparse.ArgumentParser(
        prog="hack/aa",
        description="200 requests a second to two arms of one model; no limit in the release.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", default="aa", help="which cluster to use (default: aa)")
    parser.add_argument("--only", choices=("twin", "broken"), help="one of the stories")
    parser.add_argument("--down", action="store_true", help="take the cluster away afterwards")
    chosen = parser.parse_args(arguments)
    try:
        with progress.lock(f"demo-{chosen.name}", "another run uses this cluster; try --name"):
            return _tell(chosen.name, [chosen.only] if chosen.only else ["twin", "broken"])
    except Problem as problem:
        print(f"hack/aa: {problem}", file=sys.stderr)
        return 2
    finally:
        if chosen.down:
            cluster.down(chosen.name)


def _tell(name: str, stories: Sequence[str]) -> int:
    def say(text: str) -> None:
        print(text, flush=True)

    found = _bring_up(name, Stopwatch(say))
    wanted = {"twin": ("Idle", "Promoted"), "broken": ("Reverted", "Regression")}
    wrong = 0
    for version in stories:
        _release(found, version)
        ending = _follow(found, version, say)
        right = (ending.phase, ending.reason) == wanted[version]
        wrong += not right
        say(
            f"{'✓' if right else '✗'} {version}: {ending.phase}, {ending.reason} after "
            f"{ending.seconds / 60:.1f} min, evidence at most {ending.most:.3g}: {ending.message}"
        )
    sent, failed = _load(found)
    say(f"requests: {sent}, failed on the way: {failed}")
    return 1 if wrong or failed else 0


def _bring_up(name: str, watch: Stopwatch) -> Cluster:
    with watch.phase("cluster up"):
        found = cluster.up("node", name, scrape_interval=setup.SCRAPE_INTERVAL)
    with watch.phase("images built and loaded"):
        image = operator.build().path
        for archive in (image, example.build()):
            images.load(found, archive)
    with watch.phase("chart installed"):
        setup.install_chart(found, image.stem)
    with watch.phase("model servers ready"):
        kinds = "modelreleases,httproutes,deployments,services,releaserecords"
        kubectl(found, "delete", kinds, "--all", "--namespace=aa", "--cascade=foreground", _WAIT)
        for part in ("namespace", "arms"):
            kubectl(found, "apply", "-f", str(EXAMPLE / f"{part}.yaml"))
        for arm in ARMS:
            kubectl(found, "rollout", "status", f"deployment/aa-{arm}", "--namespace=aa", _WAIT)
    with watch.phase("one version serves alone"):
        _release(found, "same")
        _until(found, lambda status: status.get("phase") == "Idle", 60)
        kubectl(found, "apply", "-f", str(EXAMPLE / "load.yaml"))
        kubectl(found, "rollout", "status", "deployment/load", "--namespace=aa", _WAIT)
    return found


def _release(found: Cluster, version: str) -> None:
    """Make an arm the candidate, by the one line of the manifest that a release changes."""
    text = (EXAMPLE / "release.yaml").read_text()
    text = text.replace('version: "same"', f'version: "{version}"').replace(
        "aa-same", f"aa-{version}"
    )
    kubectl(found, "apply", "-f", "-", stdin=text)


def _status(found: Cluster) -> dict[str, Any]:
    body = json.loads(kubectl(found, "get", "modelrelease", "aa", "--namespace=aa", "-o", "json"))
    status: dict[str, Any] = body.get("status", {})
    return status


def _until(found: Cluster, done: Callable[[dict[str, Any]], bool], most_s: float) -> dict[str, Any]:
    end = time.monotonic() + most_s
    while not done(status := _status(found)):
        if time.monotonic() > end:
            raise Problem(f"not within {most_s:.0f} s: {status.get('message')}")
        time.sleep(1)
    return status


def _follow(found: Cluster, version: str, say: Callable[[str], None]) -> Ending:
    """A line a minute until the release has ended."""
    began, most, told = time.monotonic(), 1.0, 0.0
    while True:
        status = _status(found)
        release = status.get("release") or {}
        lasted = time.monotonic() - began
        evidence = status.get("evidence") or {}
        if release.get("version") == version:
            most = max(most, evidence.get("value", 1.0))
            if release.get("outcome"):
                phase, reason = status["phase"], release["reason"]
                return Ending(phase, reason, release.get("message", ""), lasted, most)
        if lasted > LONGEST_S:
            raise Problem(f"{version} has not ended within {LONGEST_S / 60:.0f} minutes")
        if lasted - told >= 60 or not told:
            told = lasted
            say(f"  {lasted / 60:4.1f} min  {_line(status, evidence)}")
        time.sleep(2)


def _line(status: dict[str, Any], evidence: dict[str, Any]) -> str:
    step = (status.get("step") or {}).get("position", "–")
    weight = (status.get("traffic") or {}).get("observed", 0)
    parts = [f"{s['name']} {s['value']:.3g}" for s in evidence.get("signals", [])]
    return f"{status.get('phase')} {step} {weight} %  evidence {evidence.get('value', 1):.3g}: {', '.join(parts)}"


def _load(found: Cluster) -> tuple[int, int]:
    """Requests sent, and those that failed between the load generator and a model."""
    path = "/api/v1/namespaces/aa/pods"
    pods = json.loads(
        kubectl(found, "get", "--raw", f"{path}?labelSelector=app.kubernetes.io/name%3Dload")
    )
    name = pods["items"][0]["metadata"]["name"]
    summary = json.loads(kubectl(found, "get", "--raw", f"{path}/{name}:8090/proxy/summary"))
    on_the_way = (n for kind, n in summary["failures"].items() if kind.startswith("path/"))
    return summary["sent"], sum(on_the_way)
