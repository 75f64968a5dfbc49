"""Quantities as people state them, and the one scale in which they add up."""

from decimal import Decimal
from enum import StrEnum

import msgspec

# Above a thousand tonnes a line is a typing error; the bound also keeps every sum of a fold
# far inside the column it is written to.
AMOUNT_MAX = Decimal(1_000_000)
DECIMALS_MAX = 3


class Unit(StrEnum):
    """Units of the trade. Weights add up in grams, every other unit in itself."""

    PIECE = "piece"
    CASE = "case"
    BAG = "bag"
    BOX = "box"
    BOTTLE = "bottle"
    KILOGRAM = "kg"
    GRAM = "g"
    JIN = "jin"
    LITRE = "l"


# 1 斤 is 500 g in mainland China.
GRAMS = {Unit.KILOGRAM: 1000, Unit.GRAM: 1, Unit.JIN: 500}


class StatedQuantity(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """An amount with its unit as a person or a label stated it, pieces beside a weight if given."""

    amount: Decimal
    unit: Unit
    pieces: int | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` when the amount or the pieces are out of bounds."""
        if not self.amount.is_finite() or not 0 <= self.amount <= AMOUNT_MAX:
            raise ValueError(f"an amount is 0 to {AMOUNT_MAX}, not {str(self.amount)[:40]!r}")
        if self.amount != round(self.amount, DECIMALS_MAX):
            raise ValueError(f"an amount has at most 3 decimals, not {str(self.amount)[:40]!r}")
        if self.pieces is not None and not 0 <= self.pieces <= AMOUNT_MAX:
            raise ValueError(f"pieces are 0 to {AMOUNT_MAX}, not {self.pieces}")

    def scaled(self) -> tuple[str, int]:
        """Returns the unit it adds up in and the amount in thousandths of that unit."""
        grams = GRAMS.get(self.unit)
        if grams is None:
            return self.unit.value, int(self.amount * 1000)
        return "g", int(self.amount * 1000 * grams)


def shown(unit: str, thousandths: int) -> str:
    """Writes a scaled amount for people: grams as kg from 1,000 g up, no needless zeros."""
    amount = Decimal(thousandths) / 1000
    if unit == "g" and abs(amount) >= 1000:
        amount, unit = amount / 1000, "kg"
    text = format(amount.normalize(), "f")
    return f"{text} {unit}"
