"""Negative controls: the product with one known mistake built in; each must be caught, by name."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ledger.errors import JournalUnavailable
from ledger.events import wire
from ledger.follower import entries_of, fold_page
from ledger.intake.committer import Committer
from ledger.journal.append import Appending
from ledger.journal.interface import Head, Outcome, Recorded, Row, Stored, TapeBatch
from ledger.journal.memory import MemoryJournal
from ledger.log.publishing import LEAVES_MAX, Published, Publisher
from ledger.projections.groups import GROUPS
from scanners.sending import Sending
from tests.simulator.parts import Crash, WorldJournal, WorldViews
from tests.simulator.world import Product, ScannerActor, World


class ReceiptBeforeCommit(Committer):
    """Answers as soon as it knows what it is going to write."""

    def step(self, wait_s: float) -> int:
        self._gather(wait_s)
        pending, self._pending = self._pending, []
        if not pending:
            return 0
        batches = [batch for _, batch in pending]
        for (waiting, batch), outcome in zip(
            pending, self._journal.journal.foresee(batches, self._now()), strict=True
        ):  # type: ignore[attr-defined]
            self._finish(waiting, batch, outcome)
        self._journal.append_batches(batches, self._now())
        return len(pending)


class ForeseeingJournal(WorldJournal):
    """Says what an append would do, by doing it to a copy."""

    def foresee(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        twin = MemoryJournal(self._sealer)
        twin.rows = [*self.rows]
        twin._heads, twin._by_key, twin._tapes = {**self._heads}, {**self._by_key}, {**self._tapes}
        return twin.append_batches(batches, now)


class SequenceJournal(WorldJournal):
    """Gives positions when a transaction begins: they are seen when it commits, in another order."""

    def write(self, rows: Sequence[Row], heads: dict[UUID, Head]) -> list[Stored]:
        written = super().write(rows, heads)
        self.seen_from = getattr(self, "seen_from", {})
        dice = self._faults.dice
        self.seen_from |= {row.position: dice.uniform(0, 2) for row in written}
        return written


def tail_by_sequence(world: World, views: WorldViews) -> None:
    """Follows `position > last` over what is committed by now."""
    journal = world.journal
    assert isinstance(journal, SequenceJournal)
    committed = getattr(journal, "committed", {})
    journal.committed = committed = {  # type: ignore[attr-defined]
        p: committed.get(p, world.time + delay)
        for p, delay in getattr(journal, "seen_from", {}).items()
    }
    rows = [row for row in journal.rows if row.position > views.position]
    page = [row for row in rows if committed.get(row.position, 0.0) <= world.time]
    fold(world, views, page)


def fold(world: World, views: WorldViews, page: Sequence[Stored]) -> None:
    if page:
        entries = entries_of(page)
        for group in GROUPS:
            fold_page(group, views.stores[group.name], entries)
            for entry in entries:
                entry.memo.clear()
        views.position = page[-1].position


class ForgetfulJournal(WorldJournal):
    """Knows what it has stored as long as nothing goes wrong."""

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        remembered: dict[tuple[UUID, int], Stored] = getattr(self, "remembered", {})
        if self._faults.hits():
            self.remembered: dict[tuple[UUID, int], Stored] = {}
            raise Crash
        outcomes: list[Outcome] = []
        for batch in batches:
            fresh = [row for row in batch.rows if (row.stream, row.number) not in remembered]
            written = self.write(fresh, {batch.stream: Head(batch.last, batch.rows[-1].chain)})
            remembered |= {(row.stream, row.number): row for row in written}
            stored = [remembered[row.stream, row.number] for row in batch.rows]
            outcomes.append(Recorded(stored, len(fresh)))
        self.remembered = remembered
        return outcomes


class RemembersTheErased(WorldJournal):
    """Takes what was sealed with a salt that is no longer there."""

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        return super().append_batches(
            [batch._replace(erasures=self.erasures) for batch in batches], now
        )


class NumbersAlone(Appending):
    """Takes a number it has for the same report."""

    def _contradiction(self, batch: TapeBatch, head: Head) -> int | None:
        return None


class NumberWithoutHash(WorldJournal):
    """Compares numbers and no hashes, and receipts what it was sent."""

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        outcomes = NumbersAlone(self, self._sealer, now).run(batches)
        return [
            outcome._replace(
                stored=[
                    *outcome.stored[:-1],
                    outcome.stored[-1]._replace(chain=batch.rows[-1].chain),
                ]
            )
            if isinstance(outcome, Recorded)
            else outcome
            for outcome, batch in zip(outcomes, batches, strict=True)
        ]


def rows_before_position(world: World, views: WorldViews) -> None:
    """Writes rows, and the position they are true for in another transaction."""
    page = world.journal.page(views.position, 3)
    before = views.position
    fold(world, views, page)
    if world.faults.hits(2):
        views.position = before


def skip_what_fails(world: World, views: WorldViews) -> None:
    """Goes on behind a page that could not be written."""
    page = world.journal.page(views.position, 3)
    if page and world.faults.hits(2):
        views.position = page[-1].position
    else:
        fold(world, views, page)


class AsynchronousStandby(WorldJournal):
    """After a failover the standby lacks what was committed last."""

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        if self._faults.hits(0.7) and getattr(self, "earlier", None):
            rows, heads, by_key, tapes = self.earlier.pop()
            self.rows = self.rows[:rows]
            self._heads, self._by_key, self._tapes = heads, by_key, tapes
            raise JournalUnavailable("failed over")
        kept = (len(self.rows), {**self._heads}, {**self._by_key}, {**self._tapes})
        self.earlier = [*getattr(self, "earlier", []), kept][-2:]
        return super().append_batches(batches, now)

    def write(self, rows: Sequence[Row], heads: dict[UUID, Head]) -> list[Stored]:
        written = super().write(rows, heads)
        if any(row.chain is None for row in rows):
            # A case's commit is waited for here; the mistake is about reports.
            self.earlier = []
        return written


def trust_puback(scanner: ScannerActor, envelope: bytes) -> None:
    """Takes the broker's word for the ledger's."""
    batch = wire.decode_batch(envelope)
    scanner.tape.receipted(
        tuple(
            wire.Verdict(number=n, code="recorded", position=1, leaf=bytes(32))
            for n in range(batch.first, batch.first + len(batch.reports))
        )
    )


class ForgetsLostReceipts(Sending):
    """Goes on from the number that the ledger asks for, and only from there."""

    def _go_back(self, number: int) -> None:
        asked = number if number <= self._tape.last() + 1 else 0
        self._from_ledger, self._next = asked, max(0, asked - 1)
        self._under_way.clear()


class FilesBeforeRow(Publisher):
    """Publishes what it has signed, and puts it on record afterwards."""

    def _grow(self, said: Published | None) -> None:
        taken = self._take(LEAVES_MAX)
        if said is not None and taken.tree.size == said.size:
            return
        to = self._signer.sign(taken.tree.size, taken.tree.root(), self._now())
        self._write(taken)
        self._publish(to)
        self._row.advance(said, to)


CONTROLS: dict[str, Product] = {
    "receipt before commit": Product(committer=ReceiptBeforeCommit, journal=ForeseeingJournal),
    "tail by sequence": Product(journal=SequenceJournal, follow=tail_by_sequence),
    "dedupe in memory only": Product(journal=ForgetfulJournal),
    "number without hash": Product(journal=NumberWithoutHash),
    "rows before position": Product(follow=rows_before_position),
    "skip what fails": Product(follow=skip_what_fails),
    "asynchronous standby": Product(journal=AsynchronousStandby),
    "trust in PUBACK": Product(on_puback=trust_puback),
    "files before row": Product(publisher=FilesBeforeRow),
    "erased remembered": Product(journal=RemembersTheErased),
    "lost receipt forgotten": Product(sending=ForgetsLostReceipts),
}
