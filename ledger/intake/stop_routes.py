"""The stop list over HTTP: as it is signed, and a stream that says at once when it is another."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
from fastapi import APIRouter, Request, Response

from ledger.intake.responses import json_response, problem
from ledger.intake.stops import SignedList
from ledger.intake.streams import Streams

# What may not be sold reaches an open station well within a second; a stream says that it is there.
LOOK_S, HERE_S = 0.3, 5.0


def stop_router(signed: Callable[[], SignedList | None]) -> APIRouter:
    """Builds the routes. They take no token: what may not be sold is everybody's to know."""
    router = APIRouter(prefix="/intake")
    streams = Streams()

    @router.get("/stops")
    async def stops() -> Response:
        found = signed()
        if found is None:
            return problem(503, "unavailable", "the stop list is not read yet: try again")
        parts = [msgspec.Raw(part) for part in found.parts]
        return json_response({"version": found.version, "time": found.time, "parts": parts})

    @router.get("/stops/live")
    async def live(request: Request) -> Response:
        return streams.open(request, _versions(signed))

    return router


async def _versions(signed: Callable[[], SignedList | None]) -> AsyncIterator[str]:
    """Yields the version of the list whenever it is another, and every few seconds a sign of life."""
    told, quiet_s = None, 0.0
    while True:
        found = signed()
        if found is not None and found.version != told:
            told, quiet_s = found.version, 0.0
            yield f"event: version\ndata: {told}\n\n"
        elif quiet_s >= HERE_S:
            quiet_s = 0.0
            yield "event: here\ndata: \n\n"
        await asyncio.sleep(LOOK_S)
        quiet_s += LOOK_S
