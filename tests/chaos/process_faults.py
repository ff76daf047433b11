"""What becomes of a process: no memory left, an older version before it, releases deleted without it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path

from environment import ROOT
from tests.chaos.kinds import gone, kind_for_all
from tests.chaos.operator_faults import AREA
from tests.chaos.stage import FailedError, Group, reach

# What first had a Lease; the version before it had none.
# Older ones need packages that are no dependencies any more.
_NEW = "operator/surefoot/engine/owed.py"


@kind_for_all(
    "operator-out-of-memory", AREA, "no memory left for up to 4 s; then killed and started again"
)
async def out_of_memory(group: Group) -> None:
    for _ in range(2):
        group.operator.kill()
        await group.start("tests.chaos.hungry")
        hungry, log = group.operator.process, group.logs.pop()  # it is full of MemoryErrors
        await asyncio.sleep(group.chance.uniform(1, 5))
        hungry.send_signal(signal.SIGUSR1)
        await reach(
            lambda p=hungry, t=log: p.poll() is not None or "MemoryError" in t.read_text(),
            "an end, or a MemoryError", 20.0,
        )  # fmt: skip
        group.strike()
        await asyncio.sleep(group.chance.uniform(0, 4))
        group.operator.kill()
        await group.start()


@kind_for_all(
    "release-deleted-unseen", AREA, "every ModelRelease deleted while no operator runs", ends=gone
)
async def deleted_unseen(group: Group) -> None:
    await reach(lambda: all(tale.was_at(10) for tale in group.tales), "all of them at 10 %")
    await asyncio.sleep(group.chance.uniform(0, 4))
    group.operator.kill()
    for tale in group.tales:
        tale.settles = False  # what was decided a moment ago, and not told, was in the status only
        await tale.do(tale.kube.delete, "ModelRelease", "fraud")
        tale.strike()
    await group.start()


def older(folder: Path) -> Path:
    """The version before this file came, from the history. Raises FailedError without one."""
    asked = ("log", "--diff-filter=A", "--reverse", "--format=%H", "--", _NEW)
    found = subprocess.run(["git", *asked], cwd=ROOT, capture_output=True, text=True).stdout.split()
    packed = subprocess.run(
        ["git", "archive", f"{found[0] if found else 'none'}^", "operator"],
        cwd=ROOT, capture_output=True,
    )  # fmt: skip
    if packed.returncode:
        raise FailedError("the version before is not in this clone: git fetch --unshallow")
    subprocess.run(["tar", "x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder / "operator"


@kind_for_all("operator-upgraded", AREA, "the version before it, and then SIGTERM and this one")
async def upgraded(group: Group) -> None:
    group.operator.kill()
    path = await asyncio.to_thread(older, group.folder)
    await group.start(PYTHONPATH=str(path))
    await asyncio.sleep(group.chance.uniform(2, 10))
    code = await asyncio.to_thread(group.operator.stop)
    assert code == 0, f"it ended with {code}"
    group.strike()
    await group.start()
