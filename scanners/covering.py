"""Covering: the largest checkpoint that a tape has seen of its ledger's log."""

import logging

from ledger.log.checkpoints import read_checkpoint, verify_checkpoint
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.origins import steps_from
from scanners.tape import Tape

log = logging.getLogger("suyuan.link")

REMEMBERED = "checkpoint"


class Covering:
    """What the published log covers of a tape's receipts, under the key learned at enrolment.

    A ledger that was restored goes on as another log, under the same key and a name with the next
    number; what the old log covered is asked for again.
    """

    def __init__(self, tape: Tape, key: str | None) -> None:
        self._tape = tape
        self._key = NoteKey(key) if key is not None else None
        self.size, self._steps = 0, 0
        remembered = tape.get(REMEMBERED)
        if remembered is not None and (found := self._verified(remembered.encode())):
            self._steps, self.size = found
        self._kept = self.size

    def heard(self, content: bytes) -> bool:
        """Takes a checkpoint; False for one that this tape's ledger did not sign.

        A smaller one than before is an older one that came late, and changes nothing.
        """
        if self._key is None:
            # Enrolled where no log was published; whatever is told of one says nothing here.
            return True
        if (found := self._verified(content)) is None:
            return False
        if found > (self._steps, self.size):
            if found[0] > self._steps:
                log.warning("the ledger was restored: its log goes on as another")
                self._kept = 0
            self._steps, self.size = found
            # One a second would wear a card out: only what covers something new goes to disk.
            if self._kept < self._tape.last_position():
                self._tape.put(REMEMBERED, content.decode())
                self._kept = self.size
        return True

    def _verified(self, content: bytes) -> tuple[int, int] | None:
        """Returns how many logs later than the pinned one a checkpoint's is, and its size."""
        if self._key is None:
            return None
        try:
            origin = read_checkpoint(content)[0].origin
            if (steps := steps_from(self._key.name, origin)) is None:
                return None
            verified = verify_checkpoint(content, self._key.under(origin))
        except NoteWrong as error:
            log.info("a checkpoint was ignored: %s", error)
            return None
        return steps, verified.checkpoint.size
