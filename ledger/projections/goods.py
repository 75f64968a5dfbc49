"""What goods are, derived from what was read of them: product, lot, unit and amount."""

from typing import NamedTuple

import msgspec

from ledger.projections.products import base_of, packs_of
from ledger.projections.seen import OPEN
from ledger.projections.table import Position, Rows, Table
from ledger.values.quantity import scaled_thousandths, unpacked


class LotKey(msgspec.Struct):
    """Which lot a date-only key of a product stands for; null while several are possible."""

    product: str
    key: str
    lot: str | None
    candidates: Position


LOT_KEYS = Table("lot_keys", LotKey, ("product", "key"), seen=OPEN)
CONTAINERS = ("bag", "box", "bottle")
COUNTED = ("piece", "case", *CONTAINERS)
# A register that makes a case more than a million tonnes is mistaken; and rows could not bear it.
CONVERTED_MAX = 10**15


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
        stated = unit, amount
        unit, amount = unpacked(unit, amount, packs_of(rows, product))
        if unit in CONTAINERS or (base != product and unit in COUNTED):
            # A bottle of what is sold by the bottle is one of it; only a case is something else.
            unit, amount = "piece", amount * contains
        if base != product:
            unit, amount = unpacked(unit, amount, packs_of(rows, base))
        if amount > CONVERTED_MAX:
            unit, amount = stated
        product = base
    return Identity(product, lot_meant(rows, product, lot), unit, amount)


def lot_meant(rows: Rows, product: str, key: str) -> str:
    """Returns the lot that a key of a base product stands for; itself where that is open."""
    if key[:2] not in ("D:", "E:"):
        return key
    row = rows.get(LOT_KEYS, product, key)
    return key if row is None or row.lot is None else str(row.lot)
