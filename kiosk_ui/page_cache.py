"""Public pages kept as they were sent, in front of everything else: a thousand readers cost one.

A page counts while the record stands where it stood, for a second where it moved on, and never
beyond a hold or recall, or while nobody tells where the record stands.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kiosk_ui.language import COOKIE, choose
from kiosk_ui.standing import RecordStanding

# What a moving record changes on a page may be seen this much later; a recall may not.
FRESH_S = 1.0
PAGES_MAX = 20_000
BYTES_MAX = 64 * 1024 * 1024
PUBLIC = ("/01/", "/recalls", "/m/", "/s/", "/search")
OF_THE_BODY = (b"content-length", b"content-encoding", b"content-type")
POSITION_DIGITS = 19
DECIDING = (b"accept-language", b"accept-encoding", b"cookie")
# A made-up address is not worth a place.
ADDRESS_MAX = 400
Key = tuple[bytes, bytes, str, bool]


class KeptPage(NamedTuple):
    """A page as it was sent, and what it hangs on."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: bytes
    generation: int
    position: int
    made: float


class PageCache:
    """Answers from what was kept where that still counts, in plain ASGI."""

    def __init__(
        self,
        app: ASGIApp,
        standing: RecordStanding,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._standing, self._monotonic = app, standing, monotonic
        self._kept: OrderedDict[Key, KeptPage] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what no page is kept for."""
        key = _key(scope)
        if key is None or not self._standing.is_known:
            await self._app(scope, receive, send)
            return
        after = _after(scope)
        if (found := self._find(key, after)) is None and (
            making := self._making.get(key)
        ) is not None:
            # Somebody has it made already: the spike of a recall asks for one page a thousand times.
            await making.wait()
            found = self._find(key, after)
        if found is None:
            await self._make(key, scope, receive, send)
        else:
            await _answer(found, scope, send)

    def _find(self, key: Key, after: int) -> KeptPage | None:
        found = self._kept.get(key)
        if found is None or not self._standing.is_known or found.position < after:
            return None
        same = found.position == self._standing.position
        if found.generation == self._standing.generation and (
            same or self._monotonic() - found.made < FRESH_S
        ):
            self._kept.move_to_end(key)
            return found
        return None

    async def _make(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        # As it stood before the page was asked for: what comes meanwhile is not on it for certain.
        generation, position, made = (
            self._standing.generation, self._standing.position, self._monotonic(),
        )  # fmt: skip
        done = self._making[key] = asyncio.Event()
        head: list[Message] = []
        body = bytearray()

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.append(message)
            else:
                body.extend(message.get("body", b""))

        try:
            await self._app(scope, receive, take)
            headers = [(name.lower(), value) for name, value in head[0].get("headers", [])]
            tag = b'"' + hashlib.sha256(body).hexdigest()[:24].encode() + b'"'
            kept = KeptPage(
                [*headers, (b"etag", tag)], bytes(body), tag, generation, position, made
            )
            if head[0]["status"] == 200 and _may_be_kept(headers):
                self._keep(key, kept)
                await _answer(kept, scope, send)
                return
            await send(head[0])
            await send({"type": "http.response.body", "body": bytes(body)})
        finally:
            self._making.pop(key, None)
            done.set()

    def _keep(self, key: Key, page: KeptPage) -> None:
        if (before := self._kept.pop(key, None)) is not None:
            self._bytes -= len(before.body)
        self._kept[key] = page
        self._bytes += len(page.body)
        while len(self._kept) > PAGES_MAX or self._bytes > BYTES_MAX:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)


def _after(scope: Scope) -> int:
    """Returns the position that a page must know: an open one was told of a new entry."""
    said = dict(scope["headers"]).get(b"suyuan-after", b"")
    return int(said) if said.isdigit() and len(said) < POSITION_DIGITS else 0


def _may_be_kept(headers: list[tuple[bytes, bytes]]) -> bool:
    return not any(
        name == b"set-cookie" or (name == b"cache-control" and value == b"no-store")
        for name, value in headers
    )


def _key(scope: Scope) -> Key | None:
    """Returns what a page is kept under: its address, the language and whether it may be packed."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path, query = bytes(scope["raw_path"]), bytes(scope["query_string"])
    plain = scope["path"]
    if not (plain == "/" or plain.startswith(PUBLIC)) or len(path) + len(query) > ADDRESS_MAX:
        return None
    names = [name for name, _ in scope["headers"]]
    if any(names.count(name) > 1 for name in DECIDING):
        # Said twice, it may be read one way here and another way behind.
        return None
    headers = Headers(scope=scope)
    if COOKIE in headers.get("cookie", ""):
        # Who works here reads in the language they chose once.
        return None
    stated = QueryParams(query).get("lang") or None
    code = choose(stated, headers.get("accept-language", ""))
    return path, query, code, "gzip" in headers.get("accept-encoding", "")


async def _answer(page: KeptPage, scope: Scope, send: Send) -> None:
    asked: dict[bytes, Any] = dict(scope["headers"])
    if asked.get(b"if-none-match") == page.tag:
        # With every word of the page's own: a browser takes what a 304 says for the page it kept.
        headers = [one for one in page.headers if one[0] not in OF_THE_BODY]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": page.headers})
    await send({"type": "http.response.body", "body": page.body})
