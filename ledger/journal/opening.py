"""Openings: the parts of a stored event, and the commitment to what it says of persons."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import psycopg

from ledger.errors import JournalDamaged
from ledger.events.base import Event, parts_of, persons_in
from ledger.events.catalogue import BY_NAME, decode_as_stored
from ledger.journal.interface import Stored
from ledger.journal.personal import salts_of
from ledger.journal.sealing import Place, added_by_ledger
from ledger.values.leaf import Parts, PublicOpening, canonical, commitments, open_public


class KnownPersons(Protocol):
    """What the personal store holds for opening events; asks for nothing to be made."""

    def salts(self, refs: Sequence[str]) -> dict[str, bytes]:
        """Returns the salts of the persons who are known or were erased."""
        ...

    def shut(self, positions: Sequence[int]) -> dict[int, bytes]:
        """Returns the commitments that were kept of events whose persons were erased or lost."""
        ...


class PgKnownPersons:
    """The personal store over a connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def salts(self, refs: Sequence[str]) -> dict[str, bytes]:
        """See `KnownPersons.salts`."""
        return salts_of(self._connection, refs)

    def shut(self, positions: Sequence[int]) -> dict[int, bytes]:
        """See `KnownPersons.shut`."""
        query = "SELECT position, person FROM personal.shut WHERE position = ANY(%s)"
        found = self._connection.execute(query, [list(positions)]).fetchall()
        return {int(position): bytes(person) for position, person in found}


class Opened(NamedTuple):
    """An event, None where its name is unknown, with its parts; of the person part the commitment."""

    event: Event | None
    parts: Parts
    seed: bytes
    person: bytes

    def public(self) -> PublicOpening:
        """Returns what opens the public part alone, and leads to the leaf."""
        return open_public(self.parts, self.seed, self.person)


class Openings:
    """Opens stored events of a ledger; makes and changes nothing."""

    def __init__(self, ledger: str, persons: KnownPersons) -> None:
        self._ledger = ledger
        self._persons = persons

    def open(self, stored: Stored) -> Opened:
        """Returns an event's parts. Raises `JournalDamaged` for a person nobody ever met."""
        (opened,) = self.open_all([stored])
        return opened

    def open_all(self, rows: Sequence[Stored]) -> list[Opened]:
        """Opens a page of events. Raises `JournalDamaged` as `open`, `Malformed` for damaged bytes."""
        parted = [self._part(stored) for stored in rows]
        named = {
            stored.position: refs
            for stored, (event, _) in zip(rows, parted, strict=True)
            if event is not None and (refs := persons_in(event))
        }
        # Salts first: whoever is erased between the two leaves the commitment for the second.
        salts = (
            self._persons.salts(sorted({ref for refs in named.values() for ref in refs}))
            if named
            else {}
        )
        shut = self._persons.shut(list(named)) if named else {}
        opened = []
        for stored, (event, parts) in zip(rows, parted, strict=True):
            refs = named.get(stored.position, [])
            person = shut.get(stored.position) or _commitment(stored, parts, refs, salts)
            opened.append(Opened(event, parts, stored.seed, person))
        return opened

    def _part(self, stored: Stored) -> tuple[Event | None, Parts]:
        place = Place(stored.stream, stored.number, stored.received, stored.flags)
        added = added_by_ledger(self._ledger, place)
        digest = hashlib.sha256(stored.state).hexdigest()
        if stored.name not in BY_NAME:
            public = canonical({"type": stored.name, "recorded": added})
            return None, Parts(public, canonical({"state": digest}), b"")
        event = decode_as_stored(stored.name, stored.state)
        return event, parts_of(event, added, digest)


def _commitment(
    stored: Stored, parts: Parts, refs: Sequence[str], salts: dict[str, bytes]
) -> bytes:
    if missing := [ref for ref in refs if ref not in salts]:
        raise JournalDamaged(
            f"position {stored.position} names {missing[0]}, whom the personal store does not"
            " know: restore its keys"
        )
    salt = b"".join(salts[ref] for ref in refs) if refs else None
    return commitments(parts, stored.seed, salt)[2]
