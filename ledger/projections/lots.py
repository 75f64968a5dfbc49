"""Lots: what is claimed about each, and the last good day that counts meanwhile."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import msgspec

from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import (
    GoodsReport,
    Moved,
    Movement,
    Unmoved,
    legs_of,
)
from ledger.projections.products import PRODUCTS, ShelfLifeKnown
from ledger.projections.seen import OPEN
from ledger.projections.table import Key, Position, Rows, Table
from ledger.rules.near_expiry import expiry_from


class Lot(msgspec.Struct):
    """A lot of a product.

    `claims` counts the entries behind each stated date, as JSON. `expires` is the safe reading:
    the earliest stated day, or the one reckoned from production and shelf life. `entries` are the
    movements believed of it, under whichever of its names they were read.
    """

    product: str
    lot: str
    produced: date | None
    expires: date | None
    disputed: bool
    claims: str
    entries: Position
    first_position: Position
    last_position: Position


# A lot is looked for by how its number begins, in the order of its bytes, whatever order a database keeps.
LOTS = Table("lots", Lot, ("product", "lot"), ("(lot text_pattern_ops, product)",), seen=OPEN)


class LotExpiry(NamedTuple):
    """Signal: the last good day of a lot has changed."""

    product: str
    lot: str
    expires: date | None
    is_new: bool


class LotDispute(NamedTuple):
    """Signal: whether the claims about a lot disagree has changed."""

    product: str
    lot: str
    disputed: bool


class Lots:
    """The lots of all products, as claimed."""

    name = "lots"
    tables = (LOTS,)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The lots and products of the goods in this entry."""
        if isinstance(entry.event, GoodsReport):
            for leg in legs_of(entry, entry.event):
                yield LOTS, (leg.product, leg.lot)

    def fold(self, fold: Fold) -> None:
        """Takes in claims as movements come and go, and shelf lives as they are learned."""
        for signal in list(fold.signals):
            match signal:
                case Moved(movement):
                    _claim(fold, movement, 1)
                case Unmoved(movement):
                    _claim(fold, movement, -1)
                case ShelfLifeKnown(gtin):
                    for lot in fold.rows.select(LOTS, {"product": gtin}):
                        _reckon(fold, lot, msgspec.json.decode(lot.claims))
                        fold.rows.put(LOTS, lot)


def _claim(fold: Fold, movement: Movement, count: int) -> None:
    position = Position(fold.entry.position)
    lot = fold.rows.get(LOTS, movement.product, movement.lot)
    if lot is None:
        lot = Lot(
            movement.product, movement.lot, None, None, False, "{}", Position(0), position, position
        )
    lot.entries = Position(lot.entries + count)
    lot.last_position = position
    stated = [("e", movement.expires), ("p", movement.produced)]
    # Who moved nothing has seen no label.
    if movement.stated and any(day for _, day in stated):
        _count_claims(fold, lot, [f"{kind}:{day}" for kind, day in stated if day], count)
    if lot.entries:
        fold.rows.put(LOTS, lot)
    else:
        fold.rows.drop(LOTS, lot)


def _count_claims(fold: Fold, lot: Lot, stated: list[str], count: int) -> None:
    claims: dict[str, int] = msgspec.json.decode(lot.claims)
    named = len(claims)
    for name in stated:
        claims[name] = claims.get(name, 0) + count
        if claims[name] == 0:
            del claims[name]
    lot.claims = msgspec.json.encode(claims, order="sorted").decode()
    if len(claims) != named:
        _reckon(fold, lot, claims)


def _reckon(fold: Fold, lot: Lot, claims: dict[str, int]) -> None:
    stated = sorted(date.fromisoformat(name[2:]) for name in claims if name.startswith("e:"))
    produced = sorted(date.fromisoformat(name[2:]) for name in claims if name.startswith("p:"))
    lot.produced = produced[0] if produced else None
    disputed = len(stated) > 1 or len(produced) > 1
    expires = stated[0] if stated else _from_shelf_life(fold, lot)
    if disputed != lot.disputed:
        lot.disputed = disputed
        fold.signals.append(LotDispute(lot.product, lot.lot, disputed))
    # Nothing else can be known of a lot that this very entry brought in.
    is_new = lot.first_position == fold.entry.position
    if expires != lot.expires:
        lot.expires = expires
        fold.signals.append(LotExpiry(lot.product, lot.lot, expires, is_new))


def _from_shelf_life(fold: Fold, lot: Lot) -> date | None:
    product = fold.rows.get(PRODUCTS, lot.product)
    if product is None or product.shelf_life_days is None or lot.produced is None:
        return None
    return expiry_from(lot.produced, product.shelf_life_days)
