"""Alerts: what somebody should look at, opened and closed by the record alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from ledger.events.cases import (
    AlertAcknowledged,
    AlertAssigned,
    AlertCommented,
    AlertSilenced,
    ReportUnreadable,
    TapeForked,
    TapeLost,
)
from ledger.events.holds import DeadlinePassed, HoldBecameRecall, HoldReleased
from ledger.events.recalls import (
    HolderChecked,
    RecallClosed,
    RecallPublished,
    RecallWithdrawn,
)
from ledger.events.reports import EntryCorrected, Report
from ledger.projections.as_read import LOT_UNKNOWN
from ledger.projections.corrections import CorrectionRefused
from ledger.projections.coverage import PaperTrouble
from ledger.projections.expiry import Expiry, ExpiryAttention, attention
from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import LOT_KEYS
from ledger.projections.identity import KeyCandidates
from ledger.projections.lot_transforms import Gained, Outlives
from ledger.projections.lots import LOTS, LotDispute, LotExpiry
from ledger.projections.movements import (
    MOVEMENTS,
    Moved,
    Movement,
    Unmoved,
)
from ledger.projections.pairs import PAIR_CELLS, OneSided
from ledger.projections.products import PRODUCTS, ShelfLifeKnown
from ledger.projections.seen import SeenBy, with_its_alerts
from ledger.projections.shelves import STOCK, Shelf, Stock, is_short
from ledger.projections.stock import ShelfChanged, StockChanged
from ledger.projections.stopped_lots import SoldAnyway, SoldWhileStopped
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.alert_kinds import ALERT_KINDS, group_of_alert
from ledger.rules.flags import CLOCK_AHEAD, NO_MANDATE
from ledger.rules.tolerance import tolerated
from ledger.values.ids import stream_of_tape


class Alert(msgspec.Struct):
    """Something somebody should look at. Open while `closed_at` is null.

    `grouped` names the group of its cause, `evidence` the entry it rests on; the times are when the ledger
    received what opened and closed it.
    """

    kind: str
    subject: str
    grouped: str
    merchant: str | None
    premises: str | None
    product: str | None
    lot: str | None
    opened_at: Position
    closed_at: Position | None
    opened_time: datetime
    closed_time: datetime | None
    times: Position
    evidence: Position
    detail: str


class AlertGroup(msgspec.Struct):
    """Alerts of one cause, with what people said of them.

    When the last of its alerts closes, nobody has it on the desk any more; a silence goes on.
    """

    grouped: str
    cause: str
    open: Position
    opened_at: Position
    changed_at: Position
    acknowledged_at: Position | None
    acknowledged_by: str | None
    assigned_to: str | None
    silenced_until: datetime | None
    silenced_by: str | None


class AlertWord(msgspec.Struct):
    """What somebody said of a group of alerts, as it stands in the record."""

    position: Position
    grouped: str
    what: str
    by: str
    said_at: datetime
    note: str | None
    to: str | None
    until: datetime | None


ALERTS = Table(
    "alerts", Alert, ("kind", "subject"),
    (
        "(opened_at) WHERE closed_at IS NULL", "(premises)", "(product, lot)", "(grouped)",
        "USING brin (opened_time)",
    ),
    seen=SeenBy(of=("merchant",), at="premises"),
)  # fmt: skip
ALERT_GROUPS = Table(
    "alert_groups", AlertGroup, ("grouped",), ("(changed_at)",),
    seen=with_its_alerts("alert_groups"),
)  # fmt: skip
ALERT_WORDS = Table(
    "alert_words", AlertWord, ("position",), ("(grouped)",),
    seen=with_its_alerts("alert_words", among_officers=True),
)  # fmt: skip


class Alerts:
    """The list an officer and a merchant look at first."""

    name = "alerts"
    tables = (ALERTS, ALERT_GROUPS, ALERT_WORDS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The alert a corrected sale may have; most entries alert nobody."""
        if isinstance(entry.event, EntryCorrected):
            stream = stream_of_tape(entry.event.target_tape)
            yield ALERTS, ("sold-after-expiry", f"{stream}|{entry.event.target_number}")

    def fold(self, fold: Fold) -> None:
        """Opens and closes alerts on what the other projections noticed, and on flags."""
        _of_devices(fold)
        _of_people(fold)
        _of_both_sides(fold)
        _of_stops(fold)
        _of_stock(fold)
        _load_attentions(fold)
        for signal in list(fold.signals):
            match signal:
                case ExpiryAttention(row, before):
                    _expiry_attention(fold, row, before)
                case Moved(movement) if movement.kind == "goods-sold":
                    _sold_after_expiry(fold, movement)
                case Unmoved(movement) if movement.kind == "goods-sold":
                    subject = f"{movement.stream}|{movement.number}"
                    _set(fold, "sold-after-expiry", subject, False, movement)
                case LotExpiry(product, lot, _, is_new) if not is_new:
                    sales = {"product": product, "lot": lot, "kind": "goods-sold"}
                    for movement in fold.rows.select(MOVEMENTS, sales):
                        if movement.believed_to is None:
                            _sold_after_expiry(fold, movement)
                case LotDispute(product, lot, disputed):
                    row = fold.rows.get(LOTS, product, lot)
                    _set(fold, "dates-disputed", subject_of(product, lot), disputed, row)


