"""A bundle's proofs: that each of its leaves is in the published log."""

import base64
import time
from collections.abc import Sequence
from typing import Any

from ledger.log.checkpoints import Checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, read_tiles
from ledger.log.merkle import prove_inclusion
from ledger.log.notes import NoteWrong
from ledger.log.proofs import index_of
from ledger.log.tiles import TileTree
from suyuan.log_place import LogPlace
from suyuan.published import PublishedLog

# A new entry is covered within seconds, while the log service runs.
COVERED_S = 15.0
LOOK_S = 0.3


def proofs_of(log: LogPlace, positions: Sequence[int]) -> dict[str, Any]:
    """Returns the log's key and checkpoint, and a path for each position, once all are covered.

    Raises `ValueError` where the log is not readable, or does not come to cover them.
    """
    with PublishedLog(log.place) as published:
        content, checkpoint = _covering(published, log, max(positions))
        tree = TileTree(lambda tile: read_tiles(published.read, [tile])[0], checkpoint.size)
        paths = {
            str(position): [
                base64.b64encode(one).decode()
                for one in prove_inclusion(tree.node_at, index_of(position), checkpoint.size)
            ]
            for position in positions
        }
    return {"key": log.key.text, "checkpoint": content.decode(), "paths": paths}


def _covering(published: PublishedLog, log: LogPlace, position: int) -> tuple[bytes, Checkpoint]:
    """Waits for a checkpoint that covers a position."""
    deadline = time.monotonic() + COVERED_S
    while True:
        content = published.read([CHECKPOINT])[0] or b""
        try:
            checkpoint = verify_checkpoint(content, log.key).checkpoint
        except NoteWrong as error:
            raise ValueError(f"the checkpoint at {log.place}: {error}") from error
        if checkpoint.size >= position:
            return content, checkpoint
        if time.monotonic() > deadline:
            raise ValueError(f"position {position} is not published yet: does the log service run?")
        time.sleep(LOOK_S)
