"""Checkpoints (C2SP tlog-checkpoint): a log's origin, size and root, as the text of a note."""

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple

from ledger.log.merkle import HASH_BYTES
from ledger.log.notes import Cosigned, Note, NoteKey, NoteWrong, read_note, signed_by

# A tree of more leaves is nobody's: positions are bigints.
SIZE_MAX = 2**63 - 1
SIZE = re.compile(r"^(0|[1-9][0-9]{0,18})$")


class Checkpoint(NamedTuple):
    """What a log states: that its tree of `size` leaves has this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Returns the note's text, which is what keys sign."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Verified(NamedTuple):
    """A checkpoint whose log's signature was checked, with the witnesses that cosigned it."""

    checkpoint: Checkpoint
    note: Note
    witnesses: list[Cosigned]


def read_checkpoint(content: bytes) -> tuple[Checkpoint, Note]:
    """Reads a checkpoint. Raises `NoteWrong` saying why it is none; nothing is verified yet."""
    note = read_note(content)
    lines = note.text[:-1].split("\n")
    if len(lines) < len(Checkpoint._fields) or not all(lines):
        raise NoteWrong("a checkpoint has an origin, a size and a root, a line each")
    origin, size, root = lines[: len(Checkpoint._fields)]
    try:
        raw = base64.b64decode(root, validate=True)
    except ValueError as error:
        raise NoteWrong(f"a root is base64, not {root[:60]!r}") from error
    if SIZE.match(size) is None or int(size) > SIZE_MAX:
        raise NoteWrong(f"a size is a number without leading zeroes, not {size[:60]!r}")
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != root:
        raise NoteWrong(f"a root is {HASH_BYTES} bytes in base64, not {root[:60]!r}")
    return Checkpoint(origin, int(size), raw), note


def verify_checkpoint(content: bytes, log: NoteKey, witnesses: Sequence[NoteKey] = ()) -> Verified:
    """Reads a checkpoint that a log's key signed, and says which of the witnesses cosigned it.

    Raises `NoteWrong` for one of another log, of another key, or with a forged signature.
    """
    checkpoint, note = read_checkpoint(content)
    if checkpoint.origin != log.name:
        raise NoteWrong(f"this is a checkpoint of {checkpoint.origin[:80]}, not of {log.name}")
    signed_by(note, [log])
    cosigned = {}
    if witnesses:
        known = {(key.name, key.id) for key in witnesses}
        if any((one.name, one.id) in known for one in note.signatures):
            # A witness counts once, by the latest time it states.
            for said in sorted(signed_by(note, witnesses), key=lambda one: one.time):
                cosigned[said.name] = said
    return Verified(checkpoint, note, list(cosigned.values()))
