"""Ask for an act on a release, and wait for what became of it."""

import time
from collections.abc import Callable

from surefoot.api.vocabulary import ActionType
from surefoot.cli.kube import Cluster, Object
from surefoot.cli.problem import Problem
from surefoot.cli.reading import part, words

_PAUSE_S = 0.3


def ask(cluster: Cluster, name: str, kind: ActionType, message: str | None) -> Object:
    """Create the ReleaseAction; a release that does not exist is said so first. Raises `Problem`."""
    cluster.release(name)
    return cluster.act(name, kind, message)


def await_end(
    cluster: Cluster,
    action: Object,
    timeout_s: float,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Object:
    """The action once it is done. Raises `Problem` when it is refused, or not handled in time."""
    name = action["metadata"]["name"]
    until = clock() + timeout_s
    while True:
        found = cluster.action(name)
        status = part(found, "status")
        if status.get("phase") == "Refused":
            raise Problem(f"Refused: {words(status, 'message', 'no reason given')}")
        if status.get("phase") == "Done":
            return found
        if clock() >= until:
            raise Problem(
                f"{name} was not handled within {timeout_s:g} s; it still stands. Does the operator run?"
            )
        pause(_PAUSE_S)
