"""The journal on PostgreSQL: one transaction at a time under the lock of the head row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.errors import JournalDamaged, JournalUnavailable
from ledger.journal.append import Appending
from ledger.journal.interface import (
    TRANSACTION_ROWS_MAX,
    Head,
    Outcome,
    Quarantined,
    Row,
    Stored,
    TapeBatch,
)
from ledger.journal.sealing import Sealer
from ledger.replication import Timeline, Unconfirmed

CHANNEL = "ledger_events"
STRANGERS_MAX = 1000
# A batch of the largest size may bring one event of its own about each tape it closes or stops.
ROWS_MAX = 2 * TRANSACTION_ROWS_MAX

# The server is away, or has become a standby.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
COLUMNS = (
    "notification_id, originator_id, originator_version, topic, state, seed, leaf,"
    " received, flags, chain"
)
COPY_EVENTS = f"COPY ledger.events ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
INSERT_EVENT = (
    f"INSERT INTO ledger.events ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
# So few rows travel in one round trip with the rest of a transaction, which COPY cannot.
INSERT_ROWS_MAX = 4
COPY_TYPES = (
    "int8", "uuid", "int8", "text", "bytea", "bytea", "bytea", "timestamptz", "text[]", "bytea",
)  # fmt: skip
SET_HEADS = """
INSERT INTO ledger.heads (originator_id, version, chain, stopped, device)
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[], %s::boolean[], %s::text[])
ON CONFLICT (originator_id) DO UPDATE
SET version = excluded.version, chain = excluded.chain, stopped = excluded.stopped,
    device = excluded.device
"""

PgConnection = Connection[TupleRow]


class LockedHead(NamedTuple):
    """The head row under its lock: the last position, and how many persons were erased."""

    position: int
    erasures: int


def lock_head(connection: PgConnection) -> LockedHead:
    """Takes the head row's lock until the transaction ends."""
    row = connection.execute("SELECT position, erasures FROM ledger.head FOR UPDATE").fetchone()
    if row is None:
        raise JournalDamaged("the head row is missing: restore the database, then call a human")
    return LockedHead(int(row[0]), int(row[1]))


def copy_rows(connection: PgConnection, position: int, rows: Sequence[Row]) -> list[Stored]:
    """Numbers rows behind `position`, copies them in and moves the head; the lock MUST be held."""
    if len(rows) > ROWS_MAX:
        raise JournalDamaged(f"a transaction holds at most {ROWS_MAX} events, not {len(rows)}")
    written = [Stored(number, *row) for number, row in enumerate(rows, position + 1)]
    if len(rows) <= INSERT_ROWS_MAX:
        for stored in written:
            connection.execute(INSERT_EVENT, (*stored[:8], list(stored.flags), stored.chain))
    else:
        with connection.cursor().copy(COPY_EVENTS) as copy:
            copy.set_types(COPY_TYPES)
            for stored in written:
                copy.write_row((*stored[:8], list(stored.flags), stored.chain))
    connection.execute("UPDATE ledger.head SET position = %s", [position + len(rows)])
    connection.execute(f"NOTIFY {CHANNEL}")
    return written


def set_heads(connection: PgConnection, heads: dict[UUID, Head]) -> None:
    """Writes where streams stand; the lock MUST be held."""
    columns = (
        list(heads),
        [head.number for head in heads.values()],
        [head.chain for head in heads.values()],
        [head.stopped for head in heads.values()],
        [head.device for head in heads.values()],
    )
    connection.execute(SET_HEADS, columns)


