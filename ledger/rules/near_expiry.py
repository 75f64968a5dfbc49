"""Near expiry: how many days before its end a lot needs attention, by its shelf life.

Trade rule for food in circulation in mainland China (secondary source: guidance of city
authorities on 临近保质期食品); operators may set their own table beside it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple


class Tier(NamedTuple):
    """From this shelf life on (days), a lot is near its end so many days before."""

    shelf_life_days: int
    days_before: int


class TierTable(NamedTuple):
    """A table of tiers, longest shelf life first, with its source and first day."""

    source: str
    valid_from: date
    tiers: tuple[Tier, ...]


# Under 16 days the rule says "1 to 4 days"; the steps between are ours: a quarter of the life.
TRADE_RULE = TierTable(
    source="guidance of city authorities on food near the end of its shelf life (secondary)",
    valid_from=date(2012, 1, 1),
    tiers=(
        Tier(365, 45),
        Tier(180, 20),
        Tier(90, 15),
        Tier(30, 10),
        Tier(16, 5),
        Tier(12, 4),
        Tier(8, 3),
        Tier(4, 2),
        Tier(0, 1),
    ),
)
# Where nobody stated a shelf life, the day printed on the pack is all there is: the middle tier.
SHELF_LIFE_UNKNOWN_DAYS = 30


def near_from(
    expires: date, shelf_life_days: int | None, tiers: Sequence[Tier] = TRADE_RULE.tiers
) -> date:
    """Returns the first day on which a lot that ends on `expires` counts as near its end."""
    life = SHELF_LIFE_UNKNOWN_DAYS if shelf_life_days is None else shelf_life_days
    tier = next(tier for tier in tiers if life >= tier.shelf_life_days)
    return expires - timedelta(days=tier.days_before)


def expiry_from(produced: date, shelf_life_days: int) -> date:
    """Returns the last good day of a lot from its production day: the life counts from it.

    GB 7718-2011, 4.1.7 and its question-and-answer: the shelf life begins with production.
    """
    return produced + timedelta(days=shelf_life_days)
