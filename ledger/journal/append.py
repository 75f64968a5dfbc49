"""Appending: the one set of rules by which batches of tapes join the record.

It runs inside a transaction that holds the head's lock, so nobody else can insert meanwhile. The
PostgreSQL and the in-memory journal supply the transaction; the rules are these for both.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ledger.errors import JournalDamaged
from ledger.events.base import Event, stored_name
from ledger.events.cases import TapeForked, TapeLost
from ledger.events.catalogue import encode
from ledger.journal.interface import (
    CheckAgain,
    Forked,
    Head,
    OfAnother,
    Outcome,
    Quarantined,
    Recorded,
    ResendFrom,
    Row,
    Stored,
    TapeBatch,
)
from ledger.journal.sealing import Place, Sealer
from ledger.values.chain import chain_start
from ledger.values.ids import stream_of_case, stream_of_tape

# A clone that keeps shouting must not fill the disk: later versions add nothing to the first.
FORK_VERSIONS_MAX = 8


class Transaction(Protocol):
    """What the rules need of a store while it holds the head's lock."""

    @property
    def erasures(self) -> int:
        """How many persons have been erased."""
        ...

    def heads(self, streams: Iterable[UUID]) -> dict[UUID, Head]:
        """Returns the heads of those streams that exist."""
        ...

    def between(self, stream: UUID, first: int, last: int) -> list[Stored]:
        """Returns a stream's events `first`..`last`, in order."""
        ...

    def open_tapes(self, device: str) -> list[str]:
        """Returns the tapes of a device that no newer tape has closed."""
        ...

    def note_tape(self, tape: str, device: str) -> None:
        """Remembers a new tape as its device's open one."""
        ...

    def close_tape(self, tape: str) -> None:
        """Remembers that a newer tape has closed this one."""
        ...

    def keep_batch(self, batch: TapeBatch) -> None:
        """Keeps a batch's signature, so that it can be checked for ever."""
        ...

    def quarantine(self, items: Sequence[Quarantined]) -> None:
        """Keeps bytes aside."""
        ...

    def forks_kept(self, tape: str) -> int:
        """Returns how many batches of a tape are kept for contradicting the record."""
        ...

    def write(self, rows: Sequence[Row], heads: dict[UUID, Head]) -> list[Stored]:
        """Numbers rows behind the last position, inserts them and sets the heads."""
        ...


