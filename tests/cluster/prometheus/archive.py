"""A recorded past in a real Prometheus: counters of two proxies and two pods per arm, written by promtool."""

import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from tests.support.poll import until
from tests.support.story import free_port

SCRAPE_S = 15
EDGES_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
SCORE_EDGES = tuple(round(0.1 * (i + 1), 1) for i in range(9))
_NEVER = float("inf")


class Recorder:
    """Counters that grow with the traffic, and the text of all their samples in OpenMetrics."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._totals: dict[str, float] = {}
        self._samples: list[str] = []

    def record(
        self,
        start: datetime,
        seconds: int,
        weight: Callable[[float], float],
        *,
        rps: float = 100.0,
        error_rate: float = 0.005,
        times: float = 1.0,
    ) -> None:
        """`weight` is the candidate's share of the traffic (0 to 1) by the seconds since `start`; its
        error rate is `times` the incumbent's."""
        for at in range(0, seconds + 1, SCRAPE_S):
            share = weight(at)
            for arm, part, ratio in (("v41", 1.0 - share, 1.0), ("v42", share, times)):
                for proxy in ("envoy-a", "envoy-b"):
                    n = self._poisson(rps * SCRAPE_S * part / 2)
                    self._proxy(arm, proxy, n, self._poisson(n * error_rate * ratio))
                for pod in ("7c9f8d5b6-x2k9p", "7c9f8d5b6-b7h4w"):
                    self._pod(arm, pod, self._poisson(rps * SCRAPE_S * part / 2))
            time = start.timestamp() + at
            self._samples += [
                f"{name} {value:g} {time:.3f}" for name, value in self._totals.items()
            ]

    @property
    def text(self) -> str:
        """Sorted by series, as every one of them has to rise in time."""
        return "\n".join([*sorted(self._samples, key=lambda s: s.split(" ")[0]), "# EOF", ""])

    def _poisson(self, mean: float) -> int:
        if mean <= 0:
            return 0
        return max(0, round(self._rng.gauss(mean, mean**0.5))) if mean > 20 else self._few(mean)

    def _few(self, mean: float) -> int:
        count, left = 0, self._rng.expovariate(1.0)
        while left < mean:
            count += 1
            left += self._rng.expovariate(1.0)
        return count

    def _add(self, name: str, labels: str, value: float) -> None:
        key = f"{name}{{{labels}}}"
        self._totals[key] = self._totals.get(key, 0.0) + value

    def _proxy(self, arm: str, proxy: str, n: int, bad: int) -> None:
        cluster = f'envoy_cluster_name="risk_fraud-{arm}_80",instance="{proxy}:8002",job="envoy",pod="{proxy}"'
        self._add("envoy_cluster_external_upstream_rq_completed", cluster, n)
        for code, count in (("2", n - bad), ("5", bad)):
            labels = f'{cluster},envoy_response_code_class="{code}"'
            self._add("envoy_cluster_external_upstream_rq_xx", labels, count)
        durations = [self._rng.lognormvariate(4.38, 0.6) for _ in range(n)]
        for le in (*EDGES_MS, _NEVER):
            edge = "+Inf" if le == _NEVER else str(le)
            count = sum(duration <= le for duration in durations)
            self._add(
                "envoy_cluster_external_upstream_rq_time_bucket", f'{cluster},le="{edge}"', count
            )

    def _pod(self, arm: str, pod: str, n: int) -> None:
        name = f"fraud-{arm}-{pod}"
        labels = f'instance="{name}:8080",job="models",namespace="risk",pod="{name}"'
        scores = [self._rng.betavariate(2, 5) for _ in range(n)]
        for le in (*SCORE_EDGES, _NEVER):
            edge = "+Inf" if le == _NEVER else str(le)
            count = sum(score <= le for score in scores)
            self._add("model_score_bucket", f'{labels},le="{edge}"', count)


class Archive:
    """A Prometheus that scrapes nothing and has a past."""

    def __init__(self, binary: Path, promtool: Path, folder: Path, text: str) -> None:
        source, data = folder / "past.om", folder / "data"
        source.write_text(text)
        made = ["tsdb", "create-blocks-from", "openmetrics", str(source), str(data)]
        subprocess.run([promtool, *made], check=True, capture_output=True, timeout=300)
        config = folder / "prometheus.yml"
        config.write_text("{}\n")
        self._log = (folder / "prometheus.log").open("w")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [
                binary, f"--config.file={config}", f"--storage.tsdb.path={data}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        until(self._ready, 120, what="Prometheus is ready")

    def _ready(self) -> bool:
        import urllib.request

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/-/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def stairs(steps: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """A course of weights: `(seconds, share)` one after the other, the last one for good."""

    def share(at: float) -> float:
        for lasts, part in _with_last(steps):
            if at < lasts:
                return part
            at -= lasts
        raise AssertionError("the last step lasts for ever")

    return share


def _with_last(steps: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    yield from steps[:-1]
    yield _NEVER, steps[-1][1]
