"""The market's hours: a day's trade that passes quickly, and ends at the present moment."""

from datetime import UTC, date, datetime, time, timedelta

from ledger.values.day import day_at
from suyuan.participants import CLOSES, OPENS, ZONE

# A day that has just begun is too short to trade in; one that is nearly over would end while somebody looks.
LEAST, LATEST = timedelta(hours=1), time(23, 30)


def day_to_play(now: datetime) -> date:
    """Returns the market's day that may end now: today, or in its first hour yesterday."""
    return day_at(now - LEAST, ZONE)


class Hours:
    """When a market's day passes: in `lasts_s` seconds from `begin`, up to what is then the present.

    A day whose evening is over ends there, and its clock stays behind the real one.
    """

    def __init__(self, day: date, begin: datetime, lasts_s: float) -> None:
        """`begin` is an aware instant; `lasts_s` are seconds."""
        self._begin, self._lasts_s = begin, lasts_s
        self._planned = datetime.combine(day, OPENS, ZONE)
        self._hours = datetime.combine(day, CLOSES, ZONE) - self._planned
        self.closes = min(begin + timedelta(seconds=lasts_s), datetime.combine(day, LATEST, ZONE))
        earliest = datetime.combine(day, time(0, 1), ZONE)
        self.opens = max(earliest, self.closes - self._hours).astimezone(UTC)

    def moment(self, planned: datetime) -> datetime:
        """Returns when something happens that is planned for a market open at its usual hours."""
        return self.opens + (planned - self._planned) / self._hours * (self.closes - self.opens)

    @property
    def rate(self) -> float:
        """How many of the market's seconds pass in one."""
        return (self.closes - self.opens).total_seconds() / self._lasts_s

    @property
    def behind(self) -> timedelta:
        """How far the market's clock stays behind the real one once its day was played."""
        return self._begin + timedelta(seconds=self._lasts_s) - self.closes

    def clock_text(self) -> str:
        """Says it as the setting `clock` wants it."""
        return f"{self.opens.isoformat()}={self._begin.isoformat()}@{self.rate}/{self._lasts_s}"
