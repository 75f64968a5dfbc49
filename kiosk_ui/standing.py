"""Where the record and the stop list stand, as the services say themselves: one listener for all open pages."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx

from kiosk_ui.client import TIMEOUT_S

log = logging.getLogger("suyuan.kiosk")

# The API says it each second; who has not heard it for so long does not know what was recalled since.
HEARD_S = 3.0
# Intake gives a sign of life so often, with room for one that is late.
STOPS_HEARD_S = 12.0
AGAIN_S = 0.5
PREFIX = "data: "


class RecordStanding:
    """Follows the record: its position, and a generation that every hold and recall ends."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard = float("-inf")
        self._stops: int | None = None
        self.position = 0
        self.generation = 0

    @property
    def is_known(self) -> bool:
        """Whether it was heard lately; else no page that was made before may be shown."""
        return self._monotonic() - self._heard < HEARD_S

    def hear(self, position: int, stops: int) -> None:
        """Takes what the API says; after a silence nothing that was kept counts any more."""
        if stops != self._stops or not self.is_known:
            self.generation += 1
        self._stops, self.position = stops, position
        self._heard = self._monotonic()

    async def follow(self, http: httpx.AsyncClient) -> None:
        """Follows for ever; an API that is away is asked again."""
        await _follow(http, "/v1/live/record", HEARD_S, self._take)

    def _take(self, told: Any) -> None:
        self.hear(int(told["position"]), int(told["stops"]))


class StopListStanding:
    """Follows the stop list's version, for stations that are open."""

    def __init__(self) -> None:
        self.version: int | None = None

    async def follow(self, http: httpx.AsyncClient) -> None:
        """Follows for ever; an intake that is away is asked again."""
        await _follow(http, "/intake/stops/live", STOPS_HEARD_S, self._take)

    def _take(self, told: Any) -> None:
        self.version = int(told)


async def _follow(
    http: httpx.AsyncClient, path: str, patience_s: float, take: Callable[[Any], None]
) -> None:
    """Takes what a stream says, for ever; one that breaks, says nothing for so long or what nobody can read, is opened anew."""
    timeout = httpx.Timeout(TIMEOUT_S, read=patience_s)
    while True:
        try:
            async with http.stream("GET", path, timeout=timeout) as stream:
                async for line in stream.aiter_lines():
                    if text := line.removeprefix(PREFIX) if line.startswith(PREFIX) else "":
                        take(json.loads(text))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.info("%s is not heard of: %s", path, error)
        await asyncio.sleep(AGAIN_S)
