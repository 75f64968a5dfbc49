"""Where the record stands, as the query API tells it each second: what cached pages hang on."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable

import httpx

from kiosk_ui.client import TIMEOUT_S

log = logging.getLogger("suyuan.kiosk")

# The API says it each second; who has not heard it for so long does not know what was recalled since.
HEARD_S = 3.0
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
        while True:
            try:
                timeout = httpx.Timeout(TIMEOUT_S, read=HEARD_S)
                async with http.stream("GET", "/v1/live/record", timeout=timeout) as stream:
                    await self._take(stream.aiter_lines())
            except (httpx.HTTPError, ValueError, KeyError) as error:
                log.info("the record is not heard of: %s", error)
            await asyncio.sleep(AGAIN_S)

    async def _take(self, lines: AsyncIterator[str]) -> None:
        async for line in lines:
            if line.startswith(PREFIX):
                told = json.loads(line.removeprefix(PREFIX))
                self.hear(int(told["position"]), int(told["stops"]))
