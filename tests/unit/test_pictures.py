"""Bars and calendars: as long as their figures, safe whatever a name says, and every day in its place."""

import re
from datetime import date, timedelta
from typing import Any

from kiosk_ui.language import load_languages
from kiosk_ui.svg.bars import Bar, lying, standing
from kiosk_ui.svg.calendar import calendar
from kiosk_ui.viewmodels.statistics import alert_bars, volume_bars, volumes_in_units

ENGLISH = load_languages()["en"]
WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def line(key: str, **figures: Any) -> dict[str, Any]:
    none = {"received": 0, "sold": 0, "other": 0, "alerts": 0, "alerts_open": 0, "incomplete": 0}
    return none | {"key": key, "name": None, "volumes": []} | figures


def lengths(drawn: str, side: str, style: str) -> list[float]:
    return [float(n) for n in re.findall(rf'class="{style}"[^>]* {side}="([\d.]+)"', drawn)]


def test_bars_are_as_long_as_their_figures() -> None:
    bars = [Bar("a", [("in", 30), ("out", 10)], "40"), Bar("b", [("in", 10), ("out", 0)], "10")]

    wide, high = (
        lengths(lying(bars, "t"), "width", "in"),
        lengths(standing(bars, "t"), "height", "in"),
    )

    assert wide[0] == 3 * wide[1] > 0
    assert round(high[0] / high[1], 1) == 3.0
    assert lengths(lying(bars, "t", full=100), "width", "in")[0] < wide[0] / 2


def test_no_name_breaks_out_of_a_picture() -> None:
    evil = '"><script>alert(1)</script>'
    drawn = [
        lying([Bar(evil, [("in", 1)], evil, f"/x?{evil}")], evil),
        standing([Bar(evil, [("in", 1)], evil)], evil),
        calendar({}, date(2026, 11, 29), 1, [evil] * 7, evil, evil + "{day}{n}"),
    ]

    assert all("<script" not in picture and "&lt;script" in picture for picture in drawn)


def test_a_picture_of_nothing_is_drawn_all_the_same() -> None:
    assert "<svg" in lying([], "t")
    assert "<svg" in standing([Bar("a", [("in", 0)], "0")], "t")


def test_days_without_an_entry_are_drawn_where_they_were() -> None:
    page = {
        "since": "2026-11-01", "until": "2026-11-04",
        "lines": [line("2026-11-03", received=2, alerts=3, alerts_open=1)],
    }  # fmt: skip

    bars = volume_bars(page, "day", ENGLISH)

    assert [(bar.name, bar.whole) for bar in bars] == [
        ("11-01", 0), ("11-02", 0), ("11-03", 2), ("11-04", 0)
    ]  # fmt: skip
    assert bars[2].link == "/desk/statistics?by=category&since=2026-11-03&until=2026-11-03"
    assert [bar.whole for bar in alert_bars(page, "day", ENGLISH)] == [0, 0, 3, 0]


def test_a_category_without_alerts_has_no_bar_of_them() -> None:
    page = {"lines": [line("dairy", alerts=2), line("pork")]}

    assert [bar.name for bar in alert_bars(page, "category", ENGLISH)] == ["dairy"]


def test_grams_become_kilograms_where_there_are_many() -> None:
    volumes = [
        {"unit": "g", "received": 371850.0, "sold": 20000.0},
        {"unit": "piece", "received": 3.0, "sold": 0.0},
    ]

    assert volumes_in_units(line("x", volumes=volumes), ENGLISH) == "371.85 / 20 kg · 3 / 0 pieces"


def test_a_calendar_has_a_square_for_every_day_up_to_its_last_and_shades_them() -> None:
    last = date(2026, 11, 26)
    counts = {last: 100, last - timedelta(days=1): 1, last - timedelta(days=2): 50}

    drawn = calendar(counts, last, 8, WEEK, "t", "{day}: {n}")

    # Seven whole weeks and Monday to Thursday.
    assert drawn.count("<a ") == 7 * 7 + 4
    assert drawn.count('"shade-4"') == drawn.count('"shade-1"') == 1
    assert drawn.count('"shade-0"') == 7 * 7 + 4 - 3
    assert "since=2026-11-26&amp;until=2026-11-26" in drawn
    assert 'aria-label="2026-11-26: 100"' in drawn
