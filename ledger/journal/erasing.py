"""Erasing a person: key and salt go, the record and every proof over it stay as they are.

Personal Information Protection Law of the PRC, article 47.
"""

from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from ledger.errors import Conflict
from ledger.journal.opening import Openings, PgKnownPersons
from ledger.journal.postgres import COLUMNS, as_stored, lock_head
from ledger.replication import Unconfirmed

# References stand in the stored bytes as text, perhaps with escapes, for the bytes are the device's own;
# who is really named is seen by opening the event.
NAMING = (
    f"SELECT {COLUMNS} FROM ledger.events WHERE notification_id > %s"
    " AND (position(%s::bytea in state) > 0 OR position('\\x5c'::bytea in state) > 0)"
    " ORDER BY notification_id"
)


KEEP = "INSERT INTO personal.shut VALUES (%s, %s) ON CONFLICT DO NOTHING"


class Erasure(NamedTuple):
    """Who is to be erased, by whom and why, and when that is."""

    ref: str
    by: str
    why: str
    at: datetime


def erase(owner_dsn: str, erasure: Erasure) -> int:
    """Erases a person; returns how many events named them. They stay, and so do their leaves.

    On return the key, the salt and the card are deleted, on the standby too, and what every service
    remembered of them is not used again. Raises `Conflict` for a person nobody knows or who was erased
    before, `JournalUnavailable` when the standby did not confirm it: then do it again.
    """
    unconfirmed = Unconfirmed()
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        unconfirmed.listen(connection)
        # Most of the record is read before anybody has to wait.
        (head, ledger) = _head(connection)
        openings = Openings(ledger, PgKnownPersons(connection))
        found = _naming(connection, openings, 0, erasure.ref)
        with connection.transaction():
            lock_head(connection)
            found |= _naming(connection, openings, head, erasure.ref)
            for position, person in found.items():
                connection.execute(KEEP, [position, person])
            known = _delete(connection, erasure)
            connection.execute("SELECT pg_logical_emit_message(true, 'suyuan', 'erased')")
        unconfirmed.refuse()
        # Deleted rows lie in their pages until these are cleaned; done again, it is done anew.
        for table in ("keys", "subjects"):
            connection.execute(f"VACUUM (FULL) personal.{table}")
        connection.execute("CHECKPOINT")
    if not known:
        raise Conflict(f"no person is known as {erasure.ref}, or they were erased before")
    return len(found)


def erased_in(connection: psycopg.Connection[Any]) -> list[Erasure]:
    """Returns who was erased, the oldest first."""
    query = "SELECT ref::text, by, why, at FROM personal.erased ORDER BY at, ref"
    return [Erasure(*row) for row in connection.execute(query).fetchall()]


def _head(connection: psycopg.Connection[Any]) -> tuple[int, str]:
    row = connection.execute("SELECT position, ledger FROM ledger.head").fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def _naming(
    connection: psycopg.Connection[Any], openings: Openings, after: int, ref: str
) -> dict[int, bytes]:
    """Returns the events that name a person, with the commitments that could not be computed again."""
    rows = connection.execute(NAMING, [after, ref.encode()], binary=True).fetchall()
    stored = [as_stored(row) for row in rows]
    return {
        one.position: opened.person
        for one, opened in zip(stored, openings.open_all(stored), strict=True)
        if ref.encode() in opened.parts.person
    }


def _delete(connection: psycopg.Connection[Any], erasure: Erasure) -> bool:
    """Deletes what is known of a person; False where nothing is."""
    known = connection.execute("DELETE FROM personal.keys WHERE ref = %s", [erasure.ref]).rowcount
    connection.execute("DELETE FROM personal.subjects WHERE ref = %s", [erasure.ref])
    if known:
        connection.execute(
            "INSERT INTO personal.erased (ref, at, by, why) VALUES (%s, %s, %s, %s)",
            [erasure.ref, erasure.at, erasure.by, erasure.why],
        )
        connection.execute("UPDATE ledger.head SET erasures = erasures + 1")
    return bool(known)
