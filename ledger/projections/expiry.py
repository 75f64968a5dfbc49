"""Expiry: the lots in stock by the day on which they next need attention."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ledger.events.cases import StatedTier
from ledger.projections.fold import Entry, Fold
from ledger.projections.lots import LOTS, LotExpiry
from ledger.projections.merchants import (
    MARKETS,
    MODE_DEFAULT,
    NEAR_TABLES,
    PREMISES,
    MarketDay,
    ModeBegan,
    NearTableKnown,
    PremisesKnown,
)
from ledger.projections.movements import GoodsReport, legs_of
from ledger.projections.parties import merchant_of
from ledger.projections.products import PRODUCTS, ShelfLifeKnown
from ledger.projections.seen import SeenBy
from ledger.projections.shelves import SHELVES, STOCK, Shelf, Stock, bounds
from ledger.projections.stock import ShelfChanged, StockChanged
from ledger.projections.table import Key, Rows, Table
from ledger.rules.near_expiry import TRADE_RULE, Tier, near_from


class Expiry(msgspec.Struct):
    """A lot in a premises' stock and its state as of the market's present day.

    `state` is what the day-began events made of it: `fresh`, `near` or `expired`; `next_day` is
    when that changes, null when nothing is in stock or nothing more can change. `held` says
    whether some of it is there: `sure`, `maybe` or `none`.
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
    held: str
    next_day: date | None


class DueShelf(msgspec.Struct):
    """The lots of a shelf that are near their end or past it."""

    merchant: str
    premises: str
    product: str
    unit: str
    lots: tuple[str, ...]


EXPIRY = Table(
    "expiry",
    Expiry,
    ("merchant", "premises", "product", "lot", "unit"),
    ("(product, lot)", "(market, next_day) WHERE next_day IS NOT NULL"),
    leading="premises",
    seen=SeenBy(of=("merchant",), at="premises"),
)
DUE_SHELVES = Table("due_shelves", DueShelf, ("merchant", "premises", "product", "unit"))


class ExpiryAttention(NamedTuple):
    """Signal: what a lot in stock asks for changed, `before` and now by `attention`."""

    row: Expiry
    before: str | None


def attention(row: Expiry) -> str | None:
    """Returns the alert that a lot in stock calls for.

    Where a premises does not record every sale, or goods left without their lot, nobody knows
    that the lot is still there: its owner is asked to look, and not accused.
    """
    if row.held == "none":
        return None
    if row.state == "near":
        return "near-expiry"
    if row.state == "expired":
        return "expired-in-stock" if row.held == "sure" else "shelf-check"
    return None


