"""Deadlines of recalls: the law's hours and working days, as data, and how late work shows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ledger.events.recalls import Grade, WorkingDaysStated
from ledger.values.day import ZONE_DEFAULT, day_at


class RecallTerms(NamedTuple):
    """Within how many hours a recall of a grade begins, within how many working days it ends."""

    valid_from: date
    source: str
    start_h: Mapping[Grade, int]
    finish_days: Mapping[Grade, int]


# The hours count from when the risk became known, the days from the announcement.
RECALL_TERMS: Final = (
    RecallTerms(
        date(2015, 9, 1), "食品召回管理办法 (2015, secondary)", {"I": 24, "II": 48, "III": 72},
        {"I": 10, "II": 20, "III": 30},
    ),
)  # fmt: skip

Colour = Literal["green", "yellow", "red"]
# Yellow when less than this part of the time is left: early enough to act, late enough to matter.
YELLOW_PART: Final = 0.25

SATURDAY = 5


class Calendar(NamedTuple):
    """Days that differ from their weekday: off in the week, working at the week-end."""

    off: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()
    years: frozenset[int] = frozenset()

    def stated(self, event: WorkingDaysStated) -> "Calendar":
        """Returns the calendar with a year's days as stated last."""
        others = [
            {day for day in days if day.year != event.year} for days in (self.off, self.working)
        ]
        return Calendar(
            frozenset(others[0] | set(event.off)), frozenset(others[1] | set(event.working)),
            self.years | {event.year},
        )  # fmt: skip

    def works(self, day: date) -> bool:
        """Tells whether a day is a working day; years that nobody stated have week-ends only."""
        return day in self.working or (day.weekday() < SATURDAY and day not in self.off)

    def after(self, day: date, count: int) -> date:
        """Returns the working day so many after a day, which itself does not count."""
        while count > 0:
            day += timedelta(days=1)
            count -= self.works(day)
        return day


def terms_on(day: date) -> RecallTerms:
    """Returns the terms that are valid on a day; the earliest known for days before all."""
    valid = [terms for terms in RECALL_TERMS if terms.valid_from <= day]
    return max(valid or RECALL_TERMS[:1], key=lambda terms: terms.valid_from)


def starts_by(grade: Grade, known_at: datetime) -> datetime:
    """Returns by when a recall of a risk known since then must have begun."""
    day = day_at(known_at, ZoneInfo(ZONE_DEFAULT))
    return known_at + timedelta(hours=terms_on(day).start_h[grade])


def finishes_by(
    grade: Grade, published_at: datetime, calendar: Calendar, zone: ZoneInfo
) -> datetime:
    """Returns by when it must be done: the end of the last working day, where the office is."""
    announced = published_at.astimezone(zone).date()
    last = calendar.after(announced, terms_on(announced).finish_days[grade])
    return datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)


def colour(since: datetime, due: datetime, at: datetime) -> Colour:
    """Returns how work that is due shows at a time, or showed when it was done."""
    if at >= due:
        return "red"
    return "yellow" if (due - at) < (due - since) * YELLOW_PART else "green"


def calendar_of(events: Iterable[WorkingDaysStated]) -> Calendar:
    """Returns the calendar that these events state, the later over the earlier."""
    calendar = Calendar()
    for event in events:
        calendar = calendar.stated(event)
    return calendar
