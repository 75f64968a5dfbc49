"""The record's leaves and the row of the last checkpoint, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import psycopg

from ledger.errors import JournalUnavailable
from ledger.log.publishing import Published
from ledger.replication import Timeline, Unconfirmed

COLUMNS = "origin, size, root, note, time"
ADVANCE = f"""
UPDATE ledger.checkpoints SET size = %(size)s, root = %(root)s, note = %(note)s, time = %(time)s
WHERE origin = %(origin)s AND note = %(former)s RETURNING {COLUMNS}
"""
CONFIRM = """
UPDATE ledger.checkpoints SET size = size WHERE origin = %(origin)s AND note = %(note)s RETURNING size
"""
SHOW = """
UPDATE ledger.checkpoints SET shown = %(shown)s, key = %(key)s
WHERE origin = %(origin)s AND note = %(note)s RETURNING size
"""
FIRST = f"""
INSERT INTO ledger.checkpoints (epoch, {COLUMNS})
SELECT 1, %(origin)s, %(size)s, %(root)s, %(note)s, %(time)s
WHERE NOT EXISTS (SELECT FROM ledger.checkpoints) ON CONFLICT DO NOTHING RETURNING {COLUMNS}
"""


class PgLog:
    """`Leaves` and `CheckpointRow` on one connection, opened when needed and again after loss."""

    def __init__(self, dsn: str, timeline: Timeline | None = None) -> None:
        self._dsn = dsn
        self._timeline = timeline or Timeline(None)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._unconfirmed = Unconfirmed()

    def head(self) -> int:
        """See `Leaves.head`."""
        return int(self._rows("SELECT position FROM ledger.head")[0][0])

    def leaves(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """See `Leaves.leaves`."""
        query = (
            "SELECT notification_id, leaf FROM ledger.events WHERE notification_id > %s"
            " ORDER BY notification_id LIMIT %s"
        )
        return [
            (int(position), bytes(leaf)) for position, leaf in self._rows(query, [after, limit])
        ]

    def last(self) -> Published | None:
        """See `CheckpointRow.last`: of the origin that this ledger goes by now."""
        query = f"SELECT {COLUMNS} FROM ledger.checkpoints ORDER BY epoch DESC LIMIT 1"
        found = self._rows(query)
        return _published(found[0]) if found else None

    def epoch(self) -> int:
        """Returns the number of the ledger's log: 1, and one more for each time it was restored."""
        return int(self._rows("SELECT coalesce(max(epoch), 1) FROM ledger.checkpoints")[0][0])

    def key(self) -> str | None:
        """Returns the key of the log that was published last; None before that."""
        found = self._rows("SELECT key FROM ledger.checkpoints ORDER BY epoch DESC LIMIT 1")
        return found[0][0] if found else None

    def advance(self, former: Published | None, to: Published) -> bool:
        """See `CheckpointRow.advance`."""
        about = to._asdict() | {"former": former.note if former else None}
        return self._commit(ADVANCE if former else FIRST, about)

    def show(self, said: Published, key: str, content: bytes) -> None:
        """See `CheckpointRow.show`."""
        self._rows(SHOW, said._asdict() | {"key": key, "shown": content})

    def confirm(self, said: Published) -> bool:
        """See `CheckpointRow.confirm`."""
        return self._commit(CONFIRM, said._asdict())

    def _commit(self, query: str, about: dict[str, Any]) -> bool:
        self._unconfirmed.clear()
        done = self._rows(query, about)
        self._unconfirmed.refuse()
        return bool(done)

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _rows(self, query: str, about: Any = None) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None or self._connection.closed:
                connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
                self._timeline.check(connection)
                self._unconfirmed.listen(connection)
                self._connection = connection
            return self._connection.execute(query, about, binary=True).fetchall()
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            psycopg.errors.ReadOnlySqlTransaction,
        ) as error:
            self.close()
            raise JournalUnavailable(str(error).strip() or type(error).__name__) from error


def _published(row: tuple[Any, ...]) -> Published:
    origin, size, root, note, time = row
    return Published(str(origin), int(size), bytes(root), bytes(note), time)