def subject_of(*parts: str) -> str:
    """Joins what an alert is about; a bar inside a part is written %7C, so that none collide."""
    return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts)


def _of_devices(fold: Fold) -> None:
    entry = fold.entry
    if CLOCK_AHEAD in entry.flags:
        _set(fold, "device-clock", entry.stream, True, None)
    place = f"{entry.stream}|{entry.number}"
    if entry.readmitted:
        _set(fold, "report-unreadable", place, False, None)
    match entry.event:
        case TapeForked(tape=tape, device=device):
            _set(fold, "tape-forked", tape, True, None, detail=device)
        case TapeLost(tape=tape, device=device):
            _set(fold, "tape-lost", tape, True, None, detail=device)
        case ReportUnreadable(reason=reason):
            _set(fold, "report-unreadable", place, True, None, detail=reason)
        case Report(merchant=merchant) if NO_MANDATE in entry.flags:
            _set(fold, "no-mandate", f"{entry.stream}|{merchant}", True, None, merchant=merchant)


def _of_stock(fold: Fold) -> None:
    """What was given out beyond what came in."""
    for signal in list(fold.signals):
        match signal:
            case StockChanged(row, before) if row.amount < 0 or before < 0:
                _oversold(fold, row)
            case ShelfLifeKnown(gtin):
                # Its category may have been stated with it, and what that tolerates.
                for row in fold.rows.select(STOCK, {"product": gtin}):
                    _oversold(fold, row)
            case KeyCandidates(product, key):
                for row in fold.rows.select(STOCK, {"product": product, "lot": key}):
                    _oversold(fold, row)
            case ShelfChanged(shelf, was_short) if was_short != is_short(shelf):
                _oversold_shelf(fold, shelf)


def _of_both_sides(fold: Fold) -> None:
    """What one side alone has said, what papers say of it, what nobody may take back."""
    for cell, silent in fold.of(OneSided):
        subject = subject_of(*map(str, PAIR_CELLS.key_of(cell)))
        _set(fold, "one-sided", subject, silent is not None, cell, merchant=silent)
    for edge, wanted in fold.of(Outlives):
        subject = subject_of(*map(str, (edge.original, edge.input_leg, edge.output_leg)))
        _set(fold, "outlives-its-parts", subject, wanted, edge)
    for leg, wanted in fold.of(Gained):
        _set(fold, "repacked-more", f"{leg.stream}|{leg.original}", wanted, leg)
    entered = fold.entry.stream, str(fold.entry.number)
    for kind, parts, wanted, about, detail in fold.of(PaperTrouble):
        if parts[:2] == entered:
            # An entry's alerts cannot be there before it.
            fold.rows.is_new(ALERTS, kind, subject_of(*parts))
        _set(fold, kind, subject_of(*parts), wanted, about, detail=detail)
    for stream, number, merchant in fold.of(CorrectionRefused):
        subject = f"{stream}|{number}|{merchant}"
        _set(fold, "correction-refused", subject, True, None, merchant=merchant)


