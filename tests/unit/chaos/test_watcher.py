"""Who may write is told by the history of a Lease, as the API server stored it."""

from tests.chaos.watcher import NOBODY, Watcher
from tests.invariants import first_broken
from tests.timeline import Led


class Quiet(Watcher):
    """One that is told of what happened instead of watching."""

    def __init__(self) -> None:
        self.latest, self.versions = {}, {}

    def saw(
        self, revision: int, kind: str, name: str, type_: str = "MODIFIED", **body: object
    ) -> None:
        meta = {"namespace": "home", "name": name, "resourceVersion": str(revision)}
        self._see(kind, {"type": type_, "object": {"metadata": meta, **body}})


def lease(holder: str) -> dict[str, object]:
    return {"holderIdentity": holder}


def test_a_holder_is_the_process_in_its_identity_and_nobody_once_given_back():
    watcher = Quiet()
    watcher.saw(3, "Lease", "surefoot", spec=lease("one_1a2b"))
    watcher.saw(4, "Lease", "other", spec=lease("someone"))
    watcher.saw(7, "Lease", "surefoot", spec=lease(""))
    watcher.saw(9, "Lease", "surefoot", spec=lease("two_3c4d"))
    watcher.saw(12, "Lease", "surefoot", "DELETED", spec=lease("two_3c4d"))
    held = watcher.holders("home", "surefoot")
    assert held == {3: "one", 7: NOBODY, 9: "two", 12: NOBODY}


def test_a_write_after_the_lease_has_gone_over_breaks_i5():
    watcher = Quiet()
    for revision, holder in ((3, "one_1a2b"), (9, "two_3c4d")):
        watcher.saw(revision, "Lease", "surefoot", spec=lease(holder))
    watcher.saw(10, "Event", "told", reason="Started", note="release of 42")
    led = watcher.holders("home", "surefoot")
    assert Led("two") in watcher.timeline("home", {10: "one"}, led)
    assert first_broken(watcher.timeline("home", {10: "one"}, led), settled=False).startswith("I5")
    assert first_broken(watcher.timeline("home", {10: "two"}, led), settled=False) == ""


def test_what_is_over_is_forgotten():
    watcher = Quiet()
    watcher.saw(3, "Lease", "surefoot", spec=lease("one_1a2b"))
    watcher.forget("home")
    assert (watcher.latest, watcher.versions) == ({}, {})
