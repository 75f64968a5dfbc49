"""The kiosk's application: faces, languages, assets and security headers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kiosk_ui.client import Away, NotRecorded, QueryClient, Unusable
from kiosk_ui.faces import consumer, install
from kiosk_ui.faces.install import read_authority
from kiosk_ui.language import choose, load_languages
from kiosk_ui.page import ASSETS, asset_names, build_templates

MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Front:
    """Chooses the language and adds the headers; plain ASGI, which costs a page nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._languages = load_languages()
        self._headers = [(k.encode(), v.encode()) for k, v in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        accepted = request.headers.get("accept-language", "")
        code = choose(request.query_params.get("lang"), accepted)
        scope.setdefault("state", {})["language"] = self._languages[code]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def build(query_url: str, authority: str = "") -> FastAPI:
    """Builds the application that asks the query API at `query_url`.

    `authority` is the file of the certificate that visitors have to install; there may be none.
    """
    assets = asset_names()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
        async with (
            httpx.AsyncClient(base_url=query_url, limits=limits, trust_env=False) as http,
            httpx.AsyncClient(base_url=query_url, limits=limits, trust_env=False) as streams,
        ):
            app.state.client = QueryClient(http, streams)
            yield

    app = FastAPI(
        title="Suyuan", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.templates = build_templates(assets)
    app.state.authority = read_authority(authority)
    app.include_router(consumer.router)
    app.include_router(install.router)
    handlers: list[tuple[type[Exception], Any]] = [
        (NotRecorded, consumer.not_recorded),
        (Unusable, consumer.unusable),
        (Away, consumer.away),
        (HTTPException, consumer.elsewhere),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)
    files = {address: (ASSETS / name).read_bytes() for name, address in assets.items()}

    @app.get("/assets/{name}")
    async def asset(name: str) -> Response:
        content = files.get(f"/assets/{name}")
        if content is None:
            return Response("no such file", 404)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=MEDIA["." + name.rpartition(".")[2]], headers=headers)

    app.add_middleware(GZipMiddleware, minimum_size=500)
    app.add_middleware(Front)
    return app
