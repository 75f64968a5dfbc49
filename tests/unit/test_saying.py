"""Saying something to the ledger from a page: which day it is there."""

import asyncio
from datetime import date
from typing import Any, cast
from unittest.mock import MagicMock

import httpx

from kiosk_ui.saying import ledger_day


def test_after_midnight_at_the_market_it_is_the_next_day_there() -> None:
    async def told(_path: str) -> httpx.Response:
        return httpx.Response(200, json={"time": "2026-11-30T16:58:00Z"})

    person = MagicMock()
    person.client.services.intake.get = told

    assert asyncio.run(ledger_day(cast(Any, person))) == date(2026, 12, 1)