class Expiries:
    """What is near its end or past it, opened and closed by days and by stock alike."""

    name = "expiry"
    tables = (EXPIRY, DUE_SHELVES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The expiry rows and the premises of the goods in this entry."""
        if isinstance(entry.event, GoodsReport):
            yield PREMISES, (entry.event.premises,)
            for m in legs_of(entry, entry.event):
                yield EXPIRY, (m.merchant, m.premises, m.product, m.lot, m.unit)

    def fold(self, fold: Fold) -> None:
        """Takes in changes of stock, of a lot's end, of a place's market and mode, and of the day."""
        for signal in list(fold.signals):
            match signal:
                case StockChanged(stock, _):
                    _stock_changed(fold, stock)
                case ShelfChanged(shelf, _):
                    _shelf_changed(fold, shelf)
                case LotExpiry(product, lot, _, is_new) if not is_new:
                    _again(fold, {"product": product, "lot": lot})
                case ShelfLifeKnown(gtin):
                    _again(fold, {"product": gtin})
                case NearTableKnown(market):
                    _again(fold, {"market": market})
                case ModeBegan(premises):
                    _again(fold, {"premises": premises})
                case PremisesKnown(premises, market):
                    for row in fold.rows.select(EXPIRY, {"premises": premises}):
                        row.market = market
                        _settle(fold, row)
                case MarketDay(market, day):
                    _settle_all(fold, self.due(fold, market, day))

    def due(self, fold: Fold, market: str, day: date) -> list[Expiry]:
        """Returns the lots that cross a line on a day, which is all that a day's pass touches."""
        return fold.rows.select(EXPIRY, {"market": market}, {"next_day": day})


def _stock_changed(fold: Fold, stock: Stock) -> None:
    row = fold.rows.get(EXPIRY, *STOCK.key_of(stock))
    if row is None:
        place = fold.rows.get(PREMISES, stock.premises)
        market = place.market if place else ""
        key = stock.merchant, stock.premises, stock.product, stock.lot, stock.unit
        row = Expiry(*key, market, 0, None, None, "fresh", "none", None)
    was_there = row.amount > 0
    row.amount = stock.amount
    fold.rows.put(EXPIRY, row)
    lot = fold.rows.get(LOTS, stock.product, stock.lot)
    is_open = row.state != "fresh" or was_there != (row.amount > 0)
    if is_open or (lot is not None and lot.expires != row.expires):
        _settle(fold, row)
    if not stock.entries:
        fold.rows.drop(EXPIRY, row)


def _shelf_changed(fold: Fold, shelf: Shelf) -> None:
    due = fold.rows.get(DUE_SHELVES, *SHELVES.key_of(shelf))
    for lot in due.lots if due is not None else ():
        merchant, premises, product, unit = SHELVES.key_of(shelf)
        _settle(fold, fold.rows.get(EXPIRY, merchant, premises, product, lot, unit))


def _again(fold: Fold, same: dict[str, str]) -> None:
    _settle_all(fold, fold.rows.select(EXPIRY, same))


def _settle_all(fold: Fold, rows: Sequence[Expiry]) -> None:
    """Settles many rows, what each rests on loaded at once."""
    wanted: list[tuple[Table, Key]] = []
    for row in rows:
        shelf = row.merchant, row.premises, row.product, row.unit
        wanted += [
            (LOTS, (row.product, row.lot)), (PRODUCTS, (row.product,)), (PREMISES, (row.premises,)),
            (STOCK, EXPIRY.key_of(row)), (SHELVES, shelf), (DUE_SHELVES, shelf),
        ]  # fmt: skip
    fold.rows.prefetch(wanted)
    for row in rows:
        _settle(fold, row)


def _settle(fold: Fold, row: Expiry) -> None:
    """Works out a row's state as of its market's present day, from what is known now."""
    lot = fold.rows.get(LOTS, row.product, row.lot)
    row.expires = lot.expires if lot is not None else None
    row.near_from = None
    if row.expires is not None:
        product = fold.rows.get(PRODUCTS, row.product)
        life = product.shelf_life_days if product is not None else None
        row.near_from = near_from(row.expires, life, _tiers(fold, row.market))
    market = fold.rows.get(MARKETS, row.market)
    before, was_due = attention(row), row.state != "fresh"
    row.state = _state_on(row, market.day if market else None)
    row.held = _held(fold, row) if row.state != "fresh" else "none"
    row.next_day = _next_day(row)
    fold.rows.put(EXPIRY, row)
    if was_due != (row.state != "fresh"):
        _note_due(fold, row)
    if attention(row) != before:
        fold.signals.append(ExpiryAttention(row, before))


def _tiers(fold: Fold, market: str) -> Sequence[Tier]:
    """Returns the market's own tiers, else the trade's."""
    own = fold.rows.get(NEAR_TABLES, market)
    return TRADE_RULE.tiers if own is None else _read_tiers(own.tiers)


@lru_cache(256)
def _read_tiers(text: str) -> tuple[Tier, ...]:
    stated = msgspec.json.decode(text, type=tuple[StatedTier, ...])
    return tuple(Tier(tier.shelf_life_days, tier.days_before) for tier in stated)


def _held(fold: Fold, row: Expiry) -> str:
    """Tells whether some of a lot is there, as far as its premises' way of recording says."""
    stock = fold.rows.get(STOCK, *EXPIRY.key_of(row))
    shelf = fold.rows.get(SHELVES, row.merchant, row.premises, row.product, row.unit)
    if stock is None:
        return "none"
    least, most = bounds(stock, shelf)
    place = fold.rows.get(PREMISES, row.premises)
    # Whose reports it are, decides: a stranger's at this place are not bound by its mode.
    own = place is not None and merchant_of(fold.rows, place.merchant) == row.merchant
    mode = place.mode if own else MODE_DEFAULT
    if most <= 0:
        return "none"
    return "sure" if least > 0 and mode == MODE_DEFAULT else "maybe"


def _note_due(fold: Fold, row: Expiry) -> None:
    key = row.merchant, row.premises, row.product, row.unit
    due = fold.rows.get(DUE_SHELVES, *key)
    lots = set(due.lots if due is not None else ()) ^ {row.lot}
    noted = DueShelf(*key, tuple(sorted(lots)))
    (fold.rows.put if lots else fold.rows.drop)(DUE_SHELVES, noted)


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
