"""The one origin: what a page's scripts ask of the services goes through here, with the visitor's token.

A path that is not named below leads nowhere; bodies pass through as they come, and the services hold
them to their limits.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import unquote, urlencode

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from kiosk_ui.client import (
    PATIENT_S,
    Asking,
    Away,
    NotRecorded,
    TooMany,
    Unusable,
    client_of,
    part,
    plain_headers,
)
from kiosk_ui.reached import public_base
from kiosk_ui.signing import whoever

router = APIRouter()

# A device's picture is the largest that passes; an answer is at most a year's sheet.
BODY_BYTES_MAX, ANSWER_BYTES_MAX = 13 * 1024 * 1024, 64 * 1024 * 1024
BODY_S = 60.0
PRINTED = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
)
# Open pages of one address: a market's hall behind one is some tens.
STREAMS_MAX = 60
# What scripts say to the services besides; answers name no others.
SENT = ("content-type", "x-suyuan-signed", "idempotency-key", "suyuan-second", "suyuan-why")
GIVEN = (
    "content-type", "content-disposition", "etag", "retry-after", "suyuan-holders",
)  # fmt: skip


@router.get("/v1/live/{_path:path}")
async def live(request: Request) -> Response:
    """Passes a stream of events on for as long as its page is open."""
    client = await _asker(request)
    return StreamingResponse(events(client, _path(request)), media_type="text/event-stream")


@router.get("/intake/screens/{_screen}")
async def screen(request: Request) -> Response:
    """Passes on what a kiosk's own scanner is held at, to the page that is open before it."""
    client = client_of(request)
    path = f"{_path(request)}?{request.url.query}"
    stream = events(client, path, client.services.screens)
    return StreamingResponse(stream, media_type="text/event-stream")


@router.get("/v1/recalls/{recall}/notice.{_form}")
async def notice(request: Request, recall: str) -> Response:
    """Passes a notice on: the code of an officer's leads to the recall's page here, and to no address somebody states."""
    person = await whoever(request)
    client, leads = (person.client if person else client_of(request)), ""
    if person is not None and person.has("inspector", "regulator"):
        leads = urlencode({"link": f"{public_base(request)}/recalls/{part(recall)}"})
    return await _pass_on(request, client, client.services.query, query=leads)


@router.get("/v1/{_path:path}")
async def questions(request: Request) -> Response:
    """Asks the query API as whoever is signed in, or as anybody."""
    client = await _asker(request)
    return await _pass_on(request, client, client.services.query)


@router.get("/log/{_path:path}")
async def log(request: Request) -> Response:
    """Reads what the transparency log publishes."""
    client = client_of(request)
    return await _pass_on(request, client, client.services.log)


@router.get("/intake/ledger")
@router.get("/intake/stops")
@router.post("/intake/batches")
@router.post("/intake/enrolments")
@router.put("/intake/cards")
@router.put("/intake/documents/{_name}")
async def device(request: Request) -> Response:
    """Takes to intake what a device signed: who is signed in beside it is nobody's concern."""
    client = client_of(request)
    return await _pass_on(request, client, client.services.intake)


@router.post("/intake/requests")
@router.post("/intake/invitations")
async def person(request: Request) -> Response:
    """Asks intake for something in the name of who is signed in."""
    client = await _asker(request)
    return await _pass_on(request, client, client.services.intake)


async def events(
    client: Asking, path: str, service: httpx.AsyncClient | None = None
) -> AsyncIterator[bytes]:
    """Yields a stream's events; one that breaks, or is one too many of an address, asks its browser to come again."""
    visitor = client.headers.get("x-forwarded-for", "")
    opened = client.services.opened
    if opened[visitor] >= STREAMS_MAX:
        yield b"retry: 30000\n\n"
        return
    opened[visitor] += 1
    try:
        async with client.live(path, service) as stream:
            if stream.status_code != httpx.codes.OK:
                yield b"event: over\ndata: \n\n"
                return
            async for chunk in stream.aiter_raw():
                yield chunk
    except httpx.HTTPError:
        # The browser asks again by itself after the time the stream named.
        yield b"retry: 2000\n\n"
    finally:
        opened[visitor] -= 1
        if not opened[visitor]:
            del opened[visitor]


async def _asker(request: Request) -> Asking:
    person = await whoever(request)
    return person.client if person is not None else client_of(request)


async def _pass_on(
    request: Request, client: Asking, service: httpx.AsyncClient, *, query: str | None = None
) -> Response:
    """Passes a question on once it is whole, and its answer once that is whole, within limits."""
    body = None if request.method == "GET" else await _body(request)
    sent = {
        name: value for name in SENT if (value := request.headers.get(name, "")).isascii() and value
    }
    try:
        asked = service.build_request(
            request.method, _path(request), params=request.url.query if query is None else query,
            headers=plain_headers(client) | sent, content=body, timeout=PATIENT_S,
        )  # fmt: skip
        async with asyncio.timeout(PATIENT_S):
            return await _answer(service, asked)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Unusable("this is no address of a page") from error
    except (httpx.HTTPError, TimeoutError) as error:
        raise Away(str(error)) from error


async def _answer(service: httpx.AsyncClient, asked: httpx.Request) -> Response:
    answer = await service.send(asked, stream=True)
    try:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            # What never ends is asked for where streams are.
            raise NotRecorded
        content = bytearray()
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise Unusable("this answer is too large for a page: ask for less")
        return Response(bytes(content), answer.status_code, _given(answer.headers))
    finally:
        await answer.aclose()


async def _body(request: Request) -> bytes:
    """Reads what is sent before any connection is taken for it; who dawdles holds none."""
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                found += chunk
                if len(found) > BODY_BYTES_MAX:
                    raise Unusable("send at most {n} bytes", n=BODY_BYTES_MAX)
    except TimeoutError as error:
        raise TooMany("send it within {n} s", n=round(BODY_S)) from error
    return bytes(found)


def _path(request: Request) -> str:
    """Returns the path as it was asked for: a lot's name may hold a slash, and nothing leads upwards."""
    path = bytes(request.scope["raw_path"]).decode("ascii", "replace")
    if any(unquote(part) in (".", "..") for part in path.split("/")):
        raise NotRecorded
    return path


def _given(headers: Mapping[str, Any]) -> dict[str, str]:
    found = {name: str(headers[name]) for name in GIVEN if name in headers}
    if found.get("content-type", "").startswith("text/html"):
        # A sheet to print brings its own style along, and no script of anybody's.
        found["content-security-policy"] = PRINTED
    # What was asked in somebody's name is nobody else's to find later.
    return found | {"cache-control": "no-store"}
