"""Movements: what each report moved, as read and as it is, believed from one position to another."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from ledger.events.reports import (
    DaySalesTotalled,
    GoodsAsRead,
    GoodsDisposed,
    GoodsMoved,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    GoodsUsed,
    Portion,
    StockCounted,
)
from ledger.projections.as_read import lot_of, product_of
from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import LOT_KEYS, identify
from ledger.projections.parties import merchant_of, partner_of
from ledger.projections.products import base_of
from ledger.projections.seen import SeenBy
from ledger.projections.sweeps import Party
from ledger.projections.table import Key, Position, Rows, Table
from ledger.projections.times import time_of
from ledger.values.clock import DerivedTime, derive
from ledger.values.quantity import StatedQuantity


class Movement(msgspec.Struct):
    """One leg of a report, as it was read and as what it is.

    `read_merchant`, `read_counterparty`, `read_product`, `read_lot`, `stated` (thousandths of
    `stated_unit`) and `pieces` are what the label and the person said; `merchant`, `counterparty`,
    `product`, `lot`, `unit` and `amount` (thousandths) what that is.
    `delta` is what it adds to the reporter's stock; a count has delta 0 and its amount. A row is
    believed from `position` on until `believed_to`; when it is learned to be other goods, or was
    corrected, it is closed and another believed instead, which keeps `original`, the position of
    the entry, and names the correction it comes from. Rows are closed, never deleted. `contested`
    says of a closed row after what it was corrected, where both readings count: `confirmed` by
    the other side, `held` or `recalled`.
    """

    position: Position
    original: Position
    leg: Position
    stream: str
    number: Position
    kind: str
    merchant: str
    premises: str
    counterparty: str | None
    card: str | None
    read_merchant: str
    read_counterparty: str | None
    read_product: str
    read_lot: str
    stated_unit: str
    stated: int
    pieces: Position | None
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
    process: str | None
    corrected_by: Position | None
    believed_to: Position | None
    contested: str | None


MOVEMENTS = Table(
    "movements",
    Movement,
    ("position", "original", "leg"),
    (
        "(product, lot, premises)",
        "(stream, number)",
        "(session)",
        "(delivery) WHERE delivery IS NOT NULL",
        "(merchant, business_date)",
        "(counterparty) WHERE counterparty IS NOT NULL",
        "(card) WHERE card IS NOT NULL",
        "(product) WHERE contested IS NOT NULL",
        "(original) WHERE kind IN ('used-in', 'made')",
        "(believed_to) WHERE believed_to IS NOT NULL",
        # For statistics of a time: days come nearly in order, and this costs an entry nothing.
        "USING brin (business_date)",
    ),
    seen=SeenBy(of=("merchant", "counterparty"), at="premises", public=True),
)
GoodsReport = GoodsMoved | GoodsTransformed | DaySalesTotalled


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

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Which lots the dates in this entry stand for; its movements are new."""
        if isinstance(entry.event, GoodsReport):
            for leg in legs_of(entry, entry.event):
                if leg.read_lot[:2] in ("D:", "E:"):
                    yield LOT_KEYS, (base_of(rows, leg.read_product)[0], leg.read_lot)

    def fold(self, fold: Fold) -> None:
        """Takes in reports of goods."""
        event = fold.entry.event
        if isinstance(event, GoodsReport):
            time = time_of(fold, event.clock)
            for leg in legs_of(fold.entry, event):
                leg.happened, leg.uncertainty_s = time.at, Position(time.uncertainty_s)
                believe(fold, leg)


def legs_of(entry: Entry, event: GoodsReport) -> list[Movement]:
    """Returns the movements a report states, one a leg, as they were read."""
    if not entry.memo:
        entry.memo.extend(_make_legs(entry, event))
    return entry.memo


def _make_legs(entry: Entry, event: GoodsReport) -> list[Movement]:
    time = derive(event.clock, entry.received)
    stated: list[tuple[str, GoodsAsRead, StatedQuantity, int]]
    match event:
        case GoodsMoved():
            stated = [(entry.name.partition(".")[0], event.goods, event.quantity, _sign(event))]
        case DaySalesTotalled():
            stated = [_leg("day-sales", line, -1) for line in event.lines]
        case GoodsTransformed():
            stated = [_leg("used-in", portion, -1) for portion in event.inputs]
            stated += [_leg("made", portion, 1) for portion in event.outputs]
    return [
        _movement(entry, event, time, leg, kind, goods, quantity, sign)
        for leg, (kind, goods, quantity, sign) in enumerate(stated)
    ]


