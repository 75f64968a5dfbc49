"""The demonstration's hours end at the present, within one day of the market."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from ledger.settings import Clock
from ledger.values.day import day_at
from suyuan.demo.hours import Hours, day_to_play
from suyuan.participants import CLOSES, OPENS, ZONE

START = datetime(2026, 12, 1, tzinfo=UTC)


# Ten past midnight at the market, and a quarter to it.
@example(timedelta(hours=16, minutes=10))
@example(timedelta(hours=15, minutes=45))
@given(st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_day_played_at_any_time_lies_within_one_day_of_the_market(since: timedelta) -> None:
    begin = START + since
    day = day_to_play(begin)

    hours = Hours(day, begin, 36)

    assert hours.opens < hours.closes <= begin + timedelta(seconds=36)
    assert day_at(hours.opens, ZONE) == day_at(hours.closes + timedelta(minutes=25), ZONE) == day
    assert hours.moment(datetime.combine(day, OPENS, ZONE)) == hours.opens
    assert hours.moment(datetime.combine(day, CLOSES, ZONE)) == hours.closes
    assert hours.closes - hours.opens >= timedelta(minutes=50)


def test_a_day_played_in_daylight_ends_at_the_present() -> None:
    noon = datetime.combine(date(2026, 12, 1), CLOSES, ZONE)

    hours = Hours(noon.date(), noon - timedelta(seconds=36), 36)

    assert (hours.opens, hours.closes) == (noon - timedelta(hours=8), noon)


def test_after_the_day_the_clock_shows_what_every_other_clock_shows() -> None:
    """A log that was just signed was called eight hours old."""
    begin = datetime.now(UTC) - timedelta(hours=1)
    hours = Hours(day_to_play(begin), begin, 36)
    behind = begin + timedelta(seconds=36) - hours.closes

    shown = Clock(hours.clock_text()).now()

    assert hours.behind == behind >= timedelta(0)
    assert abs(datetime.now(UTC) - behind - shown) < timedelta(seconds=2)
