"""Quantities as people state them, and the one scale in which they add up."""

from collections.abc import Sequence
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
GRAMS: dict[str, int] = {Unit.KILOGRAM: 1000, Unit.GRAM: 1, Unit.JIN: 500}


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
        return scaled_thousandths(self.unit.value, int(self.amount * 1000))


def scaled_thousandths(unit: str, thousandths: int) -> tuple[str, int]:
    """Returns the unit an amount adds up in and its thousandths: grams for weights, else itself."""
    grams = GRAMS.get(unit)
    return (unit, thousandths) if grams is None else ("g", thousandths * grams)


# Nobody packs a pack of a pack of a pack of a pack.
PACK_LEVELS_MAX = 4


class Pack(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How much of a product one unit holds: a case 12 pieces, a box nominally 15 kg."""

    unit: Unit
    holds: StatedQuantity

    def __post_init__(self) -> None:
        """Raises `ValueError` for a pack of nothing, of itself, or of a unit that needs none."""
        if self.unit in GRAMS or self.unit is Unit.LITRE:
            raise ValueError(f"a pack is a piece, case, bag, box or bottle, not a {self.unit}")
        if self.holds.amount <= 0 or self.holds.unit == self.unit:
            raise ValueError(f"a {self.unit} holds more than nothing, of another unit than itself")


def unpacked(unit: str, thousandths: int, packs: Sequence[Pack]) -> tuple[str, int]:
    """Returns a scaled amount in the unit that the packs of its product lead to.

    Where packs lead in a circle, nothing is converted.
    """
    by_unit = {pack.unit.value: pack for pack in packs}
    reached, amount = unit, thousandths
    for _ in range(PACK_LEVELS_MAX):
        if (pack := by_unit.get(reached)) is None:
            return reached, amount
        reached, held = pack.holds.scaled()
        amount = amount * held // 1000
    return (unit, thousandths) if reached in by_unit else (reached, amount)


def shown(unit: str, thousandths: int) -> str:
    """Writes a scaled amount for people: grams as kg from 1,000 g up, no needless zeros."""
    amount = Decimal(thousandths) / 1000
    if unit == "g" and abs(amount) >= 1000:
        amount, unit = amount / 1000, "kg"
    text = format(amount.normalize(), "f")
    return f"{text} {unit}"
