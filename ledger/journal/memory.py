"""The journal in memory: the same rules as on PostgreSQL, for simulators and quick tests."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from ledger.errors import Conflict
from ledger.events.base import persons_in
from ledger.journal.append import Appending
from ledger.journal.interface import Head, Outcome, Quarantined, Row, Stored, TapeBatch
from ledger.journal.opening import Openings
from ledger.journal.personal import MemoryPersons
from ledger.journal.sealing import Sealer

STRANGERS_MAX = 1000


class MemoryJournal:
    """An `Appender` and `Reader` that forgets everything when the process ends."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self.erasures = 0
        self.rows: list[Stored] = []
        self.batches: list[TapeBatch] = []
        self.quarantine_items: list[Quarantined] = []
        self.strangers: list[tuple[datetime, str, bytes]] = []
        self._heads: dict[UUID, Head] = {}
        self._by_key: dict[tuple[UUID, int], Stored] = {}
        self._tapes: dict[str, tuple[str, bool]] = {}

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        """See `Appender.append_batches`."""
        return Appending(self, self._sealer, now).run(batches)

    def keep_stranger(self, received: datetime, reason: str, content: bytes) -> None:
        """See `Appender.keep_stranger`."""
        self.strangers = [*self.strangers, (received, reason, content)][-STRANGERS_MAX:]

    def head(self) -> int:
        """See `Reader.head`."""
        return len(self.rows)

    def page(self, after: int, limit: int) -> list[Stored]:
        """See `Reader.page`."""
        return self.rows[after : after + limit]

    def heads(self, streams: Iterable[UUID]) -> dict[UUID, Head]:
        """See `Transaction.heads`."""
        return {stream: self._heads[stream] for stream in streams if stream in self._heads}

    def between(self, stream: UUID, first: int, last: int) -> list[Stored]:
        """See `Transaction.between`."""
        return [self._by_key[stream, number] for number in range(first, last + 1)]

    def open_tapes(self, device: str) -> list[str]:
        """See `Transaction.open_tapes`."""
        return [
            tape for tape, (owner, closed) in self._tapes.items() if owner == device and not closed
        ]

    def note_tape(self, tape: str, device: str) -> None:
        """See `Transaction.note_tape`."""
        self._tapes[tape] = (device, False)

    def close_tape(self, tape: str) -> None:
        """See `Transaction.close_tape`."""
        self._tapes[tape] = (self._tapes[tape][0], True)

    def keep_batch(self, batch: TapeBatch) -> None:
        """See `Transaction.keep_batch`."""
        self.batches.append(batch)

    def quarantine(self, items: Sequence[Quarantined]) -> None:
        """See `Transaction.quarantine`."""
        self.quarantine_items.extend(items)

    def forks_kept(self, tape: str) -> int:
        """See `Transaction.forks_kept`."""
        return sum(item.kind == "fork" and item.tape == tape for item in self.quarantine_items)

    def erase(self, ref: str, openings: Openings, persons: MemoryPersons) -> int:
        """Erases a person as `ledger.journal.erasing.erase` does; returns how many events named them.

        Raises `Conflict` for a person nobody knows or who was erased before.
        """
        found = {
            row.position: opened.person
            for row, opened in zip(self.rows, openings.open_all(self.rows), strict=True)
            if opened.event is not None and ref in persons_in(opened.event)
        }
        if not persons.erase(ref, found):
            raise Conflict(f"no person is known as {ref}, or they were erased before")
        self.erasures += 1
        return len(found)

    def write(self, rows: Sequence[Row], heads: dict[UUID, Head]) -> list[Stored]:
        """See `Transaction.write`."""
        written = [Stored(number, *row) for number, row in enumerate(rows, len(self.rows) + 1)]
        self.rows.extend(written)
        self._by_key |= {(row.stream, row.number): row for row in written}
        self._heads |= heads
        return written
