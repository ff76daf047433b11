"""Daemons that outlive the command that starts them, and their end by process id.

A process id alone may have been given to another program since, after a restart of the machine above all, so a
process is known by its id and start time, and by the boot in which it was seen.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .problem import Problem
from .wait import until

MARK = "SUREFOOT_LOCALCLUSTER"


@dataclass(frozen=True)
class Process:
    """A daemon of ours; `start` is its start time in the words of the operating system."""

    pid: int
    start: str

    def alive(self) -> bool:
        return self.start != "" and _start_time(self.pid) == self.start

    def tail(self, log: Path) -> str:
        """The last words of its log, for an error message."""
        with contextlib.suppress(OSError):
            return " | ".join(log.read_text(errors="replace").strip().splitlines()[-4:])
        return ""


@cache
def boot_id() -> str:
    """Names this boot of the machine, so that what was noted before a restart is known as stale."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    found = subprocess.run(["sysctl", "-n", "kern.boottime"], capture_output=True, text=True)
    return found.stdout.strip()


def _start_time(pid: int) -> str:
    """Start time of a living process, `""` for one that is gone or only waits to be reaped."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True
    )
    state, _, start = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()


def spawn(command: Sequence[str | Path], log: Path, mark: str, env: Mapping[str, str]) -> Process:
    """Start a daemon in a session of its own, with its output in `log`.

    `mark` goes into its environment, and so into that of its children: `marked` finds them even if this command is
    killed before it noted the process id.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        started = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **env, MARK: mark},
            cwd="/",
        )
    started.returncode = 0  # its end is noticed by `alive`; Popen must not warn that it still runs
    return Process(started.pid, _start_time(started.pid))


def marked(mark: str) -> list[Process]:
    """Every process that carries `mark` in its environment (Linux only; elsewhere none is found)."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(Process(int(entry.name), _start_time(int(entry.name))))
    return found


def of_pids(pids: Iterable[int]) -> list[Process]:
    """Processes known by their ids at this moment."""
    return [Process(pid, _start_time(pid)) for pid in pids]


def stop(processes: Iterable[Process], patience_s: float = 10.0) -> None:
    """End processes: ask, wait, then force. Returns when all are gone."""
    living = [process for process in processes if process.alive()]
    for forced, patience in ((False, patience_s), (True, 30.0)):
        for process in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL if forced else signal.SIGTERM)
        if _wait_gone(living, patience):
            return
        living = [process for process in living if process.alive()]
    raise Problem(f"Processes {[process.pid for process in living]} do not end: end them by hand.")


def _wait_gone(processes: Sequence[Process], patience_s: float) -> bool:
    gone: Callable[[], bool] = lambda: not any(process.alive() for process in processes)  # noqa: E731
    try:
        until(gone, "the end of processes", patience_s, every_s=0.05)
    except Problem:
        return False
    return True
