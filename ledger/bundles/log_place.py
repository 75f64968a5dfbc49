"""Where a ledger's own log is published, for the verbs that run beside it."""

from pathlib import Path
from typing import NamedTuple

from ledger.journal.keyfile import read_key
from ledger.log.notes import NoteKey
from ledger.log.postgres import PgLog
from ledger.log.publishing import LogSigner


class LogPlace(NamedTuple):
    """A published log: its key, and its address or folder."""

    key: NoteKey
    place: str


def log_place(record: PgLog, data: str, url: str | None) -> LogPlace | None:
    """Returns where a ledger's log is: at the address, else in the data folder. None before one is.

    Its key is that in the data folder; who can write the record could name another there.
    """
    said, named = record.last(), record.key()
    if said is None or named is None:
        return None
    own = Path(data) / "keys" / "log.key"
    key = LogSigner(said.origin, read_key(own)).public if own.exists() else named
    return LogPlace(NoteKey(key), url or str(Path(data) / "log" / str(record.epoch())))
