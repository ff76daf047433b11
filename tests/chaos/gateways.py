"""Does the Gateway controller's part in every namespace: judges each generation of each route."""

from __future__ import annotations

import threading
from contextlib import suppress

from tests.chaos.watcher import Watcher
from tests.support.kube import Kube
from tests.support.story import Gateway


class Gateways:
    """Looks at all routes, again and again: it gets over an API server that was away."""

    def __init__(self, kube: Kube, watcher: Watcher) -> None:
        self._kube, self._watcher, self._closed = kube, watcher, threading.Event()
        self._judges: dict[str, Gateway] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(0.1):
            for (namespace, kind, _), body in list(self._watcher.latest.items()):
                if kind == "HTTPRoute":
                    judge = self._judges.setdefault(
                        namespace, Gateway(self._kube.within(namespace), follow=False)
                    )
                    with suppress(OSError):
                        judge.judge(body)
