"""Proving: a position's place in the published tree, with the opening of its public part."""

from collections.abc import Callable
from typing import Any

import psycopg

from ledger.errors import JournalDamaged, JournalUnavailable
from ledger.journal.opening import Openings, PgKnownPersons
from ledger.journal.postgres import PgReader
from ledger.log.files import LogFiles, tiles_in
from ledger.log.merkle import prove_inclusion
from ledger.log.notes import NoteKey
from ledger.log.proofs import TlogProof, bare, index_of, pack_opening
from ledger.log.publishing import Published
from ledger.log.tiles import TileTree
from ledger.values.leaf import PublicOpening


class NotPublished(Exception):
    """No published checkpoint covers the position (yet)."""


class Prover:
    """Makes proofs out of the published tiles, and opens events out of the record."""

    def __init__(
        self,
        dsn: str,
        ledger: str,
        files: LogFiles,
        *,
        key: NoteKey,
        published: Callable[[], Published | None],
    ) -> None:
        self._dsn = dsn
        self._ledger = ledger
        self._files = files
        self._key = key
        self._published = published

    def prove(self, position: int) -> str:
        """Returns a position's proof. Raises `NotPublished`; `JournalUnavailable` to try again."""
        said = self._published()
        size = said.size if said else 0
        if said is None or position > size:
            raise NotPublished(
                f"the log was published up to position {size}: {position} is not in it (yet)"
            )
        tree = TileTree(tiles_in(self._files), size)
        path = prove_inclusion(tree.node_at, index_of(position), size)
        extra = pack_opening(self._opening(position))
        return TlogProof(index_of(position), path, bare(said.note, self._key), extra).text()

    def _opening(self, position: int) -> PublicOpening:
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                return public_opening(connection, self._ledger, position)
        except psycopg.OperationalError as error:
            raise JournalUnavailable(str(error).strip()) from error


def public_opening(
    connection: psycopg.Connection[Any], ledger: str, position: int
) -> PublicOpening:
    """Returns what opens the public part of the event at a position that there is."""
    (stored,) = PgReader(connection).page(position - 1, 1)
    opening = Openings(ledger, PgKnownPersons(connection)).open(stored).public()
    if opening.leaf() != stored.leaf:
        raise JournalDamaged(f"position {position} does not open: its leaf is of something else")
    return opening
