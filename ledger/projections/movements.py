"""Movements: what each report moved, as reported, believed from one position to another."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from ledger.events.reports import (
    EntryCorrected,
    GoodsAsRead,
    GoodsDisposed,
    GoodsMoved,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    GoodsUsed,
    Report,
    StockCounted,
)
from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import lot_of, product_of
from ledger.projections.table import Key, Position, Table
from ledger.values.clock import derive
from ledger.values.ids import stream_of_tape
from ledger.values.quantity import StatedQuantity


class Movement(msgspec.Struct):
    """One leg of a report. `delta` is what it adds to the reporter's stock, in thousandths.

    A count has delta 0 and its amount. A replacement keeps the position of the `original` entry,
    which orders it among others of its instant. Rows are closed by `believed_to`, never deleted.
    """

    position: Position
    leg: Position
    stream: str
    number: Position
    kind: str
    merchant: str
    premises: str
    counterparty: str | None
    product: str
    lot: str
    unit: str
    amount: int
    sign: Position
    delta: int
    produced: date | None
    expires: date | None
    business_date: date
    happened: datetime
    uncertainty_s: Position
    received: datetime
    session: str
    delivery: str | None
    original: Position
    believed_to: Position | None


class Correction(msgspec.Struct):
    """A merchant's latest correction of an entry; it waits here for one that has not come yet.

    Beside it stands one of merchant "" that says somebody's waits, whoever's entry it will be.
    """

    stream: str
    number: Position
    merchant: str
    position: Position
    scope: str
    state: bytes


MOVEMENTS = Table(
    "movements",
    Movement,
    ("position", "leg"),
    (
        "(product, lot, premises)",
        "(stream, number)",
        "(session)",
        "(delivery) WHERE delivery IS NOT NULL",
    ),
)
CORRECTIONS = Table("corrections", Correction, ("stream", "number", "merchant"))


class Moved(NamedTuple):
    """Signal: a movement is believed from now on."""

    movement: Movement


class Unmoved(NamedTuple):
    """Signal: a movement is believed no longer."""

    movement: Movement


class CorrectionRefused(NamedTuple):
    """Signal: a correction has no effect, being another merchant's or of no such line."""

    stream: str
    number: int
    merchant: str


class Movements:
    """What moved, as reported; pairing of both sides comes on top of this."""

    name = "movements"
    tables = (MOVEMENTS, CORRECTIONS)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """The correction that may wait for this entry."""
        if isinstance(entry.event, GoodsMoved | GoodsTransformed):
            yield CORRECTIONS, (entry.stream, entry.number, "")

    def fold(self, fold: Fold) -> None:
        """Takes in reports of goods and corrections of them."""
        entry = fold.entry
        match entry.event:
            case GoodsMoved() | GoodsTransformed() as event:
                for movement in legs_of(entry, event):
                    _believe(fold, movement)
                if fold.rows.get(CORRECTIONS, entry.stream, entry.number, "") is not None:
                    same = {"stream": entry.stream, "number": entry.number}
                    for waiting in fold.rows.select(CORRECTIONS, same):
                        if waiting.merchant:
                            _apply(fold, waiting)
            case EntryCorrected() as event:
                _correct(fold, event)


def legs_of(entry: Entry, event: GoodsMoved | GoodsTransformed) -> list[Movement]:
    """Returns the movements a report states, one a leg."""
    if not entry.memo:
        entry.memo.extend(_make_legs(entry, event))
    return entry.memo


def _make_legs(entry: Entry, event: GoodsMoved | GoodsTransformed) -> list[Movement]:
    if isinstance(event, GoodsMoved):
        kind = entry.name.partition(".")[0]
        return [_movement(entry, event, 0, kind, event.goods, event.quantity, _sign(event))]
    found: list[Movement] = []
    for portion in event.inputs:
        found.append(
            _movement(entry, event, len(found), "used-in", portion.goods, portion.quantity, -1)
        )
    for portion in event.outputs:
        found.append(
            _movement(entry, event, len(found), "made", portion.goods, portion.quantity, 1)
        )
    return found


