"""A bundle's proofs: that each of its leaves is in the published log."""

import base64
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from ledger.log.checkpoints import Checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, ReadFiles, read_tiles
from ledger.log.merkle import prove_inclusion
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.proofs import index_of
from ledger.log.tiles import TileTree

# A new entry is covered within seconds, while the log service runs.
COVERED_S = 15.0
LOOK_S = 0.3


class LogSource(NamedTuple):
    """A published log: its key, where it is, in words, and what reads its files."""

    key: NoteKey
    place: str
    read: ReadFiles


def proofs_of(log: LogSource, positions: Sequence[int]) -> dict[str, Any]:
    """Returns the log's key and checkpoint, and a path for each position, once all are covered.

    Raises `ValueError` where the log is not readable, or does not come to cover them.
    """
    content, checkpoint = _covering(log, max(positions))
    tree = TileTree(lambda tile: read_tiles(log.read, [tile])[0], checkpoint.size)
    paths = {
        str(position): [
            base64.b64encode(one).decode()
            for one in prove_inclusion(tree.node_at, index_of(position), checkpoint.size)
        ]
        for position in positions
    }
    return {"key": log.key.text, "checkpoint": content.decode(), "paths": paths}


def _covering(log: LogSource, position: int) -> tuple[bytes, Checkpoint]:
    """Waits for a checkpoint that covers a position."""
    deadline = time.monotonic() + COVERED_S
    while True:
        content = log.read([CHECKPOINT])[0] or b""
        try:
            checkpoint = verify_checkpoint(content, log.key).checkpoint
        except NoteWrong as error:
            raise ValueError(f"the checkpoint at {log.place}: {error}") from error
        if checkpoint.size >= position:
            return content, checkpoint
        if time.monotonic() > deadline:
            raise ValueError(f"position {position} is not published yet: does the log service run?")
        time.sleep(LOOK_S)
