"""The merchant station: scan page and labels, which need no connection once they were opened, and their worker."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from kiosk_ui.client import NotRecorded, Unusable, client_of
from kiosk_ui.language import Language
from kiosk_ui.page import Assets, remember_if_opened, render
from kiosk_ui.policies import CAMERA, DRAWING
from kiosk_ui.reached import is_here_alone, public_base
from kiosk_ui.standing import StopListStanding

router = APIRouter(prefix="/station")

SCRIPTS = "station/"
# Open stations of one address, a market's hall; each looks at a number that is heard once for all.
STATIONS_MAX, LOOK_S, HERE_S = 500, 0.3, 5.0
SCAN, LABELS, AWAY = "/station/scan", "/station/labels", "/station/away"


@router.get("/scan")
async def scan(request: Request) -> Response:
    """Where goods are scanned; the page is everybody's, what it does is the device's."""
    assets: Assets = request.app.state.assets
    values = {"words": words_of(assets, request.state.language)}
    response = render(request, "station/scan.html", values)
    remember_if_opened(request, response)
    response.headers.update(CAMERA)
    return response


@router.get("/labels")
async def labels(request: Request) -> Response:
    """Labels in sheets, drawn and read back in the browser."""
    assets: Assets = request.app.state.assets
    values = {
        "words": words_of(assets, request.state.language),
        "base": public_base(request), "here_alone": is_here_alone(request),
    }  # fmt: skip
    response = render(request, "station/labels.html", values)
    remember_if_opened(request, response)
    response.headers.update(DRAWING)
    return response


@router.get("/away")
async def away(request: Request) -> Response:
    """What a browser of the station shows of a page that it cannot reach."""
    return render(request, "station/away.html", {})


@router.get("/worker.js")
async def worker(request: Request) -> Response:
    """Keeps the scan page for when there is no connection; another version replaces it whole."""
    assets: Assets = request.app.state.assets
    kept = [assets.address(name) for name in assets.files if is_of_station(name)]
    opened = [page + more for page in (SCAN, LABELS) for more in ("", "?lang=zh", "?lang=en")]
    told = {"version": assets.version, "kept": kept, "pages": [*opened, AWAY]}
    source = f"const told = {json.dumps(told)};\n".encode() + assets.files["station/worker.js"]
    # The station's first page is the folder itself, above where this file lies.
    headers = {"cache-control": "no-cache", "service-worker-allowed": "/station"}
    return Response(source, media_type="text/javascript", headers=headers)


@router.get("/stops")
async def stops(request: Request) -> Response:
    """Says at once when the stop list is another; beyond so many of an address, nothing: they ask now and then."""
    opened: Counter[str] = request.app.state.stations
    visitor = request.client.host if request.client else ""
    if opened[visitor] >= STATIONS_MAX:
        return Response("retry: 60000\n\n", media_type="text/event-stream")
    events = _stop_versions(request.app.state.stop_list, opened, visitor)
    return StreamingResponse(events, media_type="text/event-stream")


async def _stop_versions(
    standing: StopListStanding, opened: Counter[str], visitor: str
) -> AsyncIterator[str]:
    opened[visitor] += 1
    told, quiet_s = None, 0.0
    try:
        # Where it is out of reach for weeks, it is not asked for each second.
        yield "retry: 5000\n\n"
        while True:
            quiet_s += LOOK_S
            if standing.version != told:
                told, quiet_s = standing.version, 0.0
                yield f"event: version\ndata: {told}\n\n"
            elif quiet_s >= HERE_S:
                # What is gone shows itself when it is written to.
                quiet_s = 0.0
                yield ": here\n\n"
            await asyncio.sleep(LOOK_S)
    finally:
        opened[visitor] -= 1
        if not opened[visitor]:
            del opened[visitor]


@router.get("/product/{gtin}")
async def product(request: Request, gtin: str) -> dict[str, Any]:
    """What is known of a scanned product; of one that nobody registered, nothing, which is no error."""
    try:
        return await client_of(request).product(gtin, {})
    except (NotRecorded, Unusable):
        return {"product": None, "lots": []}


def is_of_station(name: str) -> bool:
    """Tells whether the scan page needs a file."""
    plain = name in (
        "suyuan.css",
        "work.css",
        "icon.svg",
        "keep.js",
        "vendor/htmx.js",
        "vendor/zxing.js",
        "vendor/zxing.wasm",
    )
    return plain or (name.startswith(SCRIPTS) and name != "station/worker.js")


def words_of(assets: Assets, language: Language) -> str:
    """Returns the words of the station's scripts in a language, as JSON for a block of data."""
    source = "".join(
        content.decode() for name, content in assets.files.items() if name.startswith(SCRIPTS)
    )
    used = {text: language.word(text) for text in language.texts if f'"{text}"' in source}
    # In HTML the block would end at a tag.
    return json.dumps(used, ensure_ascii=False).replace("<", "\\u003c")
