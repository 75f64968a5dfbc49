"""Erasing a person: key and salt go, the record and every proof over it stay as they are.

Personal Information Protection Law of the PRC, article 47.
"""

from collections.abc import Sequence
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
    " AND (EXISTS (SELECT FROM unnest(%s::bytea[]) ref WHERE position(ref in state) > 0)"
    " OR position('\\x5c'::bytea in state) > 0)"
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
    """Erases a person as `erase_all`. Raises `Conflict` for one nobody knows or who was erased before."""
    done = erase_all(owner_dsn, [erasure])
    if not done.persons:
        raise Conflict(f"no person is known as {erasure.ref}, or they were erased before")
    return done.events


class Erased(NamedTuple):
    """How many persons were erased, and how many events name them."""

    persons: int
    events: int


def erase_all(owner_dsn: str, erasures: Sequence[Erasure]) -> Erased:
    """Erases those persons who are known. What names them stays, and so do its leaves.

    On return the keys, the salts and the cards are deleted, on the standby too, and what every service
    remembered of them is not used again. Raises `JournalUnavailable` when the standby did not confirm
    it: then do it again.
    """
    refs = [erasure.ref for erasure in erasures]
    unconfirmed = Unconfirmed()
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        unconfirmed.listen(connection)
        # Most of the record is read before anybody has to wait.
        (head, ledger) = _head(connection)
        openings = Openings(ledger, PgKnownPersons(connection))
        found = _naming(connection, openings, 0, refs)
        with connection.transaction():
            lock_head(connection)
            found |= _naming(connection, openings, head, refs)
            for position, person in found.items():
                connection.execute(KEEP, [position, person])
            persons = sum(_delete(connection, erasure) for erasure in erasures)
            connection.execute("SELECT pg_logical_emit_message(true, 'suyuan', 'erased')")
        unconfirmed.refuse()
        # Deleted rows lie in their pages until these are cleaned; done again, it is done anew.
        for table in ("keys", "subjects"):
            connection.execute(f"VACUUM (FULL) personal.{table}")
        connection.execute("CHECKPOINT")
    return Erased(persons, len(found))


def erased_in(connection: psycopg.Connection[Any]) -> list[Erasure]:
    """Returns who was erased, the oldest first; not whose keys were merely lost."""
    query = "SELECT ref::text, by, why, at FROM personal.erased WHERE NOT lost ORDER BY at, ref"
    return [Erasure(*row) for row in connection.execute(query).fetchall()]


def _head(connection: psycopg.Connection[Any]) -> tuple[int, str]:
    row = connection.execute("SELECT position, ledger FROM ledger.head").fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def _naming(
    connection: psycopg.Connection[Any], openings: Openings, after: int, refs: Sequence[str]
) -> dict[int, bytes]:
    """Returns the events that name persons, with the commitments that could not be computed again."""
    wanted = [ref.encode() for ref in refs]
    rows = connection.execute(NAMING, [after, wanted], binary=True).fetchall()
    stored = [as_stored(row) for row in rows]
    return {
        one.position: opened.person
        for one, opened in zip(stored, openings.open_all(stored), strict=True)
        if any(ref in opened.parts.person for ref in wanted)
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
