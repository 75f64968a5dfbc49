"""The consumer's pages: attract, search, product, lot, and the honest page for what is unknown."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException

from kiosk_ui.client import Ambiguous, Away, NotRecorded, QueryClient, Unusable
from kiosk_ui.page import render
from kiosk_ui.svg.journey import journey_line
from kiosk_ui.viewmodels.lot import iso_day, lot_path, lot_view, product_title

router = APIRouter()

QUERY_MAX = 80


@router.get("/")
async def attract(request: Request) -> Response:
    """What the kiosk shows untouched: what it is for, and one big box."""
    return render(request, "attract.html", {})


@router.get("/search")
async def search(request: Request, q: str = "") -> Response:
    """Products by name, number or lot; a single hit of a full GTIN opens at once."""
    text = q.strip()[:QUERY_MAX]
    if not text:
        return RedirectResponse(_same_language(request, "/"), 303)
    found = await _client(request).search(text)
    if len(found) == 1 and text.isdigit() and found[0]["gtin"].endswith(text):
        return RedirectResponse(_same_language(request, f"/01/{found[0]['gtin']}"), 303)
    language = request.state.language
    products = [p | {"title": product_title(p, language)} for p in found]
    return render(request, "search.html", {"q": text, "products": products})


@router.get("/01/{gtin}")
async def product(request: Request, gtin: str) -> Response:
    """A product; with a date of the label (AI 11 or 17), the lot known by that date."""
    dates = {}
    for ai, name in (("11", "produced"), ("15", "expires"), ("17", "expires")):
        if (stated := request.query_params.get(ai)) is not None:
            day = iso_day(stated)
            if day is None:
                raise Unusable(request.state.language.word("A date is written as YYMMDD."))
            dates[name] = day
    client = _client(request)
    if not dates:
        return _product(request, await client.product(gtin, {}), "Which date is on your pack?")
    try:
        return _lot(request, await client.lot_by_date(gtin, dates))
    except Ambiguous:
        page = await client.product(gtin, dates)
        return _product(request, page, "Which lot is on your pack?")


def _product(request: Request, page: dict[str, Any], question: str) -> Response:
    language = request.state.language
    for lot in page["lots"]:
        lot["path"] = lot_path(lot)
    title = product_title(page["product"], language)
    values = {"page": page, "title": title, "question": language.word(question)}
    return render(request, "product.html", values)


@router.get("/01/{gtin}/10/{lot:path}")
async def lot(request: Request, gtin: str, lot: str) -> Response:
    """A lot by the number on its label: the address a GS1 Digital Link opens."""
    return _lot(request, await _client(request).lot(gtin, lot))


@router.get("/live/01/{gtin}/10/{lot:path}")
async def live(request: Request, gtin: str, lot: str) -> Response:
    """Relays the API's stream, so that an open page learns of a new entry."""
    return StreamingResponse(_relay(request, gtin, lot), media_type="text/event-stream")


def _lot(request: Request, page: dict[str, Any]) -> Response:
    language = request.state.language
    view = lot_view(page, language)
    line = journey_line(view.steps, language.word("{n} more"), language.word("Where it has been"))
    values = {"page": page, "view": view, "title": view.title, "journey": line}
    return render(request, "lot.html", values)


async def _relay(request: Request, gtin: str, lot: str) -> AsyncIterator[bytes]:
    try:
        async with _client(request).live(gtin, lot) as stream:
            async for chunk in stream.aiter_raw():
                yield chunk
    except httpx.HTTPError:
        # The browser asks again by itself after the time the stream named.
        yield b"retry: 2000\n\n"


def _client(request: Request) -> QueryClient:
    client: QueryClient = request.app.state.client
    return client.asking_for(request.client.host if request.client else "")


def _same_language(request: Request, path: str) -> str:
    stated = request.query_params.get("lang")
    return f"{path}?lang={stated}" if stated in ("zh", "en") else path


def not_recorded(request: Request, _error: NotRecorded) -> Response:
    """The honest page: not recorded is not unsafe."""
    return render(request, "not_recorded.html", {}, status=404)


def unusable(request: Request, error: Unusable) -> Response:
    """What was asked cannot be, and why."""
    return render(request, "unusable.html", {"detail": str(error)}, status=422)


def elsewhere(request: Request, error: HTTPException) -> Response:
    """An address that is no page of ours: the way in, which says what can be asked."""
    return render(request, "attract.html", {}, status=error.status_code)


def away(request: Request, _error: Away) -> Response:
    """The record cannot be reached: say so, and claim nothing."""
    return render(request, "away.html", {}, status=503)
