"""What statistics show: bars of entries, of completeness and of alerts, with their names and words."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from kiosk_ui.language import Language
from kiosk_ui.svg.bars import Bar

# The API's own bound.
DAYS_MAX = 92
GRAMS = 1000
NOTHING = {"received": 0, "sold": 0, "other": 0, "alerts": 0, "alerts_open": 0}
BY = {"day": "Day", "district": "District", "market": "Market", "category": "Category"}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CATEGORIES = {
    "dairy": "dairy", "eggs": "eggs", "grain": "grain", "pork": "pork", "meat": "meat",
    "poultry": "poultry", "fish": "fish", "seafood": "seafood", "vegetables": "vegetables",
    "fruit": "fruit", "mushrooms": "mushrooms", "oil": "oil", "soy": "soy foods",
    "bakery": "bakery", "sauce": "sauces", "loose": "loose goods without a code",
}  # fmt: skip
UNITS = {
    "piece": "pieces", "case": "cases", "bag": "bags", "box": "boxes", "bottle": "bottles",
    "kg": "kg", "g": "g", "jin": "jin", "l": "l",
}  # fmt: skip


def name_of(line: dict[str, Any], by: str, language: Language) -> str:
    """Returns what a line is of, in the reader's words."""
    key: str = line["key"]
    if by == "day":
        return str(language.day(key))
    if not key:
        return language.word("not stated")
    if by == "category":
        return language.word(CATEGORIES[key]) if key in CATEGORIES else key
    return str(line["name"] or key)


def volume_bars(page: dict[str, Any], by: str, language: Language) -> list[Bar]:
    """Returns a bar of entries a line: deliveries, sales and the rest."""
    words = language.word("{received} taken in, {sold} sold, {other} other")
    return [
        Bar(
            _axis(one, by, language),
            [("in", one["received"]), ("out", one["sold"]), ("rest", one["other"])],
            words.format(received=one["received"], sold=one["sold"], other=one["other"])
            if by == "day"
            else language.number(one["received"] + one["sold"] + one["other"]),
            _onward(one, by),
        )
        for one in _whole(page, by)
    ]


def completeness_bars(page: dict[str, Any], by: str, language: Language) -> list[Bar]:
    """Returns how much of the deliveries is whole, in a hundred."""
    found = []
    for one in page["lines"]:
        if not one["received"]:
            continue
        whole = 100 - 100 * one["incomplete"] / one["received"]
        style = "done" if whole >= 95 else "near" if whole >= 80 else "past"
        found.append(Bar(name_of(one, by, language), [(style, whole)], f"{whole:.0f} %"))
    return found


def alert_bars(page: dict[str, Any], by: str, language: Language) -> list[Bar]:
    """Returns the alerts that opened, those still open first."""
    words = language.word("{n} opened, {open} still open")
    return [
        Bar(
            _axis(one, by, language),
            [("past", one["alerts_open"]), ("near", one["alerts"] - one["alerts_open"])],
            words.format(n=one["alerts"], open=one["alerts_open"])
            if by == "day"
            else language.number(one["alerts"]),
        )
        for one in _whole(page, by)
        if by == "day" or one["alerts"]
    ]


def volumes_in_units(line: dict[str, Any], language: Language) -> str:
    """Returns how much went in and out, unit by unit; grams in kilograms from a thousand on."""
    told = []
    for one in line["volumes"]:
        unit, into = one["unit"], 1
        if unit == "g" and max(one["received"], one["sold"]) >= GRAMS:
            unit, into = "kg", GRAMS
        figures = " / ".join(language.number(one[way] / into) for way in ("received", "sold"))
        told.append(f"{figures} {language.word(UNITS[unit])}")
    return " · ".join(told)


def _whole(page: dict[str, Any], by: str) -> list[dict[str, Any]]:
    """Returns the lines to draw: of days also those on which nothing was entered."""
    if by != "day":
        return list(page["lines"])
    known = {one["key"]: one for one in page["lines"]}
    first, last = date.fromisoformat(page["since"]), date.fromisoformat(page["until"])
    days = (str(first + timedelta(days=n)) for n in range((last - first).days + 1))
    return [known.get(day, NOTHING | {"key": day}) for day in days]


def _axis(line: dict[str, Any], by: str, language: Language) -> str:
    return line["key"][5:] if by == "day" else name_of(line, by, language)


def _onward(line: dict[str, Any], by: str) -> str:
    """A day leads to what was entered on it."""
    if by != "day":
        return ""
    asked = {"by": "category", "since": line["key"], "until": line["key"]}
    return f"/desk/statistics?{urlencode(asked)}"
