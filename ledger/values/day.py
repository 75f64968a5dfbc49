"""Days: a day belongs to a place, never to a UTC instant."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

# The zone of a market that states none; mainland China keeps one time.
ZONE_DEFAULT = "Asia/Shanghai"


def day_at(instant: datetime, zone: ZoneInfo) -> date:
    """Returns the calendar day of an aware instant at a place."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs its offset, not {instant.isoformat()!r}")
    return instant.astimezone(zone).date()
