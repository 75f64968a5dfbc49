"""What goods are, derived from what was read of them: product, lot, unit and amount."""

from typing import NamedTuple

import msgspec

from ledger.projections.products import base_of, packs_of
from ledger.projections.table import Position, Rows, Table
from ledger.values.quantity import scaled_thousandths, unpacked


class LotKey(msgspec.Struct):
    """Which lot a date-only key of a product stands for; null while several are possible."""

    product: str
    key: str
    lot: str | None
    candidates: Position


LOT_KEYS = Table("lot_keys", LotKey, ("product", "key"))
COUNTED = ("piece", "case", "bag", "box", "bottle")


class Identity(NamedTuple):
    """The base product, the lot within it, and the amount in thousandths of the unit."""

    product: str
    lot: str
    unit: str
    amount: int


def identify(rows: Rows, product: str, lot: str, unit: str, thousandths: int) -> Identity:
    """Returns what goods are, by what the register and the ties between labels say now.

    Whatever was counted of a case's GTIN were cases: each becomes what the register says it
    contains. Weights stay weights, unless the base product's packs lead from them.
    """
    unit, amount = scaled_thousandths(unit, thousandths)
    if not product.startswith("item:"):
        base, contains = base_of(rows, product)
        if packs := packs_of(rows, product):
            unit, amount = unpacked(unit, amount, packs)
        if base != product:
            if unit in COUNTED:
                unit, amount = "piece", amount * contains
            if packs := packs_of(rows, base):
                unit, amount = unpacked(unit, amount, packs)
        product = base
    return Identity(product, lot_meant(rows, product, lot), unit, amount)


def lot_meant(rows: Rows, product: str, key: str) -> str:
    """Returns the lot that a key of a base product stands for; itself where that is open."""
    if key[:2] not in ("D:", "E:"):
        return key
    row = rows.get(LOT_KEYS, product, key)
    return key if row is None or row.lot is None else str(row.lot)
