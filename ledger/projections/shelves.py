"""Shelves: the lines of a product at a premises, and what each lot's stock lies between."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from ledger.projections.by_date import left_since
from ledger.projections.seen import SeenBy
from ledger.projections.table import Position, Table


class Stock(msgspec.Struct):
    """What a premises has of a lot in one unit, in thousandths; below zero it is oversold.

    From `counted_at` on the latest count is the ground on which later movements add up. The line
    without a lot holds what was given out, or came in, of lots nobody named. `loose_before` and
    `loose_in_before` are what the shelf had given out and taken in of unnamed lots when this one
    was counted, `dates_before` what it had given out by each date in `dates_out`. `by_date` is what
    a line known by its date has given out in all, or was found lacking of.
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
    loose_before: int
    loose_in_before: int
    dates_before: str
    by_date: int
    last_happened: datetime
    entries: Position
    last_position: Position


class Shelf(msgspec.Struct):
    """All lots of a product at a premises in one unit: what those named and unnamed add up to.

    `named` is the sum of the lots, `unnamed` the line without one; `loose_out` and `loose_in` all
    that was given out and taken in of unnamed lots, `open_out` what of it no count has explained,
    `forgiven` what of that may have been of goods that nobody ever reported; `empty_out` and
    `empty_in` are what both had come to when nothing of the product was left. Only where such
    entries are, does the order of a shelf's counts matter.
    `dates_short` is what lines known by a date alone have given out beyond what came in by it;
    `dates_out` names them, each with what it has given out so, before it was counted as well, and
    in all: a count says what is there of a date, and not of which lots those goods were.
    `ceiling` is what all lots together cannot exceed: the last count of the whole, and what came in
    since; null while the whole was never counted.
    """

    merchant: str
    premises: str
    product: str
    unit: str
    named: int
    unnamed: int
    loose_out: int
    loose_in: int
    open_out: int
    forgiven: int
    empty_out: int
    empty_in: int
    dates_short: int
    dates_out: str
    ceiling: int | None
    loose_entries: Position
    date_counts: Position
    entries: Position
    counts: Position
    counted_at: datetime | None
    last_happened: datetime


STOCK = Table(
    "stock",
    Stock,
    ("merchant", "premises", "product", "lot", "unit"),
    ("(product, lot)",),
    leading="premises",
    seen=SeenBy(of=("merchant",), at="premises"),
)
SHELVES = Table(
    "shelves",
    Shelf,
    ("merchant", "premises", "product", "unit"),
    leading="premises",
    seen=SeenBy(of=("merchant",), at="premises"),
)


def new_line(key: tuple[str, str, str, str, str], first: datetime) -> Stock:
    """Returns the line of a lot that nothing was reported of yet; `key` as the table has it."""
    merchant, premises, product, lot, unit = key
    return Stock(
        merchant=merchant, premises=premises, product=product, lot=lot, unit=unit,
        amount=0, taken_in=0, given_out=0, counted_at=None, counted=0,
        loose_before=0, loose_in_before=0, dates_before="", by_date=0,
        last_happened=first, entries=Position(0), last_position=Position(0),
    )  # fmt: skip


def new_shelf(key: tuple[str, str, str, str], first: datetime) -> Shelf:
    """Returns a shelf that nothing was reported of yet; `key` as the table has it."""
    merchant, premises, product, unit = key
    return Shelf(
        merchant=merchant, premises=premises, product=product, unit=unit,
        named=0, unnamed=0, loose_out=0, loose_in=0, open_out=0, forgiven=0, empty_out=0, empty_in=0,
        dates_short=0, dates_out="", ceiling=None, loose_entries=Position(0), date_counts=Position(0),
        entries=Position(0), counts=Position(0), counted_at=None, last_happened=first,
    )  # fmt: skip


class Bounds(NamedTuple):
    """What is there of a lot at least and at most, in thousandths."""

    at_least: int
    at_most: int


def bounds(row: Stock, shelf: Shelf | None) -> Bounds:
    """Returns what a lot's stock lies between, as far as its shelf's reports say.

    Goods given out without their lot may have been of this one, unless it was counted since.
    """
    if shelf is None or not is_uncertain(shelf):
        return Bounds(max(0, row.amount), max(0, row.amount))
    since = max(row.loose_before, shelf.empty_out)
    taken = min(shelf.open_out, shelf.loose_out - since) + left_since(
        shelf.dates_out, row.dates_before
    )
    added = shelf.loose_in - max(row.loose_in_before, shelf.empty_in)
    least = max(0, row.amount - taken)
    return Bounds(least, max(least, min(row.amount + added, _whole(shelf))))


def _whole(shelf: Shelf) -> int:
    """Returns what all lots together are at most.

    A count may have found missing what left by its date: that is not taken off twice.
    """
    forgiven = min(shelf.forgiven, shelf.open_out)
    whole = shelf.named + shelf.dates_short + shelf.unnamed + forgiven
    return whole if shelf.ceiling is None else min(whole, shelf.ceiling)


def is_uncertain(shelf: Shelf) -> bool:
    """Tells whether goods left this shelf that may have been of one lot or another."""
    return shelf.open_out > 0 or shelf.loose_in > 0 or shelf.dates_out != ""


def is_short(shelf: Shelf) -> bool:
    """Tells whether all lots together are fewer than what left without saying of which it was."""
    if not shelf.counts:
        return is_uncertain(shelf) and shelf.named + shelf.unnamed < 0
    return is_uncertain(shelf) and _whole(shelf) < 0
