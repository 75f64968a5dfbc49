"""Stock: what each premises has of each lot, as its own reports add up."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.events.reports import GoodsMoved, GoodsTransformed
from ledger.projections.fold import Entry, Fold
from ledger.projections.goods import LOT_UNKNOWN
from ledger.projections.movements import MOVEMENTS, Moved, Movement, Unmoved, legs_of
from ledger.projections.table import Key, Position, Table


class Stock(msgspec.Struct):
    """What a premises has of a lot in one unit, in thousandths; below zero it is oversold.

    From `counted_at` on the latest count is the ground on which later movements add up.
    """

    merchant: str
    premises: str
    product: str
    lot: str
    unit: str
    amount: int
    taken_in: int
    given_out: int
    counted_at: datetime | None
    counted: int
    last_happened: datetime
    last_position: Position


STOCK = Table(
    "stock",
    Stock,
    ("merchant", "premises", "product", "lot", "unit"),
    ("(product, lot)", "(premises)"),
)


class StockChanged(NamedTuple):
    """Signal: what is there of a lot changed, from `before` to the row's amount."""

    row: Stock
    before: int


class Stocks:
    """The present sum of believed movements; a report moves only its reporter's stock."""

    name = "stock"
    tables = (STOCK,)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """The stock rows of the goods in this entry."""
        if isinstance(entry.event, GoodsMoved | GoodsTransformed):
            for m in legs_of(entry, entry.event):
                yield STOCK, _key(m)
                yield STOCK, (m.merchant, m.premises, m.product, LOT_UNKNOWN, m.unit)

    def fold(self, fold: Fold) -> None:
        """Adds what moved; where the order of counts matters, sums the lot from its movements."""
        again: dict[Key, Movement] = {}
        for signal in list(fold.signals):
            match signal:
                case Moved(movement):
                    done = _count if movement.kind == "stock-counted" else _add
                case Unmoved(movement):
                    done = _take_back
                case _:
                    continue
            if not done(fold, movement):
                again[_key(movement)] = movement
        for movement in again.values():
            _sum_again(fold, movement)


def _key(movement: Movement) -> Key:
    return movement.merchant, movement.premises, movement.product, movement.lot, movement.unit


def _row(fold: Fold, movement: Movement) -> Stock:
    row: Stock | None = fold.rows.get(STOCK, *_key(movement))
    if row is None:
        nothing = Position(fold.entry.position)
        merchant, premises, product, lot, unit = _key(movement)
        row = Stock(
            merchant, premises, product, lot, unit, 0, 0, 0, None, 0,
            movement.happened, nothing,
        )  # fmt: skip
    return row


def _add(fold: Fold, movement: Movement) -> bool:
    """Adds a movement; False when a replaced line has the instant of the count."""
    row = _row(fold, movement)
    if movement.happened == row.counted_at and movement.original != movement.position:
        return False
    before = row.amount
    if row.counted_at is None or movement.happened >= row.counted_at:
        row.amount += movement.delta
    row.last_happened = max(row.last_happened, movement.happened)
    _count_flow(row, movement.delta, 1)
    _put(fold, row, before)
    return True


def _take_back(fold: Fold, movement: Movement) -> bool:
    """Takes a movement out again; False when a count or its instant is in question."""
    row = _row(fold, movement)
    if movement.kind == "stock-counted" or movement.happened == row.counted_at:
        return False
    before = row.amount
    if row.counted_at is None or movement.happened > row.counted_at:
        row.amount -= movement.delta
    _count_flow(row, movement.delta, -1)
    _put(fold, row, before)
    return True


def _count(fold: Fold, movement: Movement) -> bool:
    """Takes a count that comes after everything known here; False when it must be summed."""
    row = _row(fold, movement)
    replaced = movement.original != movement.position
    if movement.happened < row.last_happened or replaced:
        return False
    before = row.amount
    row.amount = row.counted = movement.amount
    row.counted_at = row.last_happened = movement.happened
    _put(fold, row, before)
    return True


def _sum_again(fold: Fold, movement: Movement) -> None:
    row = _row(fold, movement)
    before = row.amount
    same = dict(zip(STOCK.key, _key(movement), strict=True))
    believed = [m for m in fold.rows.select(MOVEMENTS, same) if m.believed_to is None]
    counts = [m for m in believed if m.kind == "stock-counted"]
    latest = max(counts, key=lambda m: (m.happened, m.original), default=None)
    row.last_happened = max((m.happened for m in believed), default=movement.happened)
    row.counted_at = latest.happened if latest else None
    row.counted = latest.amount if latest else 0
    row.amount, row.taken_in, row.given_out = row.counted, 0, 0
    for m in believed:
        _count_flow(row, m.delta, 1)
        if latest is None or (m.happened, m.original) > (latest.happened, latest.original):
            row.amount += m.delta
    _put(fold, row, before)


def _count_flow(row: Stock, delta: int, sign: int) -> None:
    if delta > 0:
        row.taken_in += sign * delta
    else:
        row.given_out -= sign * delta


def _put(fold: Fold, row: Stock, before: int) -> None:
    row.last_position = Position(fold.entry.position)
    fold.rows.put(STOCK, row)
    fold.signals.append(StockChanged(row, before))
