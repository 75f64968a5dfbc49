"""Erasing a person: key and salt go, the record and every proof over it stay as they are.

Personal Information Protection Law of the PRC, article 47.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from ledger.errors import Conflict
from ledger.journal.interface import Stored
from ledger.journal.opening import Openings
from ledger.journal.postgres import COLUMNS, as_stored, lock_head

# References stand in the stored bytes as text; what merely looks alike is sorted out by opening it.
NAMING = (
    f"SELECT {COLUMNS} FROM ledger.events WHERE notification_id > %s"
    " AND position(%s::bytea in state) > 0 ORDER BY notification_id"
)


class Erasure(NamedTuple):
    """Who is to be erased, by whom and why, and when that is."""

    ref: str
    by: str
    why: str
    at: datetime


def erase(owner_dsn: str, erasure: Erasure) -> int:
    """Erases a person; returns how many events named them. They stay, and so do their leaves.

    On return the key, the salt and the card are deleted, and what every service remembered of them is
    not used again. Raises `Conflict` for a person nobody knows, or who was erased before.
    """
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        # Most of the record is read before anybody has to wait.
        row = connection.execute("SELECT position FROM ledger.head").fetchone()
        head = int(row[0]) if row else 0
        found = _naming(connection, 0, erasure.ref)
        with connection.transaction():
            lock_head(connection)
            found |= _naming(connection, head, erasure.ref)
            _shut(connection, found.values())
            _delete(connection, erasure)
        # Deleted rows lie in their pages until these are cleaned.
        for table in ("keys", "subjects"):
            connection.execute(f"VACUUM (FULL) personal.{table}")
        connection.execute("CHECKPOINT")
    return len(found)


def _naming(connection: psycopg.Connection[Any], after: int, ref: str) -> dict[int, Stored]:
    rows = connection.execute(NAMING, [after, ref.encode()], binary=True)
    return {row[0]: as_stored(row) for row in rows}


def _shut(connection: psycopg.Connection[Any], events: Iterable[Stored]) -> None:
    """Keeps the commitments that could not be computed again."""
    row = connection.execute("SELECT ledger FROM ledger.head").fetchone()
    assert row is not None
    openings = Openings(connection, row[0])
    for stored in events:
        opened = openings.open(stored)
        if opened.parts.person:
            connection.execute(
                "INSERT INTO personal.shut VALUES (%s, %s) ON CONFLICT DO NOTHING",
                [stored.position, opened.person],
            )


def _delete(connection: psycopg.Connection[Any], erasure: Erasure) -> None:
    known = connection.execute("DELETE FROM personal.keys WHERE ref = %s", [erasure.ref]).rowcount
    if not known:
        raise Conflict(f"no person is known as {erasure.ref}, or they were erased before")
    connection.execute("DELETE FROM personal.subjects WHERE ref = %s", [erasure.ref])
    connection.execute(
        "INSERT INTO personal.erased VALUES (%s, %s, %s, %s)",
        [erasure.ref, erasure.at, erasure.by, erasure.why],
    )
    connection.execute("UPDATE ledger.head SET erasures = erasures + 1")
