"""A real Prometheus that scrapes exporters whose text the test writes."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.support.exposition import TEXT, Exposition
from tests.support.poll import until
from tests.support.story import free_port

BINARY = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)


class Exporter:
    """One target; `text` is what the next scrape gets, bytes in Prometheus' binary format, None a
    failing scrape."""

    def __init__(
        self, text: str | bytes | None = "", labels: Mapping[str, str] | None = None
    ) -> None:
        self.text, self.labels = text, dict(labels or {})
        self._served = Exposition(self._page)

    def _page(self, _: str) -> tuple[bytes, str] | None:
        if self.text is None:
            return None
        return (self.text, BINARY) if isinstance(self.text, bytes) else (self.text.encode(), TEXT)

    @property
    def target(self) -> str:
        return self._served.address

    def stop(self) -> None:
        self._served.stop()


class Target(Protocol):
    """What can be scraped, and the labels that its series get."""

    labels: dict[str, str]

    @property
    def target(self) -> str: ...


class Prometheus:
    """Scrapes the exporters every second."""

    def __init__(
        self,
        binary: Path,
        folder: Path,
        *exporters: Target,
        flags: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        remote_write: Sequence[Mapping[str, Any]] = (),
        **more: Any,
    ) -> None:
        """`settings` are global ones; `more` is added to the scrape configuration."""
        groups = [{"targets": [each.target], "labels": each.labels} for each in exporters]
        config = {
            "global": {"scrape_interval": "1s", **(settings or {})},
            "scrape_configs": [{"job_name": "test", "static_configs": groups, **more}],
            "remote_write": list(remote_write),
        }
        file, self._log = folder / "prometheus.yml", (folder / "prometheus.log").open("w")
        file.write_text(json.dumps(config))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [
                binary, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}", *flags,
            ],
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        until(lambda: self.vector("vector(1)"), 120, what="Prometheus answers")

    def query(self, query: str) -> Any:
        """The raw answer to an instant query, None while Prometheus does not answer."""
        form = urllib.parse.urlencode({"query": query}).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/api/v1/query", form, timeout=30) as answer:
                return json.load(answer)
        except OSError:
            return None

    def vector(self, query: str) -> list[float]:
        answer = self.query(query)
        return [float(each["value"][1]) for each in answer["data"]["result"]] if answer else []

    def has(self, query: str, value: float) -> None:
        """Wait until a scrape has brought this value."""
        until(lambda: self.vector(query) == [value], 90, what=f"{query} is {value}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
