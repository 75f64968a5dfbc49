"""The tape: a scanner's own record, numbered, chained and on disk before the hand is told.

SQLite in WAL mode with `synchronous=FULL`. Nothing is deleted: receipted reports are kept so that
a ledger restored from yesterday can be filled again, until published checkpoints cover them.
"""

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger.events import wire
from ledger.events.base import Event
from ledger.events.catalogue import REPORT_BYTES_MAX, encode, read_report
from ledger.values.chain import batch_message, chain_next, chain_start
from ledger.values.keys import SigningKey
from scanners.tape_file import is_tape, open_file

# Below this the next scan may not fit; the hand is warned long before.
FREE_BYTES_MIN = 16 * 1024 * 1024
# A tape is called full at this size, weeks of a busy stall, unless the disk is smaller.
TAPE_BYTES_FULL = 2 * 1024 * 1024 * 1024
# A batch that is sure to fit into an envelope as base64.
BATCH_RAW_BYTES_MAX = wire.BATCH_BYTES_MAX // 2


class TapeFull(OSError):
    """The disk under the tape is full: free some space, nothing that was kept is lost."""


class NoTape(ValueError):
    """A file that is no tape; it was not touched."""


class Picture(NamedTuple):
    """A paper's picture by the SHA-256 of its bytes, in hex."""

    digest: str
    media: str
    content: bytes


class Kept(NamedTuple):
    """A report as it stands on the tape."""

    number: int
    report: bytes
    chain: bytes


