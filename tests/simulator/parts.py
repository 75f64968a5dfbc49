"""The stores of the simulator: the product's in-memory ones, which fail when the dice say so."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger.errors import JournalUnavailable
from ledger.events.catalogue import decode
from ledger.journal.interface import Outcome, Stored, TapeBatch
from ledger.journal.memory import MemoryJournal
from ledger.journal.sealing import Sealer
from ledger.log.memory import MemoryFiles, MemoryRow
from ledger.log.publishing import Published
from ledger.projections.table import Key, MemoryStore, Table
from ledger.values.ids import stream_of_case


class Crash(BaseException):
    """A process ends here and now, whatever it was about to do."""


class Faults:
    """Decides what fails; quiet once the world is healed."""

    def __init__(self, dice: random.Random, rate: float) -> None:
        self.dice = dice
        self.rate = rate

    def hits(self, weight: float = 1.0) -> bool:
        return self.rate > 0 and self.dice.random() < self.rate * weight

    def heal(self) -> None:
        self.rate = 0.0


class WorldJournal(MemoryJournal):
    """One database for every intake: a commit may be lost, or its answer, or the process with it."""

    def __init__(self, sealer: Sealer, faults: Faults) -> None:
        super().__init__(sealer)
        self._faults = faults

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        if self._faults.hits():
            raise JournalUnavailable("the connection was lost before the commit")
        if self._faults.hits(0.5):
            raise Crash
        outcomes = super().append_batches(batches, now)
        if self._faults.hits():
            raise JournalUnavailable("the connection was lost during the commit")
        if self._faults.hits(0.5):
            raise Crash
        return outcomes

    def append_for(
        self, sealer: Sealer, batches: Sequence[TapeBatch], now: datetime
    ) -> list[Outcome]:
        """Appends what a process sealed, with that process's own sealer."""
        self._sealer = sealer
        return self.append_batches(batches, now)

    def load(self, kind: str, subject: str, empty: Any, evolve: Callable[[Any, Any], Any]) -> Any:
        """Loads a case out of the record, as `Cases` does."""
        stream, state = stream_of_case(kind, subject), empty
        head = self.heads([stream]).get(stream)
        for stored in self.between(stream, 1, head.number if head else 0):
            state = evolve(state, decode(stored.name, stored.state))
        return state


class WorldAppender:
    """An `Appender` of one process on the database that all share."""

    def __init__(self, journal: WorldJournal, sealer: Sealer) -> None:
        self.journal = journal
        self._sealer = sealer

    def append_batches(self, batches: Sequence[TapeBatch], now: datetime) -> list[Outcome]:
        return self.journal.append_for(self._sealer, batches, now)

    def keep_stranger(self, received: datetime, reason: str, content: bytes) -> None:
        self.journal.keep_stranger(received, reason, content)


class WorldViews:
    """The views of one ledger with their position, for any number of followers."""

    def __init__(self, groups: Sequence[str]) -> None:
        self.stores = {name: MemoryStore() for name in groups}
        self.position = 0


class Buffered:
    """A transaction over a memory store: nothing is seen outside before it is committed."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._own = MemoryStore()
        self._gone: dict[str, set[Key]] = {}
        self._done: list[tuple[str, Table, Any]] = []

    def load(self, table: Table, keys: Sequence[Key]) -> list[Any]:
        assert not self._done, "a page loads before it writes"
        return self._store.load(table, keys)

    def select(
        self,
        table: Table,
        equal: Mapping[str, Any],
        at_most: Mapping[str, Any],
        limit: int | None = None,
    ) -> list[Any]:
        assert not self._done, "a page loads before it writes"
        return self._store.select(table, equal, at_most, limit)

    def write(self, table: Table, rows: Sequence[Any]) -> None:
        self._done.append(("write", table, rows))

    def erase(self, table: Table, keys: Sequence[Key]) -> None:
        self._done.append(("erase", table, keys))

    def commit(self) -> None:
        for what, table, values in self._done:
            getattr(self._store, what)(table, values)


class WorldRow(MemoryRow):
    """The publishers' row: its commit may fail, be unsure, or be the last thing a process does."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults
        self.committed: set[bytes] = set()

    def advance(self, former: Published | None, to: Published) -> bool:
        self._trouble()
        done = super().advance(former, to)
        if done:
            self.committed.add(to.note)
        self._trouble()
        return done

    def confirm(self, said: Published) -> bool:
        self._trouble()
        return super().confirm(said)

    def _trouble(self) -> None:
        if self._faults.hits():
            raise JournalUnavailable("the database is away")
        if self._faults.hits(0.5):
            raise Crash


class WorldFiles(MemoryFiles):
    """The published files: a disk that refuses, a process that ends between any two writes."""

    def __init__(self, faults: Faults, row: WorldRow) -> None:
        super().__init__()
        self._faults = faults
        self._row = row

    def write(self, path: str, content: bytes) -> None:
        if self._faults.hits(0.3):
            raise OSError("the disk is full")
        if self._faults.hits(0.3):
            raise Crash
        if path == "checkpoint":
            assert content in self._row.committed, "a checkpoint was published before its row"
        assert path == "checkpoint" or self.files.get(path, content) == content, f"{path} changed"
        super().write(path, content)


class WorldLeaves:
    """The record's leaves, for the publishers."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    def head(self) -> int:
        return self._journal.head()

    def leaves(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return [(stored.position, stored.leaf) for stored in self._journal.page(after, limit)]


def gapless(rows: Sequence[Stored]) -> bool:
    """Tells whether positions count from 1 without a gap."""
    return [row.position for row in rows] == [*range(1, len(rows) + 1)]
