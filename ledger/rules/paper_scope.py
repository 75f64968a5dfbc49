"""What a paper covers: which lots, whose deliveries, which days."""

from collections.abc import Collection
from datetime import date


def covers_lot(lots: Collection[str], lot: str) -> bool:
    """Tells whether a paper that names lots, or none for all, speaks of a lot by its key."""
    return not lots or lot.removeprefix("L:") in lots


def covers_supplier(named: str | None, supplier: str | None) -> bool:
    """Tells whether a paper serves a supplier's delivery; who names nobody serves all."""
    return None in (named, supplier) or named == supplier


def covers_day(kind: str, valid_from: date, valid_until: date | None, day: date) -> bool:
    """Tells whether a paper serves goods of a day: a test's result comes when it comes."""
    return kind == "test" or (valid_from <= day and (valid_until is None or day <= valid_until))
