"""Dates a hand types for the goods it has scanned: what is printed beside the code."""

import re
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from scanners.gs1 import gs1_date

# One date of an answer: p for produced, six digits, perhaps `*6` for how many.
DATED = re.compile(r"^(p?)([0-9]{6})(?:\*([0-9]+(?:\.[0-9]{1,3})?))?(?!\n)$")


class TypedDates(NamedTuple):
    """What was learned of one line's dates, from where, and of how many of the goods."""

    produced: date | None
    expires: date | None
    source: Any
    amount: Decimal | None = None


def dates_in(text: str) -> list[TypedDates]:
    """Reads `261201`, `p261121` or `261201*6 261205*6`. Raises `ValueError` quoting what is none."""
    found = []
    for part in text.split():
        match = DATED.match(part)
        if match is None:
            raise ValueError(f"type YYMMDD, pYYMMDD, *number or a command, not {part[:20]!r}")
        try:
            day = gs1_date(match[2])
        except ValueError as error:
            raise ValueError(f"{match[2]}: {error}") from error
        amount = Decimal(match[3]) if match[3] else None
        produced, expires = (day, None) if match[1] else (None, day)
        found.append(TypedDates(produced, expires, "keyed", amount))
    return found
