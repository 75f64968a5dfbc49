"""Checking the record against itself: positions, chains, signatures and leaves."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from ledger.errors import JournalDamaged, Malformed
from ledger.events.cases import (
    DeviceEnrolled,
    DeviceKeyReplaced,
    ReportReadmitted,
    ReportUnreadable,
)
from ledger.events.catalogue import decode_as_stored, read_report
from ledger.events.reports import TapeOpened
from ledger.journal.interface import Stored
from ledger.journal.opening import Opened, Openings, PgKnownPersons
from ledger.journal.postgres import PgReader
from ledger.values.chain import batch_message, chain_next, chain_start
from ledger.values.ids import stream_of_tape
from ledger.values.keys import PublicKey

PAGE = 5000
SHOWN_MAX = 20


class RowsReport(NamedTuple):
    """What was checked and what does not fit, in words."""

    events: int
    batches: int
    problems: list[str]


class RowsCheck:
    """Reads the whole record once, on a connection of the owner's role."""

    def __init__(self, owner_dsn: str) -> None:
        self._dsn = owner_dsn
        with psycopg.connect(owner_dsn) as connection:
            row = connection.execute("SELECT ledger FROM ledger.head").fetchone()
        if row is None:
            raise JournalDamaged("the head row is missing: restore the database")
        self._ledger = str(row[0])
        self._problems: list[str] = []
        self._keys: dict[tuple[str, str], PublicKey] = {}
        self._devices: dict[UUID, str] = {}
        self._chains: dict[UUID, bytes] = {}
        self._numbers: dict[UUID, int] = {}
        # Digests of unreadable reports by stream and number; of these, the ones we could read.
        self._aside: dict[tuple[UUID, int], str] = {}
        self._hidden: dict[tuple[UUID, int], int] = {}

    def run(self, stepped: Callable[[int], None] = lambda count: None) -> RowsReport:
        """Checks everything; the problems it names are at most twenty."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            known = connection.execute("SELECT tape::text FROM ledger.tapes")
            self._tapes = {stream_of_tape(tape): tape for (tape,) in known}
            openings = Openings(self._ledger, PgKnownPersons(connection))
            reader = PgReader(connection)
            head, position = reader.head(), 0
            self._ends = self._load_ends(connection)
            for page in _pages(reader):
                for stored, opened in zip(page, self._open(openings, page), strict=True):
                    position += 1
                    self._check(connection, stored, opened, position)
                stepped(len(page))
            if position < head:
                self._say(f"the head said {head}, the rows go to {position}: the tail is missing")
            for hidden in sorted(self._hidden.values()):
                # It would be missing from the views.
                self._say(f"position {hidden}: called unreadable, and can be read: re-admit it")
            batches = self._check_batches(connection)
        return RowsReport(position, batches, self._problems[:SHOWN_MAX])

    def _open(self, openings: Openings, page: list[Stored]) -> list[Opened | None]:
        """Opens a page; None stands for an event that does not open."""
        try:
            return [*openings.open_all(page)]
        except (Malformed, JournalDamaged):
            return [self._open_one(openings, stored) for stored in page]

    def _open_one(self, openings: Openings, stored: Stored) -> Opened | None:
        try:
            return openings.open(stored)
        except Malformed as error:
            self._say(f"position {stored.position}: {error}")
        except JournalDamaged as error:
            self._say(str(error))
        return None

    def _check(self, connection: Any, stored: Stored, opened: Opened | None, position: int) -> None:
        if stored.position != position:
            self._say(f"position {position} is missing: the next is {stored.position}")
        expected = self._numbers.get(stored.stream, 0) + 1
        if stored.number != expected:
            self._say(f"position {stored.position}: number {stored.number}, not {expected}")
        self._numbers[stored.stream] = stored.number
        event = opened.event if opened else None
        if isinstance(event, DeviceEnrolled | DeviceKeyReplaced):
            key = PublicKey(event.key)
            self._keys[event.device, key.id] = key
        if isinstance(event, ReportReadmitted):
            self._check_readmitted(stored, event)
        if isinstance(event, TapeOpened) and stored.number == 1:
            self._devices[stored.stream] = event.device
        if opened is not None and opened.public().leaf() != stored.leaf:
            self._say(f"position {stored.position}: the leaf does not fit the row")
        if stored.chain is not None:
            self._check_chain(connection, stored)

    def _check_chain(self, connection: Any, stored: Stored) -> None:
        tape = self._tapes.get(stored.stream)
        if tape is None:
            self._say(f"position {stored.position}: no tape is known for its stream")
            return
        report = stored.state
        if stored.name == "report-unreadable.v1":
            row = connection.execute(
                "SELECT content FROM ledger.quarantine WHERE kind = 'unreadable'"
                " AND tape = %s AND number = %s",
                [tape, stored.number],
            ).fetchone()
            report = row[0] if row else b""
            self._check_unreadable(stored, report)
        previous = self._chains.get(stored.stream, chain_start(tape))
        if chain_next(previous, stored.number, report) != stored.chain:
            self._say(f"position {stored.position}: the chain of tape {tape} is broken")
        self._chains[stored.stream] = stored.chain or b""
        for chain in self._ends.get((stored.stream, stored.number), ()):
            if chain != stored.chain:
                self._say(f"position {stored.position}: what the device signed is another chain")

    def _check_unreadable(self, stored: Stored, report: bytes) -> None:
        event = decode_as_stored(stored.name, stored.state)
        assert isinstance(event, ReportUnreadable)
        if hashlib.sha256(report).hexdigest() != event.digest:
            self._say(f"position {stored.position}: quarantine holds other bytes")
        self._aside[stored.stream, stored.number] = event.digest
        try:
            readable = not isinstance(read_report(report), TapeOpened)
        except Malformed:
            readable = False
        if readable:
            self._hidden[stored.stream, stored.number] = stored.position

    def _check_readmitted(self, stored: Stored, event: ReportReadmitted) -> None:
        """What is re-admitted must be, byte for byte, what was put aside under that number."""
        place = stream_of_tape(event.tape), event.number_on_tape
        digest = hashlib.sha256(event.report).hexdigest()
        if not (digest == event.digest == self._aside.get(place)):
            self._say(f"position {stored.position}: re-admits what was never put aside")
        self._hidden.pop(place, None)

    def _load_ends(self, connection: Any) -> dict[tuple[UUID, int], list[bytes]]:
        """The chain hash each signature speaks of, by the last report of its batch."""
        ends: dict[tuple[UUID, int], list[bytes]] = {}
        rows = connection.execute("SELECT tape::text, last, chain FROM ledger.batches")
        for tape, last, chain in rows:
            ends.setdefault((stream_of_tape(tape), last), []).append(chain)
        return ends

    def _check_batches(self, connection: Any) -> int:
        count = 0
        covered: dict[UUID, int] = {}
        rows = connection.execute("SELECT * FROM ledger.batches ORDER BY tape, first, last")
        for tape, first, last, previous, chain, key_id, signature in rows:
            count += 1
            # Of all keys, only one enrolled for the device that opened this tape counts.
            device = self._devices.get(stream_of_tape(str(tape)), "")
            key = self._keys.get((device, key_id))
            message = batch_message(str(tape), first, last, previous, chain)
            if key is None or not key.signed(signature, message):
                self._say(f"batch {tape} {first}..{last}: its signature does not fit")
            stream = stream_of_tape(str(tape))
            if first <= covered.get(stream, 0) + 1:
                covered[stream] = max(last, covered.get(stream, 0))
        for stream in self._chains:
            if covered.get(stream, 0) < self._numbers[stream]:
                self._say(
                    f"stream {stream}: no signature covers number {covered.get(stream, 0) + 1}"
                )
        return count

    def _say(self, problem: str) -> None:
        self._problems.append(problem)


def _pages(reader: PgReader) -> Iterator[list[Stored]]:
    position = 0
    while page := reader.page(position, PAGE):
        yield page
        position = page[-1].position