def _leg(kind: str, portion: Portion, sign: int) -> tuple[str, GoodsAsRead, StatedQuantity, int]:
    return kind, portion.goods, portion.quantity, sign


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
    event: GoodsReport,
    time: DerivedTime,
    index: int,
    kind: str,
    goods: GoodsAsRead,
    quantity: StatedQuantity,
    sign: int,
) -> Movement:
    moved = event if isinstance(event, GoodsMoved) else None
    delivery = moved.delivery if moved is not None else None
    leg = Movement(
        position=Position(entry.position),
        original=Position(entry.position),
        leg=Position(index),
        stream=entry.stream,
        number=Position(entry.number),
        kind=kind,
        merchant=event.merchant,
        premises=event.premises,
        counterparty=moved.counterparty if moved is not None else None,
        card=moved.counterparty_card if moved is not None else None,
        read_merchant=event.merchant,
        read_counterparty=moved.counterparty if moved is not None else None,
        read_product="",
        read_lot="",
        stated_unit="",
        stated=0,
        pieces=None,
        product="",
        lot="",
        unit="",
        amount=0,
        sign=Position(sign),
        delta=0,
        produced=None,
        expires=None,
        business_date=event.business_date,
        happened=time.at,
        uncertainty_s=Position(time.uncertainty_s),
        received=entry.received,
        session=event.session,
        delivery=delivery,
        process=event.process if isinstance(event, GoodsTransformed) else None,
        corrected_by=None,
        believed_to=None,
        contested=None,
    )
    _read(leg, goods, quantity)
    return leg


def _read(leg: Movement, goods: GoodsAsRead, quantity: StatedQuantity) -> None:
    """Notes on a leg what the label and the person said of its goods."""
    leg.read_product = leg.product = product_of(goods)
    leg.read_lot = leg.lot = lot_of(goods, _came_by(leg) if goods.gtin is None else None)
    leg.stated_unit = leg.unit = quantity.unit.value
    leg.stated = leg.amount = int(quantity.amount * 1000)
    leg.pieces = None if quantity.pieces is None else Position(quantity.pieces)
    leg.produced, leg.expires = goods.produced, goods.expires


def _came_by(leg: Movement) -> str | None:
    """Returns what names the delivery that goods without a code came by, where it is known.

    A sale's delivery number is the buyer's; which of the seller's deliveries it came from, is not
    said. What comes in or is made without a number is named by its own entry.
    """
    back = leg.kind == "goods-returned" and leg.sign > 0
    if leg.kind in ("goods-sold", "day-sales", "used-in") or back:
        return None
    if leg.delivery is not None:
        return f"{leg.read_merchant}/{leg.delivery}"
    return f"{leg.read_merchant}/{leg.stream}/{leg.number}" if leg.sign > 0 else None


def recognize(rows: Rows, leg: Movement) -> None:
    """Turns a movement into what it is, as known now: whose, with whom, and of which goods."""
    leg.merchant = merchant_of(rows, leg.read_merchant)
    leg.counterparty = partner_of(rows, leg.read_counterparty, leg.card)
    leg.product, leg.lot, leg.unit, leg.amount = identify(
        rows, leg.read_product, leg.read_lot, leg.stated_unit, leg.stated
    )
    leg.delta = leg.sign * leg.amount


def believe(fold: Fold, leg: Movement) -> None:
    """Keeps a movement, turned into what it is, that is believed from now on."""
    recognize(fold.rows, leg)
    fold.rows.put(MOVEMENTS, leg)
    fold.signals.append(Moved(leg))


def disbelieve(fold: Fold, movement: Movement, *, contested: str | None = None) -> None:
    """Closes a movement that is believed no longer."""
    position = Position(fold.entry.position)
    closed = msgspec.structs.replace(movement, believed_to=position, contested=contested)
    fold.rows.put(MOVEMENTS, closed)
    fold.signals.append(Unmoved(closed))


def reidentify(fold: Fold, movement: Movement) -> None:
    """Believes a movement as what it is known to be now, if that is something else."""
    anew = msgspec.structs.replace(movement)
    recognize(fold.rows, anew)
    if anew != movement:
        disbelieve(fold, movement)
        anew.position = Position(fold.entry.position)
        believe(fold, anew)


def replace(
    fold: Fold, original: Movement, said: Portion | None, party: Party | None, *, corrected_by: int
) -> None:
    """Believes a line as it should have been, where that is not as it was entered."""
    replacement = msgspec.structs.replace(
        original,
        position=Position(fold.entry.position),
        leg=Position(0 if original.position != fold.entry.position else 1),
        corrected_by=Position(corrected_by),
        believed_to=None,
        contested=None,
    )
    if party is not None:
        replacement.read_counterparty, replacement.card = party
    if said is not None:
        _read(replacement, said.goods, said.quantity)
    believe(fold, replacement)
