"""The casebook: reads the events of cases in the order of the record, and waits for the next."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.errors import JournalUnavailable
from ledger.events.base import Event
from ledger.events.catalogue import decode
from ledger.journal.postgres import CHANNEL

# Reports of devices carry a chain; everything else is a case's, and has an index of its own.
# The head is of the same snapshot: what stands before it need not be gone through again.
READ = """
SELECT head.position, found.notification_id, found.topic, found.state
FROM ledger.head LEFT JOIN LATERAL (
    SELECT notification_id, topic, state FROM ledger.events
    WHERE chain IS NULL AND notification_id > %s AND topic = ANY(%s)
    ORDER BY notification_id LIMIT %s
) AS found ON true
ORDER BY found.notification_id
"""
PAGE = 2000


class CaseEntry(NamedTuple):
    """An event of a case at its position."""

    position: int
    event: Event


class CasePage(NamedTuple):
    """Events in order, and the position up to which there are no others of their names."""

    entries: list[CaseEntry]
    reached: int


class Casebook(Protocol):
    """Where keepers read what was decided."""

    def after(self, position: int, names: Sequence[str]) -> CasePage:
        """Returns events of these names behind a position, a page at most.

        Raises `JournalUnavailable` when the database is away.
        """
        ...


class PgCasebook:
    """The casebook of a ledger in PostgreSQL, over a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection[TupleRow] | None = None

    def after(self, position: int, names: Sequence[str]) -> CasePage:
        """See `Casebook.after`."""
        try:
            rows = self._open().execute(READ, [position, list(names), PAGE]).fetchall()
        except psycopg.Error as error:
            self._close()
            raise JournalUnavailable(str(error)) from error
        found = [CaseEntry(at, decode(topic, bytes(state))) for _, at, topic, state in rows if at]
        whole = rows and len(found) < PAGE
        return CasePage(found, rows[0][0] if whole else found[-1].position if found else position)

    def wait(self, timeout_s: float) -> None:
        """Returns when something was recorded, or the time has passed."""
        try:
            for _ in self._open().notifies(timeout=timeout_s, stop_after=1):
                pass
        except psycopg.Error as error:
            self._close()
            raise JournalUnavailable(str(error)) from error

    def _open(self) -> Connection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5)
            self._connection.execute(f"LISTEN {CHANNEL}")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
