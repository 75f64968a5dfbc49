"""Covering: the largest checkpoint that a tape has seen of its ledger's log."""

import logging

from ledger.log.checkpoints import Verified, verify_checkpoint
from ledger.log.notes import NoteKey, NoteWrong
from scanners.tape import Tape

log = logging.getLogger("suyuan.link")

REMEMBERED = "checkpoint"


class Covering:
    """What the published log covers of a tape's receipts, under the key learned at enrolment."""

    def __init__(self, tape: Tape, key: str | None) -> None:
        self._tape = tape
        self._key = NoteKey(key) if key is not None else None
        remembered = tape.get(REMEMBERED)
        self.size = 0
        if remembered is not None and (verified := self._verified(remembered.encode())):
            self.size = verified.checkpoint.size
        self._kept = self.size

    def heard(self, content: bytes) -> bool:
        """Takes a checkpoint; False for one that this tape's log did not sign.

        A smaller one than before is an older one that came late, and changes nothing.
        """
        if self._key is None:
            # Enrolled where no log was published; whatever is told of one says nothing here.
            return True
        if (verified := self._verified(content)) is None:
            return False
        size = verified.checkpoint.size
        if size > self.size:
            # One a second would wear a card out: only what covers something new goes to disk.
            if self._kept < self._tape.last_position():
                self._tape.put(REMEMBERED, content.decode())
                self._kept = size
            self.size = size
        return True

    def _verified(self, content: bytes) -> Verified | None:
        if self._key is None:
            return None
        try:
            return verify_checkpoint(content, self._key)
        except NoteWrong as error:
            log.info("a checkpoint was ignored: %s", error)
            return None
