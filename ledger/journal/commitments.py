"""Commitments: what is left of persons in the leaves, to keep where their keys are not kept."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from ledger.errors import JournalDamaged, Malformed
from ledger.events.base import fields_by_part
from ledger.events.catalogue import BY_NAME
from ledger.journal.interface import Stored
from ledger.journal.opening import Opened, Openings, PgKnownPersons
from ledger.journal.postgres import COLUMNS, as_stored

# Members may be spelt with escapes, for the bytes are the device's own.
MAY_NAME = f"""
SELECT {COLUMNS} FROM ledger.events e WHERE topic = ANY(%s)
  AND (position('\\x5c'::bytea in state) > 0
       OR EXISTS (SELECT FROM unnest(%s::bytea[]) member WHERE position(member in state) > 0))
  AND NOT EXISTS (SELECT FROM personal.shut s WHERE s.position = e.notification_id)
"""
PAGE = 5000


class Commitment(NamedTuple):
    """An event's position with the commitment to its person part; None where it does not open."""

    position: int
    person: bytes | None


def commitments_in(connection: psycopg.Connection[Any], ledger: str) -> Iterator[Commitment]:
    """Yields the commitments of all events that name persons and are not kept shut already.

    Tells nothing of who they are. The connection MUST be in a transaction.
    """
    naming = {name: fields for name, kind in BY_NAME.items() if (fields := fields_by_part(kind)[2])}
    members = sorted({field.encode() for fields in naming.values() for field in fields})
    openings = Openings(ledger, PgKnownPersons(connection))
    with connection.cursor("naming", binary=True) as cursor:
        cursor.execute(MAY_NAME, [list(naming), members])
        while page := [as_stored(row) for row in cursor.fetchmany(PAGE)]:
            for stored, opened in zip(page, _open(openings, page), strict=True):
                if opened is None or opened.parts.person:
                    yield Commitment(stored.position, opened.person if opened else None)


def _open(openings: Openings, page: Sequence[Stored]) -> list[Opened | None]:
    """Opens a page; one event that does not open hides no other."""
    try:
        return [*openings.open_all(page)]
    except (Malformed, JournalDamaged):
        if len(page) == 1:
            return [None]
        return [opened for stored in page for opened in _open(openings, [stored])]
