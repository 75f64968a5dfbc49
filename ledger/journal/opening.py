"""Openings: the parts of a stored event, and the commitment to what it says of persons."""

import hashlib
from typing import Any, NamedTuple

import psycopg

from ledger.errors import JournalDamaged
from ledger.events.base import parts_of, persons_in
from ledger.events.catalogue import BY_NAME, decode_as_stored
from ledger.journal.interface import Stored
from ledger.journal.personal import salts_of
from ledger.journal.sealing import Place, added_by_ledger
from ledger.values.leaf import Parts, canonical, commitments


class Opened(NamedTuple):
    """An event's parts with the commitment to its person part, which stays shut."""

    parts: Parts
    person: bytes


class Openings:
    """Opens stored events of a ledger over a connection; makes and changes nothing."""

    def __init__(self, connection: psycopg.Connection[Any], ledger: str) -> None:
        self._connection = connection
        self._ledger = ledger

    def open(self, stored: Stored) -> Opened:
        """Returns an event's parts. Raises `JournalDamaged` for a person nobody ever met."""
        place = Place(stored.stream, stored.number, stored.received, stored.flags)
        added = added_by_ledger(self._ledger, place)
        digest = hashlib.sha256(stored.state).hexdigest()
        if stored.name not in BY_NAME:
            public = canonical({"type": stored.name, "recorded": added})
            parts, refs = Parts(public, canonical({"state": digest}), b""), []
        else:
            event = decode_as_stored(stored.name, stored.state)
            parts, refs = parts_of(event, added, digest), persons_in(event)
        return Opened(parts, self._person(stored, parts, refs))

    def _person(self, stored: Stored, parts: Parts, refs: list[str]) -> bytes:
        if not refs:
            return commitments(parts, stored.seed, None)[2]
        query = "SELECT person FROM personal.shut WHERE position = %s"
        if row := self._connection.execute(query, [stored.position]).fetchone():
            return bytes(row[0])
        salts = salts_of(self._connection, refs)
        if missing := [ref for ref in refs if ref not in salts]:
            raise JournalDamaged(
                f"position {stored.position} names {missing[0]}, whom the personal store does not"
                " know: restore its keys"
            )
        return commitments(parts, stored.seed, b"".join(salts[ref] for ref in refs))[2]
