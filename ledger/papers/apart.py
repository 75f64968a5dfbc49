"""Reading papers apart: a process for each, few at once, ended when it takes too much."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading

from ledger.papers.copies import CleanCopy, Unfit

# Decoders take a core each; who waits longer is told to come again.
AT_ONCE, WAIT_S = 2, 30.0
# A little more than the process allows itself.
TIME_S = 25.0
COPY_BYTES_MAX = 64 * 1024 * 1024
log = logging.getLogger("suyuan.intake")

TOO_MUCH = "this file takes more memory or time than any paper does: take a plain picture of it"


class Busy(Exception):
    """No paper can be read now: try again in a moment."""


class PaperReader:
    """Reads papers in processes of their own. Keeps nothing."""

    def __init__(self) -> None:
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def read(self, content: bytes) -> CleanCopy:
        """Returns a paper's clean copy. Raises `Unfit` with the reason, `Busy` when all are at work."""
        if not self._room.acquire(timeout=WAIT_S):
            raise Busy("others' papers are being read: send it again in a moment")
        try:
            return _read(content)
        finally:
            self._room.release()


def _read(content: bytes) -> CleanCopy:
    # Nothing of the service's: neither its settings, which name databases, nor its open files.
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "ledger.papers"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment | {"MALLOC_ARENA_MAX": "2"}, close_fds=True, start_new_session=True,
    )  # fmt: skip
    try:
        said, complaint = process.communicate(content, timeout=TIME_S)
    except subprocess.TimeoutExpired as error:
        raise Unfit(TOO_MUCH) from error
    finally:
        # All of it: what it may have begun itself goes, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    head, _, copy = said.partition(b"\n")
    if process.returncode < 0 or len(copy) > COPY_BYTES_MAX:
        # Ended by the system, for the memory or time it took.
        raise Unfit(TOO_MUCH)
    if process.returncode != 0 or not head:
        # It broke by itself: that is no fault of the file's, and may be mended.
        log.error("papers cannot be read: %s", complaint.decode(errors="replace")[-2000:])
        raise Busy("papers cannot be read at present: send it again later")
    told = json.loads(head)
    if "refused" in told:
        raise Unfit(str(told["refused"]))
    return CleanCopy(str(told["media"]), copy, int(told["pages"]), str(told["text"]))
