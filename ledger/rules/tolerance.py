"""Tolerance: how much of what came in may be missing without anybody's fault, as data.

Drying, trimming and dripping make fresh goods lighter than they came. The shares are those the
trade reckons with (secondary); where the register names no category, nothing is tolerated.
"""

from typing import Final

# Thousandths of what came in, by category of the register.
SHARES: Final = {
    "vegetables": 50, "fruit": 30, "mushrooms": 80, "meat": 20, "pork": 20, "poultry": 20,
    "fish": 50, "seafood": 80,
}  # fmt: skip
# Goods without a code are fresh goods in practice: vegetables, fruit, fish.
SHARE_WITHOUT_CODE: Final = 50


def tolerated(category: str | None, taken_in: int, *, coded: bool) -> int:
    """Returns how much of an amount that came in may go missing, in the amount's own unit."""
    share = SHARES.get(category or "", 0) if coded else SHARE_WITHOUT_CODE
    return max(0, taken_in) * share // 1000