def _sign(event: GoodsMoved) -> int:
    match event:
        case GoodsReceived():
            return 1
        case GoodsReturned():
            return 1 if event.direction == "from-customer" else -1
        case GoodsSold() | GoodsDisposed() | GoodsUsed():
            return -1
        case StockCounted():
            return 0
    raise TypeError(f"{type(event).__name__} moves nothing")


def _movement(  # one call builds one wide row
    entry: Entry,
    event: Report,
    leg: int,
    kind: str,
    goods: GoodsAsRead,
    quantity: StatedQuantity,
    sign: int,
) -> Movement:
    unit, amount = quantity.scaled()
    time = derive(event.clock, entry.received)
    delivery = getattr(event, "delivery", None)
    # Goods without a code are their delivery's; without its number, this entry's.
    receipt = delivery or f"{entry.stream}/{entry.number}"
    return Movement(
        position=Position(entry.position),
        leg=Position(leg),
        stream=entry.stream,
        number=Position(entry.number),
        kind=kind,
        merchant=event.merchant,
        premises=event.premises,
        counterparty=getattr(event, "counterparty", None),
        product=product_of(goods),
        lot=lot_of(goods, receipt),
        unit=unit,
        amount=amount,
        sign=Position(sign),
        delta=sign * amount,
        produced=goods.produced,
        expires=goods.expires,
        business_date=event.business_date,
        happened=time.at,
        uncertainty_s=Position(time.uncertainty_s),
        received=entry.received,
        session=event.session,
        delivery=delivery,
        original=Position(entry.position),
        believed_to=None,
    )


def _correct(fold: Fold, event: EntryCorrected) -> None:
    stream = str(stream_of_tape(event.target_tape))
    correction = Correction(
        stream,
        Position(event.target_number),
        event.merchant,
        Position(fold.entry.position),
        event.scope,
        msgspec.json.encode(event),
    )
    fold.rows.put(CORRECTIONS, correction)
    if not _apply(fold, correction):
        fold.rows.put(CORRECTIONS, msgspec.structs.replace(correction, merchant="", state=b""))


def _apply(fold: Fold, correction: Correction) -> bool:
    """Applies a correction to its entry; False when that has not come and it must wait."""
    rows = fold.rows.select(MOVEMENTS, {"stream": correction.stream, "number": correction.number})
    if not rows:
        return False
    event = msgspec.json.decode(correction.state, type=EntryCorrected)
    # A transformation has several legs, of which a single replacement would wipe the others.
    unusable = event.goods is not None and rows[0].kind in ("used-in", "made")
    if rows[0].merchant != correction.merchant or unusable:
        refused = CorrectionRefused(correction.stream, correction.number, correction.merchant)
        fold.signals.append(refused)
        return True
    for row in _in_scope(fold, rows, correction.scope):
        if row.believed_to is None:
            row.believed_to = Position(fold.entry.position)
            fold.rows.put(MOVEMENTS, row)
            fold.signals.append(Unmoved(row))
    if event.goods is not None and event.quantity is not None:
        _replace(fold, rows[0], event.goods, event.quantity)
    return True


def _in_scope(fold: Fold, rows: list[Movement], scope: str) -> list[Movement]:
    if scope == "session":
        # Session ids are the devices' own: another merchant's may be the same, by accident or not.
        same = {"session": rows[0].session, "merchant": rows[0].merchant}
        return fold.rows.select(MOVEMENTS, same)
    if scope == "delivery" and rows[0].delivery is not None:
        same = {"delivery": rows[0].delivery, "merchant": rows[0].merchant}
        return fold.rows.select(MOVEMENTS, same)
    return rows


def _replace(fold: Fold, original: Movement, goods: GoodsAsRead, quantity: StatedQuantity) -> None:
    unit, amount = quantity.scaled()
    receipt = original.delivery or f"{original.stream}/{original.number}"
    replacement = msgspec.structs.replace(
        original,
        position=Position(fold.entry.position),
        leg=Position(0 if original.position != fold.entry.position else 1),
        product=product_of(goods),
        lot=lot_of(goods, receipt),
        unit=unit,
        amount=amount,
        delta=original.sign * amount,
        produced=goods.produced,
        expires=goods.expires,
        believed_to=None,
    )
    _believe(fold, replacement)


def _believe(fold: Fold, movement: Movement) -> None:
    fold.rows.put(MOVEMENTS, movement)
    fold.signals.append(Moved(movement))
