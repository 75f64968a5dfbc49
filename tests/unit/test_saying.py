"""Saying something to the ledger from a page, and when: days and deadlines are the market's."""

import asyncio
from datetime import date
from typing import Any, cast
from unittest.mock import MagicMock

import httpx

from kiosk_ui.language import load_languages
from kiosk_ui.saying import ledger_day


def test_after_midnight_at_the_market_it_is_the_next_day_there() -> None:
    async def told(_path: str) -> httpx.Response:
        return httpx.Response(200, json={"time": "2026-11-30T16:58:00Z"})

    person = MagicMock()
    person.client.services.intake.get = told

    assert asyncio.run(ledger_day(cast(Any, person))) == date(2026, 12, 1)


def test_what_is_due_at_midnight_is_due_by_the_end_of_the_day_before() -> None:
    languages, midnight = load_languages(), "2026-12-15T16:00:00Z"

    assert languages["en"].due(midnight) == "the end of December 15, 2026"
    assert languages["zh"].due(midnight) == "2026年12月15日24时"
    assert languages["en"].due("2026-12-15T16:00:01Z") == languages["en"].instant(
        "2026-12-15T16:00:01Z"
    )
