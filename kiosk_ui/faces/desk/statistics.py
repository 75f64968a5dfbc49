"""Statistics at the desk: volumes, completeness and alerts, each picture with its sheet."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from kiosk_ui.client import PATIENT_S
from kiosk_ui.faces.desk.naming import merchant_name
from kiosk_ui.page import render
from kiosk_ui.saying import ledger_day
from kiosk_ui.signing import Person, needs
from kiosk_ui.svg.bars import lying, standing
from kiosk_ui.svg.calendar import calendar
from kiosk_ui.viewmodels.statistics import (
    BY,
    DAYS_MAX,
    WEEKDAYS,
    alert_bars,
    completeness_bars,
    name_of,
    volume_bars,
    volumes_in_units,
)

router = APIRouter(prefix="/statistics")

Watcher = Annotated[Person, needs("inspector", "regulator", "auditor", "market-operator")]
By = Annotated[Literal["day", "district", "market", "category"], Query()]
DAYS, CALENDAR_WEEKS = 28, 8
# Those that a record can be of.
YEARS = range(2000, 2101)


@router.get("")
async def counted(
    request: Request,
    person: Watcher,
    since: str = "",
    until: str = "",
    by: By = "day",
    merchant: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Entries, completeness and alerts of some weeks by day, district, market or category; perhaps of one merchant."""
    language = request.state.language
    span = await _span(person, since, until)
    asked = {"since": str(span[0]), "until": str(span[1]), "by": by}
    asked |= {"merchant": merchant} if merchant else {}
    page = await person.client.get("/v1/statistics", asked, wait_s=PATIENT_S)
    lines = page["lines"]
    draw = standing if by == "day" else lying
    values = {
        "merchant": merchant, "of": await merchant_name(person, merchant),
        "page": page, "by": by, "ways": BY, "asked": asked, "days_max": DAYS_MAX,
        "is_other": since not in ("", asked["since"]) or until not in ("", asked["until"]),
        "sums": {key: sum(one[key] for one in lines) for key in ("received", "sold", "incomplete", "alerts", "alerts_open")},
        "named": {one["key"]: name_of(one, by, language) for one in lines},
        "units": {one["key"]: volumes_in_units(one, language) for one in lines},
        "entered": draw(volume_bars(page, by, language), language.word("What was entered")),
        "whole": lying(completeness_bars(page, by, language), language.word("How complete deliveries are"), full=100),
        "opened": draw(alert_bars(page, by, language), language.word("Alerts that opened")),
    }  # fmt: skip
    return render(request, "desk/statistics.html", values, person=person)


@router.get("/calendar")
async def weeks(request: Request, person: Watcher) -> Response:
    """A part of today's page: how much was entered on each day of eight weeks."""
    today = await ledger_day(person)
    first = today - timedelta(days=today.weekday() + 7 * (CALENDAR_WEEKS - 1))
    asked = {"since": str(first), "until": str(today), "by": "day"}
    page = await person.client.get("/v1/statistics", asked, wait_s=PATIENT_S)
    counts = {
        date.fromisoformat(one["key"]): one["received"] + one["sold"] + one["other"]
        for one in page["lines"]
    }
    word = request.state.language.word
    drawn = calendar(
        counts, today, CALENDAR_WEEKS, [word(name) for name in WEEKDAYS],
        word("Entries of eight weeks"), word("{day}: {n} entries"),
    )  # fmt: skip
    return render(request, "desk/calendar.html", {"drawn": drawn}, person=person)


async def _span(person: Person, since: str, until: str) -> tuple[date, date]:
    """Returns the days that were asked for, or the last four weeks; what is no day is left out."""
    last = _day(until) or await ledger_day(person)
    first = _day(since) or last - timedelta(days=DAYS - 1)
    if not first <= last < first + timedelta(days=DAYS_MAX):
        first = last - timedelta(days=DAYS_MAX - 1 if first < last else 0)
    return first, last


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None
