"""A trade item's number, valid once it exists."""

from functools import lru_cache

GTIN_DIGITS = 14


def check_digit(digits: str) -> str:
    """Returns the GS1 mod-10 check digit of `digits` (GS1 General Specifications, 7.9)."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


# A market trades a few thousand products; each is checked once.
KNOWN_MAX = 65_536


@lru_cache(KNOWN_MAX)
def is_gtin_14(text: str) -> bool:
    """Tells whether a text is a GTIN written as 14 digits; raises `ValueError` for a wrong one."""
    return len(text) == GTIN_DIGITS and bool(Gtin(text))


class Gtin(str):
    """A GTIN as 14 digits, zero-filled on the left, with a right check digit.

    Accepts 8, 12, 13 or 14 digits and raises `ValueError` with the offending text otherwise
    (GS1 General Specifications, 3.3.2 and 7.9).
    """

    __slots__ = ()

    def __new__(cls, text: str) -> "Gtin":
        """Checks length, digits and check digit once, so that nobody checks again."""
        if len(text) not in (8, 12, 13, 14) or not (text.isascii() and text.isdigit()):
            raise ValueError(f"a GTIN has 8, 12, 13 or 14 digits, not {text!r}")
        if check_digit(text[:-1]) != text[-1]:
            raise ValueError(f"the check digit of {text!r} should be {check_digit(text[:-1])}")
        return super().__new__(cls, text.zfill(14))

    @property
    def short(self) -> str:
        """The number as it is printed under a retail code: 13 or 8 digits where it fits."""
        if self.startswith("000000"):
            return self[6:]
        return self[1:] if self.startswith("0") else str(self)
