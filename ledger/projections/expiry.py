"""Expiry: the lots in stock by the day on which they next need attention."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from ledger.events.reports import GoodsMoved, GoodsTransformed
from ledger.projections.fold import Entry, Fold
from ledger.projections.lots import LOTS, LotExpiry
from ledger.projections.merchants import MARKETS, PREMISES, MarketDay, PremisesKnown
from ledger.projections.movements import legs_of
from ledger.projections.products import PRODUCTS, ShelfLifeKnown
from ledger.projections.stock import Stock, StockChanged
from ledger.projections.table import Key, Table
from ledger.rules.near_expiry import near_from


class Expiry(msgspec.Struct):
    """A lot in a premises' stock and its state as of the market's present day.

    `state` is what the day-began events made of it: `fresh`, `near` or `expired`; `next_day` is
    when that changes, null when nothing is in stock or nothing more can change.
    """

    merchant: str
    premises: str
    product: str
    lot: str
    unit: str
    market: str
    amount: int
    expires: date | None
    near_from: date | None
    state: str
    next_day: date | None


EXPIRY = Table(
    "expiry",
    Expiry,
    ("merchant", "premises", "product", "lot", "unit"),
    ("(product, lot)", "(market, next_day) WHERE next_day IS NOT NULL"),
)


class ExpiryState(NamedTuple):
    """Signal: a lot in stock passed from one state to another."""

    row: Expiry
    before: str


class Expiries:
    """What is near its end or past it, opened and closed by days and by stock alike."""

    name = "expiry"
    tables = (EXPIRY,)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """The expiry rows and the premises of the goods in this entry."""
        if isinstance(entry.event, GoodsMoved | GoodsTransformed):
            yield PREMISES, (entry.event.premises,)
            for m in legs_of(entry, entry.event):
                yield EXPIRY, (m.merchant, m.premises, m.product, m.lot, m.unit)

    def fold(self, fold: Fold) -> None:
        """Takes in changes of stock, of a lot's end, of a place's market and of the day."""
        for signal in list(fold.signals):
            match signal:
                case StockChanged(stock, _):
                    _stock_changed(fold, stock)
                case LotExpiry(product, lot, _, is_new) if not is_new:
                    _again(fold, {"product": product, "lot": lot})
                case ShelfLifeKnown(gtin):
                    _again(fold, {"product": gtin})
                case PremisesKnown(premises, market):
                    for row in fold.rows.select(EXPIRY, {"premises": premises}):
                        row.market = market
                        _settle(fold, row)
                case MarketDay(market, day):
                    due = fold.rows.select(EXPIRY, {"market": market}, {"next_day": day})
                    for row in due:
                        _settle(fold, row)


def _stock_changed(fold: Fold, stock: Stock) -> None:
    key = stock.merchant, stock.premises, stock.product, stock.lot, stock.unit
    row = fold.rows.get(EXPIRY, *key)
    if row is None:
        place = fold.rows.get(PREMISES, stock.premises)
        row = Expiry(
            *key, place.market if place else "", 0, None, None, "fresh", None,
        )  # fmt: skip
    was_there = row.amount > 0
    row.amount = stock.amount
    fold.rows.put(EXPIRY, row)
    lot = fold.rows.get(LOTS, stock.product, stock.lot)
    if was_there != (row.amount > 0) or (lot and lot.expires != row.expires):
        _settle(fold, row)


def _again(fold: Fold, same: dict[str, str]) -> None:
    for row in fold.rows.select(EXPIRY, same):
        _settle(fold, row)


def _settle(fold: Fold, row: Expiry) -> None:
    """Brings a row up to its market's present day and says when it changed state."""
    lot = fold.rows.get(LOTS, row.product, row.lot)
    product = fold.rows.get(PRODUCTS, row.product)
    row.expires = lot.expires if lot else None
    row.near_from = None
    if row.expires is not None:
        row.near_from = near_from(row.expires, product.shelf_life_days if product else None)
    market = fold.rows.get(MARKETS, row.market)
    before = row.state
    row.state = _state_on(row, market.day if market else None)
    row.next_day = _next_day(row)
    fold.rows.put(EXPIRY, row)
    if row.state != before:
        fold.signals.append(ExpiryState(row, before))


def _state_on(row: Expiry, day: date | None) -> str:
    if row.amount <= 0 or row.expires is None or row.near_from is None or day is None:
        return "fresh"
    if day > row.expires:
        return "expired"
    return "near" if day >= row.near_from else "fresh"


def _next_day(row: Expiry) -> date | None:
    if row.amount <= 0 or row.expires is None or row.state == "expired":
        return None
    return row.near_from if row.state == "fresh" else row.expires + timedelta(days=1)
