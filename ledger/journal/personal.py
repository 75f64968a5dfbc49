"""The personal store: what is known of people, each subject under a key and salt of its own.

Events hold references only. Deleting a subject's key and salt erases the person from the ledger for
good while every proof over the events stays valid; see `ledger.journal.erasing`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from ledger.replication import committing
from ledger.values.cards import NONCE_BYTES, Card, open_card, seal_card

SALT_BYTES = 32
KEY_BYTES = 32


MAKE_SUBJECT = """
INSERT INTO personal.subjects (ref) SELECT %(ref)s::uuid
WHERE NOT EXISTS (SELECT FROM personal.erased WHERE ref = %(ref)s::uuid) ON CONFLICT DO NOTHING
"""
MAKE_KEY = """
INSERT INTO personal.keys (ref, salt, key) SELECT %(ref)s::uuid, %(salt)s, %(key)s
WHERE NOT EXISTS (SELECT FROM personal.erased WHERE ref = %(ref)s::uuid) ON CONFLICT DO NOTHING
"""
# Who was erased has no salt any more; a late event that names the person is sealed with this.
ERASED_SALT = bytes(SALT_BYTES)


class RememberedSalts:
    """The `Salts` of a process: met once, remembered until somebody is erased.

    Reports are sealed before the head is locked, so that a new subject never lengthens the committer's
    transaction.
    """

    def __init__(self, meet: Callable[[Sequence[str]], dict[str, bytes]]) -> None:
        """`meet` returns the salts of subjects out of the store, and makes those that it has not met."""
        self._meet = meet
        self._remembered: dict[str, bytes] = {}
        # The erasures that what is remembered knows of.
        self._erasures = 0

    def salts(self, refs: Sequence[str]) -> list[bytes]:
        """See `Salts.salts`."""
        # Another thread may forget what is remembered at any moment.
        remembered = self._remembered
        found = {ref: remembered[ref] for ref in refs if ref in remembered}
        if missing := [ref for ref in refs if ref not in found]:
            found |= self._meet(missing)
            remembered |= found
        return [found[ref] for ref in refs]

    @property
    def erasures(self) -> int:
        """See `Salts.erasures`."""
        return self._erasures

    def catch_up(self, erasures: int) -> None:
        """See `Salts.catch_up`."""
        if erasures != self._erasures:
            self._remembered, self._erasures = {}, erasures


class MemoryPersons:
    """The salts of subjects, as one store that several processes share; ends with this one."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._salts: dict[str, bytes] = {}
        self._shut: dict[int, bytes] = {}
        self.erased: set[str] = set()

    def meet(self, refs: Sequence[str]) -> dict[str, bytes]:
        """Returns the salts of subjects, and makes those that it has not met."""
        for ref in refs:
            if ref not in self.erased:
                self._salts.setdefault(ref, self._entropy(SALT_BYTES))
        return self.salts(refs)

    def salts(self, refs: Sequence[str]) -> dict[str, bytes]:
        """Returns the salts of those subjects that exist, or existed."""
        known = {ref: self._salts[ref] for ref in refs if ref in self._salts}
        return known | {ref: ERASED_SALT for ref in refs if ref in self.erased}

    def shut(self, positions: Sequence[int]) -> dict[int, bytes]:
        """Returns the commitments that were kept of events whose persons were erased."""
        return {at: self._shut[at] for at in positions if at in self._shut}

    def erase(self, ref: str, named: dict[int, bytes]) -> bool:
        """Forgets a person, and keeps the commitments of the events that name them; False for nobody."""
        self._shut = named | self._shut
        if self._salts.pop(ref, None) is None:
            return False
        self.erased.add(ref)
        return True


class PgPersonalStore:
    """The personal store in PostgreSQL, cards under AES-256-GCM; `remembered` gives the salts."""

    def __init__(self, dsn: str, entropy: Callable[[int], bytes]) -> None:
        self.remembered = RememberedSalts(self._make_and_read)
        self._dsn = dsn
        self._entropy = entropy

    def put_card(self, ref: str, card: Card, device: str) -> bool:
        """Keeps a card, or replaces it by a later one; False when another device keeps it.

        Of a person who was erased nothing is kept.
        """
        with committing(self._dsn) as connection:
            self._make(connection, [ref])
            row = connection.execute(
                "SELECT k.key, s.device FROM personal.subjects s JOIN personal.keys k USING (ref)"
                " WHERE ref = %s AND NOT EXISTS"
                " (SELECT FROM personal.erased e WHERE e.ref = s.ref) FOR UPDATE OF s",
                [ref],
            ).fetchone()
            if row is None:
                # Erased: there is nobody to keep a card of, and nothing to try again.
                return True
            if row[1] not in (None, device):
                return False
            nonce = self._entropy(NONCE_BYTES)
            sealed = seal_card(card, key=row[0], nonce=nonce, ref=ref)
            connection.execute(
                "UPDATE personal.subjects SET card = %s, device = %s WHERE ref = %s",
                [sealed, device, ref],
            )
        return True

    def card(self, ref: str) -> Card | None:
        """Returns a card, or None for a subject that is unknown, empty or erased."""
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute(
                "SELECT k.key, s.card FROM personal.subjects s JOIN personal.keys k USING (ref)"
                " WHERE ref = %s",
                [ref],
            ).fetchone()
        if row is None or row[1] is None:
            return None
        return open_card(row[1], key=row[0], ref=ref)

    def _make_and_read(self, refs: Sequence[str]) -> dict[str, bytes]:
        with committing(self._dsn) as connection:
            self._make(connection, refs)
            return salts_of(connection, refs)

    def _make(self, connection: psycopg.Connection[Any], refs: Sequence[str]) -> None:
        """Makes the keys of those who have none, and were not erased."""
        about = [
            {"ref": ref, "salt": self._entropy(SALT_BYTES), "key": self._entropy(KEY_BYTES)}
            for ref in sorted(set(refs) - set(salts_of(connection, refs)))
        ]
        if not about:
            return
        cursor = connection.cursor()
        cursor.executemany(MAKE_SUBJECT, about)
        cursor.executemany(MAKE_KEY, about)


def salts_of(connection: psycopg.Connection[Any], refs: Sequence[str]) -> dict[str, bytes]:
    """Returns the salts of those subjects that exist, or existed."""
    found = connection.execute(
        "SELECT ref::text, salt FROM personal.keys WHERE ref = ANY(%s::uuid[])", [list(refs)]
    ).fetchall()
    erased = connection.execute(
        "SELECT ref::text FROM personal.erased WHERE ref = ANY(%s::uuid[])", [list(refs)]
    )
    # Erased counts: a subject that was made anew at that very moment is nobody.
    return {str(ref): bytes(salt) for ref, salt in found} | {
        str(ref): ERASED_SALT for (ref,) in erased
    }