class Appending:
    """One transaction's worth of batches, decided one by one and written at once."""

    def __init__(self, transaction: Transaction, sealer: Sealer, now: datetime) -> None:
        self._tx = transaction
        self._sealer = sealer
        self._now = now
        self._heads: dict[UUID, Head] = {}
        self._rows: list[Row] = []
        self._changed: dict[UUID, Head] = {}

    def run(self, batches: Sequence[TapeBatch]) -> list[Outcome]:
        """Decides each batch in order and writes what is new in one stroke."""
        if any(batch.erasures != self._tx.erasures for batch in batches):
            # A person was erased since one of them was sealed, perhaps with their salt.
            self._sealer.catch_up(self._tx.erasures)
            return [CheckAgain() for _ in batches]
        streams = {s for b in batches for s in (b.stream, b.device_stream)}
        self._heads = self._tx.heads(streams)
        # A decision is either an outcome or the pair (events known before, rows to write).
        decisions = [self._decide(batch) for batch in batches]
        written = self._tx.write(self._rows, self._changed) if self._rows else []
        by_key = {(s.stream, s.number): s for s in written}
        return [_finish(decision, by_key) for decision in decisions]

    def _decide(self, batch: TapeBatch) -> "Outcome | tuple[list[Stored], list[Row]]":
        device = self._heads.get(batch.device_stream, Head(0))
        if device.number != batch.device_version:
            return CheckAgain()
        head = self._heads.get(batch.stream) or Head(0, chain_start(batch.tape))
        if head.device not in (None, batch.device):
            return OfAnother()
        if head.stopped:
            return self._fork(batch, head, min(batch.first, head.number))
        if batch.first > head.number + 1:
            return ResendFrom(head.number + 1)
        if (number := self._contradiction(batch, head)) is not None:
            return self._fork(batch, head, number)
        known = self._known(batch, head)
        new = [row for row in batch.rows if row.number > head.number]
        if new:
            self._accept(batch, new)
        return known, new

    def _contradiction(self, batch: TapeBatch, head: Head) -> int | None:
        """Returns the first number whose chain hash differs from the stored one, if any."""
        if batch.previous != self._chain_at(batch, head, batch.first - 1):
            return max(1, batch.first - 1)
        last = min(batch.last, head.number)
        if last < batch.first:
            return None
        mine = batch.rows[last - batch.first].chain
        # A chain hash commits to all before it, so the highest common number decides.
        if mine == self._chain_at(batch, head, last):
            return None
        stored = self._between(batch.stream, batch.first, last)
        for row, kept in zip(batch.rows, stored, strict=False):
            if row.chain != kept.chain:
                return row.number
        raise JournalDamaged(f"tape {batch.tape}: head and rows disagree at {last}")

    def _chain_at(self, batch: TapeBatch, head: Head, number: int) -> bytes | None:
        if number == 0:
            return chain_start(batch.tape)
        if number == head.number:
            return head.chain
        return self._between(batch.stream, number, number)[0].chain

    def _known(self, batch: TapeBatch, head: Head) -> list[Stored]:
        last = min(batch.last, head.number)
        return [] if last < batch.first else self._between(batch.stream, batch.first, last)

    def _between(self, stream: UUID, first: int, last: int) -> list[Stored]:
        # Rows decided in this transaction are not in the table yet; they have no position, which
        # `_finish` looks up after the write.
        waiting = [
            Stored(0, *row) for row in self._rows if row.stream == stream and row.number >= first
        ]
        waiting = [row for row in waiting if row.number <= last]
        stored_last = waiting[0].number - 1 if waiting else last
        stored = self._tx.between(stream, first, stored_last) if stored_last >= first else []
        return stored + waiting

    def _accept(self, batch: TapeBatch, new: list[Row]) -> None:
        head = Head(batch.last, new[-1].chain, device=batch.device)
        self._heads[batch.stream] = self._changed[batch.stream] = head
        self._rows.extend(new)
        self._tx.keep_batch(batch)
        fresh = {row.number for row in new}
        if kept := [item for item in batch.unreadable if item.number in fresh]:
            self._tx.quarantine(kept)
        if new[0].number == 1 and batch.opened is not None:
            self._close_former_tapes(batch)

    def _close_former_tapes(self, batch: TapeBatch) -> None:
        assert batch.opened is not None
        for tape in self._tx.open_tapes(batch.device):
            named = tape == batch.opened.previous_tape
            stream = stream_of_case("tape-case", tape)
            stored = self._head_of(stream_of_tape(tape)).number
            event = TapeLost(
                tape=tape,
                device=batch.device,
                last_stored=stored,
                last_known=batch.opened.previous_last if named else None,
                next_tape=batch.tape,
            )
            self._add_case_event(stream, event)
            self._tx.close_tape(tape)
        self._tx.note_tape(batch.tape, batch.device)

    def _fork(self, batch: TapeBatch, head: Head, number: int) -> Forked:
        kept = self._tx.forks_kept(batch.tape)
        if kept < FORK_VERSIONS_MAX:
            reason = f"number {number} contradicts the record"
            item = Quarantined("fork", batch.tape, batch.first, self._now, reason, batch.envelope)
            self._tx.quarantine([item])
        if not head.stopped:
            stored = self._chain_at(batch, head, number)
            index = max(0, number - batch.first)
            other = batch.previous if number < batch.first else batch.rows[index].chain
            event = TapeForked(
                tape=batch.tape,
                device=batch.device,
                forked_at=number,
                stored_chain=(stored or b"").hex(),
                other_chain=(other or b"").hex(),
            )
            self._add_case_event(stream_of_case("tape-case", batch.tape), event)
            stopped = head._replace(stopped=True)
            self._heads[batch.stream] = self._changed[batch.stream] = stopped
        return Forked(number)

    def _add_case_event(self, stream: UUID, event: Event) -> None:
        number = self._head_of(stream).number + 1
        state, name = encode(event), stored_name(event)
        place = Place(stream, number, self._now)
        seed, leaf = self._sealer.seal(event, name, state, place)
        self._rows.append(Row(stream, number, name, state, seed, leaf, self._now))
        self._heads[stream] = self._changed[stream] = Head(number)

    def _head_of(self, stream: UUID) -> Head:
        """Returns where a stream stands, this transaction's own doing included."""
        if stream not in self._heads:
            self._heads |= self._tx.heads([stream])
        return self._heads.get(stream, Head(0))


def _finish(
    decision: "Outcome | tuple[list[Stored], list[Row]]", written: dict[tuple[UUID, int], Stored]
) -> Outcome:
    match decision:
        case (list() as known, list() as new):
            placed = [s if s.position else written[s.stream, s.number] for s in known]
            return Recorded(placed + [written[row.stream, row.number] for row in new], len(new))
        case CheckAgain() | Forked() | OfAnother() | ResendFrom() | Recorded():
            return decision
    raise AssertionError(decision)
