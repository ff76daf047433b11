"""Classic histograms that Prometheus itself turned into native ones with custom bounds."""

from datetime import UTC, datetime
from pathlib import Path

from localcluster import build
from surefoot.stats.measures import Histogram
from tests.cluster.prometheus.exporters import Exporter, Prometheus
from tests.cluster.prometheus.test_counts import CANDIDATE_POD, INCUMBENT_POD
from tests.cluster.prometheus.test_reading import SHORT, Asker
from tests.unit.prometheus.builders import question


def text(low: int, middle: int, high: int) -> str:
    """Edges 0.3 and 0.7."""
    every = low + middle + high
    return (
        "# TYPE model_score histogram\n"
        f'model_score_bucket{{le="0.3"}} {low}\n'
        f'model_score_bucket{{le="0.7"}} {low + middle}\n'
        f'model_score_bucket{{le="+Inf"}} {every}\n'
        f"model_score_sum {every * 0.5}\nmodel_score_count {every}\n"
    )


async def test_bounds_of_the_exporters_choosing_stay_the_edges(tmp_path: Path) -> None:
    new = Exporter(text(10, 20, 5), {"namespace": "risk", "pod": CANDIDATE_POD})
    old = Exporter(text(100, 200, 50), {"namespace": "risk", "pod": INCUMBENT_POD})
    prometheus = Prometheus(
        build.binary("prometheus"), tmp_path, new, old,
        flags=["--enable-feature=native-histograms"], convert_classic_histograms_to_nhcb=True,
    )  # fmt: skip
    asker = Asker(prometheus.url)

    def counted(pod: str, count: int) -> None:
        prometheus.has(f'histogram_count(model_score{{pod="{pod}"}})', count)

    try:
        counted(CANDIDATE_POD, 35)
        counted(INCUMBENT_POD, 350)
        start = datetime.now(UTC)
        new.text, old.text = text(14, 20, 8), text(150, 260, 50)
        counted(CANDIDATE_POD, 42)
        counted(INCUMBENT_POD, 460)
        assert prometheus.vector("model_score_bucket") == []
        asked = [question("Drift", "d", start=start)]
        found = (await asker.ask(asked, datetime.now(UTC), SHORT))["d"]
    finally:
        await asker.client.close()
        prometheus.stop()
        new.stop()
        old.stop()
    assert found.candidate.measure == Histogram((0.3, 0.7), (4, 0, 3), 3.5)
    assert found.incumbent.measure == Histogram((0.3, 0.7), (50, 60, 0), 55)
