"""Leftovers: what a suyuan that was killed left running, noted so that the next one can end it."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

FILE = "processes.json"
END_S = 5.0


def note(data: Path, pids: list[int]) -> None:
    """Notes who runs here: this process, and the ones it started."""
    whom = [[pid, born] for pid in (os.getpid(), *pids) if (born := _born(pid)) is not None]
    partial = data / f"{FILE}.new"
    partial.write_text(json.dumps(whom))
    partial.replace(data / FILE)


def forget(data: Path) -> None:
    """Takes this process's own note away; another's, which runs here, stays."""
    try:
        owner = _noted(data)[0][0]
    except (OSError, ValueError, TypeError, IndexError):
        return
    if owner == os.getpid():
        (data / FILE).unlink(missing_ok=True)


def end(data: Path) -> int:
    """Ends what was left by a suyuan that is gone; returns how many. Touches nobody else.

    A process counts as ours by its number and the moment it was born, which together are unique.
    """
    try:
        (owner, *started) = [(int(pid), int(born)) for pid, born in _noted(data)]
    except (OSError, ValueError, TypeError):
        return 0
    if _born(owner[0]) == owner[1]:
        return 0
    left = [pid for pid, born in started if _born(pid) == born]
    # PostgreSQL waits for its clients at SIGTERM and ends at once, and cleanly, at SIGINT.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        alive = [pid for pid, born in started if _born(pid) == born]
        for pid in alive:
            os.kill(pid, number)
        deadline = time.monotonic() + END_S
        while alive and time.monotonic() < deadline:
            alive = [pid for pid, born in started if _born(pid) == born]
            time.sleep(0.02)
    (data / FILE).unlink(missing_ok=True)
    return len(left)


def _noted(data: Path) -> Any:
    return json.loads((data / FILE).read_text())


def _born(pid: int) -> int | None:
    """Returns when a process was born, in the kernel's ticks; None for one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
