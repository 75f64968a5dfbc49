"""Strangers: what came from nobody we know, counted always and kept within bounds."""

import logging
from collections.abc import Callable
from datetime import datetime

from ledger.errors import JournalUnavailable
from ledger.journal.interface import Appender

log = logging.getLogger("suyuan.intake")

# A stranger's message is kept to be looked at, not to be stored whole.
BYTES_MAX = 4096
# Each one kept costs a commit that known devices wait for: so many at once, so many a second.
BURST = 50
KEPT_PER_S = 5


class Strangers:
    """Keeps strangers' messages in the journal's ring at a bounded rate; the rest is counted."""

    def __init__(self, journal: Appender, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now
        self._room = float(BURST)
        self._looked = now()
        self.seen = 0
        self.kept = 0

    def keep(self, reason: str, message: bytes) -> None:
        """Counts a message and keeps its beginning if there is room; never fails."""
        self.seen += 1
        now = self._now()
        passed = max(0.0, (now - self._looked).total_seconds())
        self._looked = now
        self._room = min(float(BURST), self._room + passed * KEPT_PER_S)
        if self._room < 1:
            return
        self._room -= 1
        try:
            self._journal.keep_stranger(now, reason, message[:BYTES_MAX])
            self.kept += 1
        except JournalUnavailable as error:
            log.warning("a stranger's message was counted, not kept: %s", error)
