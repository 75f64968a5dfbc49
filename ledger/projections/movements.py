"""Movements: what each report moved, as reported, believed from one position to another."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from ledger.events.reports import (
    GoodsAsRead,
    GoodsDisposed,
    GoodsMoved,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    GoodsUsed,
    Portion,
    Report,
    StockCounted,
)
from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import lot_of, product_of
from ledger.projections.table import Key, Position, Table
from ledger.values.clock import derive
from ledger.values.quantity import StatedQuantity


class Movement(msgspec.Struct):
    """One leg of a report. `delta` is what it adds to the reporter's stock, in thousandths.

    A count has delta 0 and its amount. A replacement keeps the position of the `original` entry,
    which orders it among others of its instant, and names the correction it comes from. Rows are closed by `believed_to`, never deleted.
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
    corrected_by: Position | None
    believed_to: Position | None


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


class Moved(NamedTuple):
    """Signal: a movement is believed from now on."""

    movement: Movement


class Unmoved(NamedTuple):
    """Signal: a movement is believed no longer."""

    movement: Movement


class Movements:
    """What moved, as reported; pairing of both sides comes on top of this."""

    name = "movements"
    tables = (MOVEMENTS,)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: a report's movements are new."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in reports of goods."""
        event = fold.entry.event
        if isinstance(event, GoodsMoved | GoodsTransformed):
            for movement in legs_of(fold.entry, event):
                believe(fold, movement)


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
        corrected_by=None,
        believed_to=None,
    )


def believe(fold: Fold, movement: Movement) -> None:
    """Keeps a movement that is believed from now on."""
    fold.rows.put(MOVEMENTS, movement)
    fold.signals.append(Moved(movement))


def disbelieve(fold: Fold, movement: Movement) -> None:
    """Closes a movement that is believed no longer."""
    movement.believed_to = Position(fold.entry.position)
    fold.rows.put(MOVEMENTS, movement)
    fold.signals.append(Unmoved(movement))


def replace(fold: Fold, original: Movement, said: Portion, *, corrected_by: int) -> None:
    """Believes a line as it should have been instead of as it was entered."""
    goods = said.goods
    unit, amount = said.quantity.scaled()
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
        corrected_by=Position(corrected_by),
        believed_to=None,
    )
    believe(fold, replacement)
