"""Screens over HTTP: a kiosk's open page hears what its own scanner is held at."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ledger.events.wire import SCREEN_FORM
from ledger.intake.screens import HeldLook, Screens
from ledger.intake.streams import Streams


def screen_router(screens: Screens) -> APIRouter:
    """Builds the route of open pages. It takes no token: whoever knows a screen's name stands before it."""
    router = APIRouter(prefix="/intake")
    streams = Streams()

    @router.get("/screens/{screen}")
    async def watch(
        request: Request,
        screen: Annotated[str, Path(pattern=SCREEN_FORM)],
        after: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:
        events = (_event(shown) async for shown in screens.watch(screen, after))
        return streams.open(request, events)

    return router


def _event(shown: HeldLook | None) -> str:
    """Writes one as the HTML standard asks (server-sent events, 9.2.6)."""
    if shown is None:
        return "event: here\ndata: \n\n"
    return f"event: look\nid: {shown.told.isoformat()}\ndata: {json.dumps(shown.text)}\n\n"