class PgTransaction:
    """A `Transaction` over a connection that holds the head's lock."""

    def __init__(self, connection: PgConnection) -> None:
        self._connection = connection
        self._head = lock_head(connection)

    @property
    def erasures(self) -> int:
        """See `Transaction.erasures`."""
        return self._head.erasures

    def heads(self, streams: Iterable[UUID]) -> dict[UUID, Head]:
        """See `Transaction.heads`."""
        found = self._connection.execute(
            "SELECT originator_id, version, chain, stopped, device FROM ledger.heads"
            " WHERE originator_id = ANY(%s)",
            [list(streams)],
        )
        return {stream: Head(*head) for stream, *head in found}

    def between(self, stream: UUID, first: int, last: int) -> list[Stored]:
        """See `Transaction.between`."""
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM ledger.events WHERE originator_id = %s"
            " AND originator_version BETWEEN %s AND %s ORDER BY originator_version",
            [stream, first, last],
        ).fetchall()
        return [as_stored(row) for row in found]

    def open_tapes(self, device: str) -> list[str]:
        """See `Transaction.open_tapes`."""
        found = self._connection.execute(
            "SELECT tape::text FROM ledger.tapes WHERE device = %s AND NOT closed ORDER BY 1",
            [device],
        )
        return [str(tape) for (tape,) in found]

    def note_tape(self, tape: str, device: str) -> None:
        """See `Transaction.note_tape`."""
        self._connection.execute(
            "INSERT INTO ledger.tapes (tape, device) VALUES (%s, %s)", [tape, device]
        )

    def close_tape(self, tape: str) -> None:
        """See `Transaction.close_tape`."""
        self._connection.execute("UPDATE ledger.tapes SET closed = true WHERE tape = %s", [tape])

    def keep_batch(self, batch: TapeBatch) -> None:
        """See `Transaction.keep_batch`."""
        self._connection.execute(
            "INSERT INTO ledger.batches VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                batch.tape,
                batch.first,
                batch.last,
                batch.previous,
                batch.rows[-1].chain,
                batch.key,
                batch.signature,
            ],
        )

    def quarantine(self, items: Sequence[Quarantined]) -> None:
        """See `Transaction.quarantine`."""
        self._connection.cursor().executemany(
            "INSERT INTO ledger.quarantine (kind, tape, number, received, reason, content)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            items,
        )

    def forks_kept(self, tape: str) -> int:
        """See `Transaction.forks_kept`."""
        row = self._connection.execute(
            "SELECT count(*) FROM ledger.quarantine WHERE tape = %s AND kind = 'fork'", [tape]
        ).fetchone()
        return int(row[0]) if row else 0

    def write(self, rows: Sequence[Row], heads: dict[UUID, Head]) -> list[Stored]:
        """See `Transaction.write`."""
        written = copy_rows(self._connection, self._head.position, rows)
        set_heads(self._connection, heads)
        return written


class PgAppender:
    """An `Appender` on one connection of its own, opened when needed and opened again after loss."""

    def __init__(self, dsn: str, sealer: Sealer, timeline: Timeline | None = None) -> None:
        self._dsn = dsn
        self._sealer = sealer
        self._timeline = timeline or Timeline(None)
        self._connection: PgConnection | None = None
        self._unconfirmed = Unconfirmed()
        # The last commit was not confirmed by the standby; the next must be before any receipt.
        self._unsure = False

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        """See `Appender.append_batches`.

        A connection lost during COMMIT needs no special case: the batch is given again, and the
        heads and chain hashes under the lock tell whether the first try had been committed.
        """
        try:
            connection = self._open()
            self._unconfirmed.clear()
            with connection.transaction():
                if self._unsure:
                    # Duplicates alone would write nothing, and nothing would wait for the standby.
                    connection.execute("UPDATE ledger.head SET position = position")
                outcomes = Appending(PgTransaction(connection), self._sealer, now).run(batches)
            self._unsure = True
            self._unconfirmed.refuse()
            self._unsure = False
        except AWAY as error:
            self.close()
            raise JournalUnavailable(str(error).strip() or type(error).__name__) from error
        except psycopg.IntegrityError as error:
            # Nobody else can insert under the lock, so this is a bug or a second, foreign writer.
            raise JournalDamaged(f"a number was taken under the lock: {error}") from error
        return outcomes

    def keep_stranger(self, received: datetime, reason: str, content: bytes) -> None:
        """See `Appender.keep_stranger`."""
        try:
            with self._open().transaction():
                self._open().execute(
                    "INSERT INTO ledger.strangers (received, reason, content) VALUES (%s, %s, %s)",
                    [received, reason, content],
                )
                self._open().execute(
                    "DELETE FROM ledger.strangers WHERE id <="
                    " (SELECT max(id) FROM ledger.strangers) - %s",
                    [STRANGERS_MAX],
                )
        except AWAY as error:
            self.close()
            raise JournalUnavailable(str(error).strip() or type(error).__name__) from error

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> PgConnection:
        if self._connection is None:
            connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
            self._timeline.check(connection)
            self._unconfirmed.listen(connection)
            self._connection = connection
        return self._connection


class PgReader:
    """A `Reader` on a connection it is given."""

    def __init__(self, connection: PgConnection) -> None:
        self._connection = connection

    def head(self) -> int:
        """See `Reader.head`."""
        row = self._connection.execute("SELECT position FROM ledger.head").fetchone()
        return int(row[0]) if row else 0

    def page(self, after: int, limit: int) -> list[Stored]:
        """See `Reader.page`."""
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(
                f"SELECT {COLUMNS} FROM ledger.events WHERE notification_id > %s"
                " ORDER BY notification_id LIMIT %s",
                [after, limit],
            )
            return [as_stored(row) for row in cursor.fetchall()]


def as_stored(row: TupleRow) -> Stored:
    """Makes a `Stored` of a row selected in the order of `COLUMNS`."""
    return Stored._make((*row[:8], tuple(row[8]), row[9]))
