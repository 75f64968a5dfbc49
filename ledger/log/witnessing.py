"""Witnessing (C2SP tlog-witness): another party cosigns a log's growth, once it has checked it.

A witness never cosigns two trees of one log of which neither is the beginning of the other.
"""

import base64
import re
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from ledger.log.checkpoints import Checkpoint, read_checkpoint, verify_checkpoint
from ledger.log.merkle import ProofWrong, check_consistency
from ledger.log.notes import NOTE_BYTES_MAX, NoteKey, NoteSigner, NoteWrong

OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
# A consistency proof is no longer (tlog-witness, "add-checkpoint").
PATH_MAX = 63
REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 5_000

Judgement = Literal[
    "cosigned", "malformed", "unknown-log", "not-signed", "old-is-larger", "other-size",
    "other-root", "inconsistent",
]  # fmt: skip


class WitnessAnswer(NamedTuple):
    """What a witness says: signature lines where it cosigned, the size it knows, or why not."""

    judgement: Judgement
    text: str


class CosignRequest(NamedTuple):
    """A request to cosign: the size from which the proof leads, the proof, and the checkpoint."""

    old: int
    path: list[bytes]
    checkpoint: bytes


class WitnessMemory(Protocol):
    """Keeps the last checkpoint cosigned of each log."""

    def last(self, origin: str) -> Checkpoint | None:
        """Returns it, None for a log never met."""
        ...

    def keep(self, checkpoint: Checkpoint, content: bytes) -> None:
        """Keeps a checkpoint. On return it is durable: callers MUST NOT cosign before."""
        ...


class Witness:
    """Cosigns the checkpoints of the logs it knows."""

    def __init__(
        self,
        signer: NoteSigner,
        logs: Sequence[NoteKey],
        memory: WitnessMemory,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._signer = signer
        self._logs = {key.name: key for key in logs}
        self._memory = memory
        self._now = now
        # Checking against the last checkpoint and keeping the next are one step.
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Cosigns a checkpoint, or says why not."""
        try:
            asked = read_request(body)
            origin = read_checkpoint(asked.checkpoint)[0].origin
        except ValueError as error:
            return WitnessAnswer("malformed", str(error))
        key = self._logs.get(origin)
        if key is None:
            return WitnessAnswer("unknown-log", f"no key is known here for {origin[:80]}")
        try:
            checkpoint, note, _ = verify_checkpoint(asked.checkpoint, key)
        except NoteWrong as error:
            return WitnessAnswer("not-signed", str(error))
        with self._lock:
            if (refused := self._refusal(asked, checkpoint)) is not None:
                return refused
            self._memory.keep(checkpoint, asked.checkpoint)
            line = self._signer.sign(note.text, int(self._now().timestamp()))
        return WitnessAnswer("cosigned", line)

    def _refusal(self, asked: CosignRequest, checkpoint: Checkpoint) -> WitnessAnswer | None:
        if asked.old > checkpoint.size:
            return WitnessAnswer("old-is-larger", f"{asked.old} is beyond {checkpoint.size}")
        last = self._memory.last(checkpoint.origin) or Checkpoint(checkpoint.origin, 0, b"")
        if asked.old != last.size:
            return WitnessAnswer("other-size", f"{last.size}\n")
        if not last.size:
            # Nothing was known of this log: its first tree is taken as it is.
            return (
                WitnessAnswer("inconsistent", "from 0 on there is no proof") if asked.path else None
            )
        if last.size == checkpoint.size and last.root != checkpoint.root:
            return WitnessAnswer("other-root", f"{last.size}\n")
        try:
            check_consistency(last.size, checkpoint.size, asked.path, last.root, checkpoint.root)
        except ProofWrong as error:
            return WitnessAnswer("inconsistent", str(error))
        return None


def write_request(asked: CosignRequest) -> bytes:
    """Returns a request's body."""
    hashes = [base64.b64encode(one).decode() for one in asked.path]
    return "\n".join([f"old {asked.old}", *hashes, "", ""]).encode() + asked.checkpoint


def read_request(body: bytes) -> CosignRequest:
    """Reads a request's body. Raises `ValueError` for one that is none."""
    if len(body) > REQUEST_BYTES_MAX:
        raise ValueError(f"a request has at most {REQUEST_BYTES_MAX} bytes, not {len(body)}")
    head, gap, checkpoint = body.partition(b"\n\n")
    lines = head.decode("ascii", errors="replace").split("\n")
    found = OLD.fullmatch(lines[0])
    if not gap or found is None:
        raise ValueError("a request is 'old SIZE', a proof, an empty line and a checkpoint")
    if len(lines) - 1 > PATH_MAX:
        raise ValueError(f"a proof has at most {PATH_MAX} lines, not {len(lines) - 1}")
    path = [base64.b64decode(line, validate=True) for line in lines[1:]]
    return CosignRequest(int(found[1]), path, checkpoint)