class Tape:
    """A scanner's tape in one file.

    `append` returns only when the report is on disk: callers MUST NOT tell the hand before, and
    MUST find it again after any crash. Numbers are gapless from 1. One process holds a tape.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._db = connection
        # A receipt that a power cut takes is sent again for the asking: it need not be fsynced.
        self._notes = open_file(path, synchronous="NORMAL")
        self._lock = threading.Lock()
        row = connection.execute("SELECT tape, device, key_seed FROM tape").fetchone()
        self.id, self.device = str(row[0]), str(row[1])
        self.key = SigningKey(row[2])

    @classmethod
    def create(
        cls,
        path: Path,
        tape: str,
        device: str,
        key_seed: bytes,
        *,
        opening: Callable[[], Event],
    ) -> "Tape":
        """Makes a tape file with its `tape-opened` as report 1; refuses to touch an existing one."""
        if path.exists():
            raise FileExistsError(f"{path} holds a tape already: a new tape needs a new file")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole under its own name, or not there at all.
        partial = path.with_name(f"{path.name}.new")
        for ending in ("", "-wal", "-shm"):
            partial.with_name(partial.name + ending).unlink(missing_ok=True)
        # It holds the key: nobody else may read it, nor the log beside it, at any moment.
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = open_file(partial)
        with connection:
            connection.execute("INSERT INTO tape VALUES (1, ?, ?, ?)", [tape, device, key_seed])
        with closing(cls(partial, connection)) as made:
            made.append(opening())
        os.link(partial, path)
        partial.unlink()
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "Tape":
        """Opens an existing tape. Raises `FileNotFoundError`, or `NoTape` for another file."""
        if not path.exists():
            raise FileNotFoundError(f"there is no tape at {path}: suyuan enroll makes one")
        if not is_tape(path):
            raise NoTape(f"{path} is no tape: name the file that suyuan enroll made")
        return cls(path, open_file(path))

    def append(self, event: Event) -> Kept:
        """Puts a report on the tape durably and returns it with its number.

        Raises `TapeFull` when the disk is; nothing was kept then and the hand MUST be told.
        Raises `Malformed` for a report the ledger would not be able to read, `ValueError` for one
        that is too large.
        """
        report = checked(event)
        with self._lock, self._full_said(), self._writing():
            return self._insert(report)

    def append_once(self, events: Sequence[tuple[str, Event]]) -> list[Kept | None]:
        """Puts reports on the tape, all or none, each under a key that is used but once.

        Returns None for a report whose key was used before: it is on the tape already. Raises as
        `append` does; then nothing of these was kept.
        """
        reports = [(key, checked(event)) for key, event in events]
        kept: list[Kept | None] = []
        with self._lock, self._full_said(), self._writing():
            for key, report in reports:
                query = "SELECT 1 FROM once WHERE key = ?"
                if self._db.execute(query, [key]).fetchone() is not None:
                    kept.append(None)
                    continue
                one = self._insert(report)
                self._db.execute("INSERT INTO once VALUES (?, ?)", [key, one.number])
                kept.append(one)
        return kept

    def under(self, prefix: str) -> dict[str, int]:
        """Returns the keys that begin so, each with the number of its report."""
        with self._lock:
            found = self._db.execute(
                "SELECT key, number FROM once WHERE key >= ? AND key < ?",
                [prefix, prefix + "\uffff"],
            ).fetchall()
        return {row[0]: int(row[1]) for row in found}

    def used(self, keys: Sequence[str]) -> set[str]:
        """Returns which keys have put a report on the tape before."""
        with self._lock:
            found = self._db.execute(
                "SELECT key FROM once WHERE key IN (SELECT value FROM json_each(?))",
                [json.dumps(list(keys))],
            ).fetchall()
        return {row[0] for row in found}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction that holds the file from its first look on: numbers have no twins."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _full_said(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise TapeFull(f"the disk under {self._path} is full: free some") from error
            if "disk I/O" in str(error):
                raise TapeFull(f"the disk under {self._path} cannot be written: {error}") from error
            if "locked" in str(error):
                raise TapeFull(f"{self._path} is in use by another process: end that") from error
            raise

    def waiting(self, limit: int = wire.BATCH_REPORTS_MAX, after: int = 0) -> list[Kept]:
        """Returns the first reports without a receipt behind `after`, in order, as one batch."""
        with self._lock:
            rows = self._db.execute(
                "SELECT number, report, chain FROM reports"
                " WHERE position IS NULL AND number > ? ORDER BY number LIMIT ?",
                [after, limit],
            ).fetchall()
        return joined([Kept(*row) for row in rows])

    def since(self, number: int, limit: int = wire.BATCH_REPORTS_MAX) -> list[Kept]:
        """Returns reports from `number` on, receipted or not, for a ledger that asks again."""
        with self._lock:
            rows = self._db.execute(
                "SELECT number, report, chain FROM reports WHERE number >= ?"
                " ORDER BY number LIMIT ?",
                [number, limit],
            ).fetchall()
        return joined([Kept(*row) for row in rows])

    def envelope(self, batch: list[Kept]) -> bytes:
        """Returns consecutive reports as a signed batch, ready to send over any transport."""
        previous = self._chain_before(batch[0].number)
        return signed_batch(self.id, self.device, self.key, previous=previous, batch=batch)

    def receipted(self, verdicts: tuple[wire.Verdict, ...], answer: bytes = b"") -> int:
        """Notes where the ledger put reports, and keeps its signed word; returns what was news.

        Raises `TapeFull` when the disk is: the ledger gives the receipt again for the asking.
        """
        with self._lock, self._full_said(), self._notes:
            if answer and verdicts:
                self._notes.execute(
                    "INSERT INTO receipts (last, answer) SELECT ?1, ?2"
                    " WHERE NOT EXISTS (SELECT 1 FROM receipts WHERE last = ?1 AND answer = ?2)",
                    [verdicts[-1].number, answer],
                )
            done = self._notes.executemany(
                "UPDATE reports SET position = ?, code = ?, flags = ?"
                # A ledger that was restored puts what it is given again in another place.
                " WHERE number = ? AND position IS NOT ?",
                [(v.position, v.code, ",".join(v.flags), v.number, v.position) for v in verdicts],
            )
            return done.rowcount

    def count_waiting(self) -> int:
        """Returns how many reports have no receipt yet."""
        with self._lock:
            row = self._db.execute("SELECT count(*) FROM reports WHERE position IS NULL").fetchone()
        return int(row[0])

    def last(self) -> int:
        """Returns the last number on the tape."""
        with self._lock:
            row = self._db.execute("SELECT max(number) FROM reports").fetchone()
        return int(row[0] or 0)

    def position_of(self, number: int) -> int | None:
        """Returns where the ledger put a report, or None while it has not said."""
        with self._lock:
            row = self._db.execute(
                "SELECT position FROM reports WHERE number = ?", [number]
            ).fetchone()
        return None if row is None else row[0]

    def last_position(self) -> int:
        """Returns where the last report that has a receipt was put; 0 before the first."""
        with self._lock:
            row = self._db.execute(
                "SELECT position FROM reports WHERE position IS NOT NULL ORDER BY number DESC LIMIT 1"
            ).fetchone()
        return int(row[0]) if row else 0

    def receipts(self) -> Iterator[bytes]:
        """Yields the ledger's signed answers, in the order in which they were heard."""
        after = 0
        while True:
            with self._lock:
                row = self._db.execute(
                    "SELECT heard, answer FROM receipts WHERE heard > ? ORDER BY heard LIMIT 1",
                    [after],
                ).fetchone()
            if row is None:
                return
            after = row[0]
            yield bytes(row[1])

    def chain_at(self, number: int) -> bytes | None:
        """Returns the chain hash after a report, or None for a number not on this tape."""
        with self._lock:
            row = self._db.execute(
                "SELECT chain FROM reports WHERE number = ?", [number]
            ).fetchone()
        return None if row is None else bytes(row[0])

    def fill_percent(self) -> int:
        """Returns how full the tape is: of its own bound, or of what the disk has left."""
        used = self._path.stat().st_size
        free = shutil.disk_usage(self._path.parent).free
        room = max(1, min(TAPE_BYTES_FULL, used + max(0, free - FREE_BYTES_MIN)))
        return min(100, used * 100 // room)

    def get(self, name: str) -> str | None:
        """Returns a remembered word of the scanner, such as the merchant it stands on."""
        with self._lock:
            row = self._db.execute("SELECT value FROM state WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def put(self, name: str, value: str) -> None:
        """Remembers a word of the scanner across restarts. Raises `TapeFull` when the disk is."""
        with self._lock, self._full_said(), self._db:
            self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", [name, value])

    def keep_document(self, picture: Picture) -> None:
        """Keeps a paper's picture until the ledger has it; one that was refused is tried again.

        Raises `TapeFull` when the disk is; nothing was kept then.
        """
        with self._lock, self._full_said(), self._db:
            self._db.execute(
                "INSERT INTO documents (digest, media, content) VALUES (?, ?, ?)"
                " ON CONFLICT (digest) DO UPDATE SET media = excluded.media, sent = 0"
                " WHERE sent = 2",
                picture,
            )

    def documents_waiting(self) -> list[Picture]:
        """Returns pictures the ledger does not have yet, a few at a time."""
        with self._lock:
            rows = self._db.execute(
                "SELECT digest, media, content FROM documents WHERE sent = 0 LIMIT 4"
            ).fetchall()
        return [Picture(*row) for row in rows]

    def document_refused(self, digest: str) -> None:
        """Notes that the ledger will not take a picture; the bytes stay, and no longer wait."""
        with self._lock, self._db:
            self._db.execute("UPDATE documents SET sent = 2 WHERE digest = ?", [digest])

    def document_sent(self, digest: str) -> None:
        """Notes that the ledger has a picture; the bytes leave the tape."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE documents SET sent = 1, content = x'' WHERE digest = ?", [digest]
            )

    def close(self) -> None:
        """Closes the file."""
        self._notes.close()
        self._db.close()

    def _insert(self, report: bytes) -> Kept:
        row = self._db.execute(
            "SELECT number, chain FROM reports ORDER BY number DESC LIMIT 1"
        ).fetchone()
        number, previous = (row[0] + 1, row[1]) if row else (1, chain_start(self.id))
        chain = chain_next(previous, number, report)
        self._db.execute(
            "INSERT INTO reports (number, report, chain) VALUES (?, ?, ?)",
            [number, report, chain],
        )
        return Kept(number, report, chain)

    def _chain_before(self, number: int) -> bytes:
        if number == 1:
            return chain_start(self.id)
        with self._lock:
            row = self._db.execute(
                "SELECT chain FROM reports WHERE number = ?", [number - 1]
            ).fetchone()
        return bytes(row[0])


def signed_batch(
    tape: str, device: str, key: SigningKey, *, previous: bytes, batch: Sequence[Kept]
) -> bytes:
    """Returns consecutive reports of a tape under one signature, the chain before them with it."""
    first, last = batch[0].number, batch[-1].number
    message = batch_message(tape, first, last, previous, batch[-1].chain)
    return wire.encode(
        wire.Batch(
            device=device, tape=tape, first=first, previous=previous,
            reports=tuple(kept.report for kept in batch), key=key.id, signature=key.sign(message),
        )
    )  # fmt: skip


def checked(event: Event) -> bytes:
    """Returns a report's bytes, as the ledger will be able to read them."""
    report = encode(event)
    if len(report) > REPORT_BYTES_MAX:
        raise ValueError(f"a report has at most {REPORT_BYTES_MAX} bytes, not {len(report)}")
    read_report(report)
    return report


def joined(kept: list[Kept]) -> list[Kept]:
    """Cuts a list where its numbers stop being consecutive or it would not fit an envelope."""
    joined: list[Kept] = []
    size = 0
    for item in kept:
        size += len(item.report)
        apart = joined and item.number != joined[-1].number + 1
        if apart or (joined and size > BATCH_RAW_BYTES_MAX):
            break
        joined.append(item)
    return joined
