"""Times: when each report happened, so that no tape goes back behind what it said before."""

from collections.abc import Iterable
from datetime import datetime
from math import ceil

import msgspec

from ledger.events.reports import Report
from ledger.projections.fold import Entry, Fold
from ledger.projections.table import Key, Rows, Table
from ledger.values.clock import DerivedTime, DeviceClock, derive


class TapeTime(msgspec.Struct):
    """When the last entry of a tape happened, as the ledger derives it."""

    stream: str
    happened: datetime


TAPE_TIMES = Table("tape_times", TapeTime, ("stream",))


class Times:
    """When the entry at hand happened; the projections behind this one read it by `time_of`.

    A clock is set, and an answer under way makes a device believe that it is earlier than it is. A
    tape is in order whatever its clock says: a sale behind a count must not fall before it.
    """

    name = "times"
    tables = (TAPE_TIMES,)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The tape of a report."""
        if isinstance(entry.event, Report):
            yield TAPE_TIMES, (entry.stream,)

    def fold(self, fold: Fold) -> None:
        """Derives when a report happened; one that was put aside keeps its own clock's word."""
        event = fold.entry.event
        if not isinstance(event, Report) or fold.entry.readmitted:
            return
        stream = fold.entry.stream
        before = fold.rows.get(TAPE_TIMES, stream)
        fold.time = _not_before(before, derive(event.clock, fold.entry.received))
        if before is None or fold.time.at > before.happened:
            fold.rows.put(TAPE_TIMES, TapeTime(stream, fold.time.at))


def _not_before(before: TapeTime | None, time: DerivedTime) -> DerivedTime:
    if before is None or time.at >= before.happened:
        return time
    moved = before.happened - time.at
    # One of the two readings was off, and nobody knows which.
    wider = time.uncertainty_s + ceil(moved.total_seconds())
    return DerivedTime(before.happened, wider, time.ahead_s)


def time_of(fold: Fold, clock: DeviceClock) -> DerivedTime:
    """Returns when the entry at hand happened, which this clock tells where no tape does."""
    return fold.time or derive(clock, fold.entry.received)