def _of_stops(fold: Fold) -> None:
    """What was sold though stopped, and what time ran out of."""
    for sale, stop in fold.of(SoldWhileStopped):
        subject = f"{sale.stream}|{sale.number}|{sale.leg}"
        _set(fold, "sold-while-stopped", subject, stop is not None, sale, detail=stop or "")
    for told in fold.of(SoldAnyway):
        subject = f"{fold.entry.stream}|{fold.entry.number + 1}|0"
        _set(fold, "sold-while-stopped", subject, True, told, detail=told.stop)
    match fold.entry.event:
        case DeadlinePassed(what="hold-ends", subject=hold):
            _set(fold, "hold-ran-out", hold, True, None)
        case HoldReleased(hold=hold) | HoldBecameRecall(hold=hold):
            _set(fold, "hold-ran-out", hold, False, None)
        case DeadlinePassed(what=what, subject=recall):
            _set(fold, "recall-late", f"{recall}|{what}", True, None, detail=what)
        case HolderChecked(recall=recall, merchant=merchant, result=result):
            wrong = result in ("still-there", "still-sold")
            subject = f"{recall}|{merchant}"
            about = {"merchant": merchant, "detail": result}
            _set(fold, "recall-without-effect", subject, wrong, None, **about)
        case RecallPublished(recall=recall):
            _set(fold, "recall-late", f"{recall}|recall-starts", False, None)
        case RecallWithdrawn(recall=recall) | RecallClosed(recall=recall):
            for what in ("recall-starts", "recall-finishes"):
                _set(fold, "recall-late", f"{recall}|{what}", False, None)


def _of_people(fold: Fold) -> None:
    """Notes what somebody said of a group; words about one that never was say nothing."""
    entry, position = fold.entry, Position(fold.entry.position)
    event = entry.event
    if not isinstance(event, AlertAcknowledged | AlertAssigned | AlertCommented | AlertSilenced):
        return
    word = AlertWord(
        position, event.group, entry.name.partition(".")[0].removeprefix("alert-"), event.by,
        entry.received, event.note, getattr(event, "to", None), getattr(event, "until", None),
    )  # fmt: skip
    fold.rows.put(ALERT_WORDS, word)
    group: AlertGroup | None = fold.rows.get(ALERT_GROUPS, event.group)
    if group is None:
        return
    match event:
        case AlertAcknowledged():
            group.acknowledged_at, group.acknowledged_by = position, event.by
        case AlertAssigned():
            group.assigned_to = event.to
        case AlertSilenced():
            group.silenced_until, group.silenced_by = event.until, event.by
        case AlertCommented():
            pass
    fold.rows.put(ALERT_GROUPS, group)


def _oversold(fold: Fold, row: Stock) -> None:
    """A lot given out more often than taken in; of a date that several lots bear, nobody knows."""
    if row.lot == LOT_UNKNOWN:
        return
    product = fold.rows.get(PRODUCTS, row.product)
    category = product.category if product is not None else None
    coded = not row.product.startswith("item:")
    short = row.amount < -tolerated(category, row.taken_in, coded=coded)
    if short and row.lot[:2] in ("D:", "E:"):
        key = fold.rows.get(LOT_KEYS, row.product, row.lot)
        short = key is None or key.candidates <= 1
    _set(fold, "oversold", _stock_subject(row), short, row)


def _oversold_shelf(fold: Fold, shelf: Shelf) -> None:
    """Of goods given out without their lot, all lots together are too few."""
    key = shelf.merchant, shelf.premises, shelf.product, LOT_UNKNOWN, shelf.unit
    _set(fold, "oversold", subject_of(*key), is_short(shelf), shelf)


