"""Screens over HTTP: a kiosk's open page hears what its own scanner is held at."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from ledger.events.wire import SCREEN_FORM
from ledger.intake.responses import too_many
from ledger.intake.screens import HeldLook, Screens

# A market's kiosks may stand behind one address.
STREAMS_MAX, AGAIN_S = 60, 30.0


def screen_router(screens: Screens) -> APIRouter:
    """Builds the route of open pages. It takes no token: whoever knows a screen's name stands before it."""
    router = APIRouter(prefix="/intake")
    opened: Counter[str] = Counter()

    @router.get("/screens/{screen}")
    async def watch(
        request: Request,
        screen: Annotated[str, Path(pattern=SCREEN_FORM)],
        after: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:
        visitor = request.client.host if request.client else ""
        if opened[visitor] >= STREAMS_MAX:
            return too_many(AGAIN_S)

        async def events() -> AsyncIterator[str]:
            opened[visitor] += 1
            try:
                yield "retry: 1000\n\n"
                async for shown in screens.watch(screen, after):
                    yield _event(shown)
            finally:
                opened[visitor] -= 1
                if not opened[visitor]:
                    del opened[visitor]

        return StreamingResponse(events(), media_type="text/event-stream")

    return router


def _event(shown: HeldLook | None) -> str:
    """Writes one as the HTML standard asks (server-sent events, 9.2.6)."""
    if shown is None:
        return "event: here\ndata: \n\n"
    return f"event: look\nid: {shown.told.isoformat()}\ndata: {json.dumps(shown.text)}\n\n"
