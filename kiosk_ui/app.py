"""The faces' application: routes, languages, assets and security headers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kiosk_ui import client, relay
from kiosk_ui.faces import (
    books,
    bundles,
    carry,
    consumer,
    desk,
    door,
    install,
    mine,
    notices,
    proof,
    station,
    story,
    unhappy,
)
from kiosk_ui.faces.install import read_authority
from kiosk_ui.headers_alone import HeadersAlone
from kiosk_ui.language import COOKIE, choose, load_languages
from kiosk_ui.page import Assets, build_templates
from kiosk_ui.page_cache import PageCache
from kiosk_ui.policies import COMMON
from kiosk_ui.settings import KioskSettings
from kiosk_ui.signing import Tokens
from kiosk_ui.standing import RecordStanding, StopListStanding

MEDIA = {
    "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain",
    "wasm": "application/wasm", "json": "application/json",
}  # fmt: skip


FACES = (
    consumer,
    notices,
    carry,
    mine,
    proof,
    story,
    install,
    door,
    station,
    books,
    bundles,
    desk,
    relay,
)
# The longest form over a slow line; devices' pictures have a time of their own.
BODY_S = 60.0


class Front:
    """Chooses the language and adds the headers; plain ASGI, which costs a page nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._languages = load_languages()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        stated = request.query_params.get("lang") or request.cookies.get(COOKIE)
        code = choose(stated, request.headers.get("accept-language", ""))
        scope.setdefault("state", {})["language"] = self._languages[code]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                said = {name for name, _ in given}
                ours = [(k.encode(), v.encode()) for k, v in COMMON.items()]
                # A page that needs another policy says so itself.
                vary = [(b"vary", b"accept-language")]
                message["headers"] = [
                    *given,
                    *(one for one in ours if one[0] not in said),
                    *vary,
                ]
            await send(message)

        await self._app(scope, _in_time(receive), send_with_headers)


def _in_time(receive: Receive) -> Receive:
    """Lets a body come whole within its time; who dawdles has hung up, as far as a page can tell."""
    ends: float | None = asyncio.get_running_loop().time() + BODY_S

    async def received() -> Message:
        nonlocal ends
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            # It is whole: from now on only a hang-up is waited for, however long.
            ends = None
        return message

    return received


def build(settings: KioskSettings) -> FastAPI:
    """Builds the application that asks the services these settings name."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
        query, intake, log = settings.query_url, settings.intake_url, settings.log_url
        urls = (query, query, intake, log, intake, query, intake)
        checked = httpx.create_ssl_context(trust_env=False)
        async with AsyncExitStack() as opened:
            found = [
                await opened.enter_async_context(
                    httpx.AsyncClient(base_url=url, limits=limits, trust_env=False, verify=checked)
                )
                for url in urls
            ]
            app.state.services = client.Connections(
                found[0], found[1], found[2], found[3], found[4], Counter()
            )
            # Over connections of their own: open pages shall not keep them from hearing of a recall.
            following = [
                asyncio.create_task(standing.follow(found[5])),
                asyncio.create_task(stop_list.follow(found[6])),
            ]
            yield
            for task in following:
                task.cancel()

    standing, stop_list = RecordStanding(), StopListStanding()
    app = FastAPI(
        title="Suyuan", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    assets = Assets()
    app.state.settings = settings
    app.state.assets = assets
    app.state.stop_list, app.state.stations = stop_list, Counter()
    app.state.templates = build_templates(assets, rehearsal=settings.rehearsal)
    app.state.tokens = Tokens()
    app.state.authority = read_authority(settings.authority)
    for part in FACES:
        app.include_router(part.router)
    _say_unhappy(app)

    _serve_assets(app, assets)
    app.add_middleware(GZipMiddleware, minimum_size=500)
    app.add_middleware(Front)
    # The later added, the earlier asked: a kept page passes nothing else.
    app.add_middleware(PageCache, standing=standing)
    app.add_middleware(HeadersAlone)
    return app


def _say_unhappy(app: FastAPI) -> None:
    """Gives every end that is no answer a page of its own."""
    handlers: list[tuple[type[Exception], Any]] = [
        (client.NotRecorded, unhappy.not_recorded),
        (client.Unusable, unhappy.unusable),
        (client.Away, unhappy.away),
        (client.NotSignedIn, unhappy.not_signed_in),
        (client.NotYours, unhappy.not_yours),
        (client.TooMany, unhappy.too_many),
        (client.Ambiguous, unhappy.ambiguous),
        (ClientDisconnect, unhappy.gone),
        (RequestValidationError, unhappy.not_filled_in),
        (HTTPException, unhappy.elsewhere),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _serve_assets(app: FastAPI, assets: Assets) -> None:
    """Adds the files that pages load."""

    @app.get("/assets/{version}/{name:path}")
    async def asset(version: str, name: str) -> Response:
        content = assets.files.get(name)
        media = MEDIA.get(name.rpartition(".")[2])
        if content is None or media is None or version != assets.version:
            # Of another version than this: what it would get might not fit together.
            return Response("no such file", 404)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=media, headers=headers)