def _stock_subject(row: Stock | Expiry) -> str:
    return subject_of(row.merchant, row.premises, row.product, row.lot, row.unit)


def _load_attentions(fold: Fold) -> None:
    """Loads at once what the many lots that a day changes have as alerts."""
    told = fold.of(ExpiryAttention)
    if len(told) <= 1:
        return
    wanted: list[tuple[Table, Key]] = []
    for row, before in told:
        for kind in filter(None, (before, attention(row))):
            members = {
                name: getattr(row, name) for name in ("merchant", "premises", "product", "lot")
            }
            wanted.append((ALERTS, (kind, _stock_subject(row))))
            wanted.append((ALERT_GROUPS, (group_of_alert(kind, members),)))
    fold.rows.prefetch(wanted)


def _expiry_attention(fold: Fold, row: Expiry, before: str | None) -> None:
    subject = _stock_subject(row)
    if before is not None:
        _set(fold, before, subject, False, row)
    if (kind := attention(row)) is not None:
        _set(fold, kind, subject, True, row, detail=str(row.expires))


def _sold_after_expiry(fold: Fold, sale: Movement) -> None:
    lot = fold.rows.get(LOTS, sale.product, sale.lot)
    late = lot is not None and lot.expires is not None and sale.business_date > lot.expires
    is_new = (sale.stream, sale.number) == (fold.entry.stream, fold.entry.number)
    if is_new and not late:
        # It cannot have an alert yet, and looking would cost every sale a read.
        return
    subject = f"{sale.stream}|{sale.number}"
    if is_new:
        fold.rows.is_new(ALERTS, "sold-after-expiry", subject)
    _set(fold, "sold-after-expiry", subject, late, sale)


def _set(  # one row of the list, field by field
    fold: Fold,
    kind: str,
    subject: str,
    wanted: bool,
    about: Any,
    *,
    merchant: str | None = None,
    detail: str = "",
) -> None:
    """Opens or closes an alert; nothing happens to one that is as wanted already."""
    row: Alert | None = fold.rows.get(ALERTS, kind, subject)
    is_open = row is not None and row.closed_at is None
    if wanted == is_open:
        return
    if wanted:
        # What it is about is told anew: its goods may be known as others by now.
        times = row.times if row is not None else 0
        row = _new_alert(fold, kind, subject, about, merchant)
        row.times, row.detail = Position(times + 1), detail
    else:
        assert row is not None
        row.closed_at, row.closed_time = Position(fold.entry.position), fold.entry.received
    fold.rows.put(ALERTS, row)
    _count_group(fold, row)


def _new_alert(fold: Fold, kind: str, subject: str, about: Any, merchant: str | None) -> Alert:
    names = ("merchant", "premises", "product", "lot")
    members = {name: getattr(about, name, None) for name in names}
    members["merchant"] = merchant or members["merchant"]
    grouped = group_of_alert(kind, members | {"subject": subject})
    position = Position(fold.entry.position)
    return Alert(
        kind, subject, grouped, members["merchant"], members["premises"], members["product"],
        members["lot"], position, None, fold.entry.received, None, Position(1),
        Position(getattr(about, "original", position)), "",
    )  # fmt: skip


def _count_group(fold: Fold, alert: Alert) -> None:
    position = Position(fold.entry.position)
    group: AlertGroup | None = fold.rows.get(ALERT_GROUPS, alert.grouped)
    if group is None:
        cause = ALERT_KINDS[alert.kind].cause
        group = AlertGroup(
            alert.grouped, cause, Position(0), position, position, None, None, None, None, None
        )
    opened = alert.closed_at is None
    if opened and group.open == 0:
        group.opened_at = position
    group.open = Position(group.open + (1 if opened else -1))
    group.changed_at = position
    if group.open == 0:
        group.acknowledged_at = group.acknowledged_by = group.assigned_to = None
    fold.rows.put(ALERT_GROUPS, group)
