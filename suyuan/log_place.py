"""Where a ledger's own log is published, for the verbs that run beside it."""

from pathlib import Path
from typing import NamedTuple

from ledger.log.notes import NoteKey
from ledger.log.postgres import PgLog


class LogPlace(NamedTuple):
    """A published log: its key, and its address or folder."""

    key: NoteKey
    place: str


def log_place(record: PgLog, data: str, url: str | None) -> LogPlace | None:
    """Returns where a ledger's log is: at the address, else in the data folder. None before one is."""
    key = record.key()
    if key is None:
        return None
    return LogPlace(NoteKey(key), url or str(Path(data) / "log" / str(record.epoch())))
