"""Gaps: where the record may lack something, so that every answer over that time can say so."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from ledger.events.cases import ReportUnreadable, TapeForked, TapeLost
from ledger.events.reports import Report, TapeOpened
from ledger.projections.fold import Entry, Fold
from ledger.projections.seen import OPEN, SeenBy
from ledger.projections.table import Key, Position, Rows, Table
from ledger.values.clock import derive
from ledger.values.day import ZONE_DEFAULT, day_at
from ledger.values.ids import stream_of_tape

# A report that took longer from scan to ledger came from a device that was cut off.
OFFLINE_S = 3600


class TapeRow(msgspec.Struct):
    """A tape with the device it belongs to and when it was last heard.

    `offline_from` is the first number of the offline stretch its last report belongs to, 0 when
    that report came in time.
    """

    stream: str
    device: str
    last_number: Position
    last_happened: datetime
    last_received: datetime
    offline_from: Position


class Gap(msgspec.Struct):
    """A stretch of one tape over which something may be missing or came late."""

    stream: str
    kind: str
    first_number: Position
    device: str
    last_number: Position | None
    happened_from: datetime | None
    happened_to: datetime | None
    position: Position
    note: str


class UseRow(msgspec.Struct):
    """How many reports of a device the ledger received on a day."""

    device: str
    day: date
    reports: Position


TAPES = Table("tapes", TapeRow, ("stream",), seen=OPEN)
GAPS = Table("gaps", Gap, ("stream", "kind", "first_number"), ("(device)",), seen=OPEN)


USES = Table(
    "uses", UseRow, ("device", "day"), seen=SeenBy(when="access.shows_device(uses.device)")
)
ZONE = ZoneInfo(ZONE_DEFAULT)


class Gaps:
    """Lost tapes, forks, unreadable reports, stretches spent offline, and how much each device is used."""

    name = "gaps"
    tables = (TAPES, GAPS, USES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The tape of a report."""
        if isinstance(entry.event, Report | TapeOpened):
            yield TAPES, (entry.stream,)

    def fold(self, fold: Fold) -> None:
        """Takes in what tapes and the ledger say about themselves."""
        if fold.entry.readmitted:
            _close_unreadable(fold)
            return
        match fold.entry.event:
            case TapeOpened(device=device):
                entry = fold.entry
                time = derive(fold.entry.event.clock, entry.received).at
                row = TapeRow(
                    entry.stream, device, Position(entry.number), time, entry.received, Position(0)
                )
                fold.rows.put(TAPES, row)
            case Report() as event:
                _heard(fold, event)
            case TapeLost(tape=tape, last_stored=last) as event:
                lost = "unknown" if event.last_known is None else str(event.last_known - last)
                _note(fold, tape, "tape-lost", number=last + 1, device=event.device,
                      note=f"reports lost: {lost}")  # fmt: skip
            case TapeForked(tape=tape, forked_at=number) as event:
                _note(fold, tape, "tape-forked", number=number, device=event.device,
                      note="two contents, one number")  # fmt: skip
            case ReportUnreadable(reason=reason):
                entry = fold.entry
                gap = Gap(
                    entry.stream, "unreadable", Position(entry.number), "", Position(entry.number),
                    None, entry.received, Position(entry.position), reason,
                )  # fmt: skip
                fold.rows.put(GAPS, gap)


def _close_unreadable(fold: Fold) -> None:
    """Notes that a report which could not be read counts now; its tape has long gone on."""
    entry = fold.entry
    gap = fold.rows.get(GAPS, entry.stream, "unreadable", entry.number)
    if gap is not None:
        gap.note = f"re-admitted at position {entry.position}"
        fold.rows.put(GAPS, gap)


def _heard(fold: Fold, event: Report) -> None:
    entry = fold.entry
    tape = fold.rows.get(TAPES, entry.stream)
    if tape is None:
        return
    happened = derive(event.clock, entry.received).at
    late = (entry.received - happened).total_seconds() > OFFLINE_S
    if not late:
        tape.offline_from = Position(0)
    else:
        if tape.offline_from == 0:
            tape.offline_from = Position(entry.number)
        gap = fold.rows.get(GAPS, entry.stream, "offline", tape.offline_from)
        if gap is None:
            gap = Gap(
                entry.stream, "offline", tape.offline_from, tape.device,
                Position(entry.number), happened, happened, Position(entry.position), "",
            )  # fmt: skip
        gap.last_number, gap.happened_to = Position(entry.number), happened
        fold.rows.put(GAPS, gap)
    _count(fold, tape.device)
    tape.last_number, tape.last_happened = Position(entry.number), happened
    tape.last_received = entry.received
    fold.rows.put(TAPES, tape)


def _count(fold: Fold, device: str) -> None:
    day = day_at(fold.entry.received, ZONE)
    row = fold.rows.get(USES, device, day) or UseRow(device, day, Position(0))
    row.reports = Position(row.reports + 1)
    fold.rows.put(USES, row)


def _note(  # one row of the list, field by field
    fold: Fold, tape: str, kind: str, *, number: int, device: str, note: str
) -> None:
    stream = str(stream_of_tape(tape))
    known = fold.rows.get(TAPES, stream)
    since = known.last_happened if known else None
    gap = Gap(
        stream, kind, Position(number), device, None, since, fold.entry.received,
        Position(fold.entry.position), note,
    )  # fmt: skip
    fold.rows.put(GAPS, gap)
