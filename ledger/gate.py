"""The gate in front of an API: headers, limits by address, and no requests of other sites' pages."""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ledger.limits import Buckets

log = logging.getLogger("suyuan.gate")

# JSON for programs: no browser shall take it for a page, keep it, or show it in a frame.
HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# What one address may ask: a market's people behind one address are some hundreds.
PER_S, BURST = 50.0, 1000.0
# At the door: passwords and codes are typed by hand, and each costs a hash.
DOOR_PER_S, DOOR_BURST = 0.5, 20.0
# How many lines one address gets in the log: enough to find it, too few to fill a disk.
TOLD_PER_S, TOLD_BURST = 0.1, 5.0
# What changes nothing may be linked to from anywhere; its answer no other page can read.
SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("127.0.0.1", "::1")

Scope = dict[str, Any]
# What a question costs, in simple ones.
Cost = Callable[[str, str], float]


class TurnedBack(NamedTuple):
    """A request that is not passed on, and why."""

    status: int
    code: str
    detail: str
    after_s: float = 0.0


def one_each(_method: str, _path: str) -> float:
    """Lets every question cost the same."""
    return 1.0


class Gate:
    """Passes requests on to an application, in plain ASGI; streams pass through as they are.

    Requests of this machine itself count against nobody's limit: services ask each other so, and name in
    `X-Forwarded-For` for whom they ask, which uvicorn takes from this machine alone.
    """

    def __init__(
        self,
        app: Any,
        *,
        cost: Cost = one_each,
        door: tuple[str, ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`door` are the paths at which somebody shows a password or code."""
        self._app, self._cost, self._door = app, cost, door
        self._by_address = Buckets(per_s=PER_S, burst=BURST, monotonic=monotonic)
        self._at_door = Buckets(per_s=DOOR_PER_S, burst=DOOR_BURST, monotonic=monotonic)
        self._told = Buckets(per_s=TOLD_PER_S, burst=TOLD_BURST, monotonic=monotonic)
        self._headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Passes a request on, or says why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with_headers(message.get("headers", []))
            await send(message)

        refused = self._refuse(scope)
        if refused is None:
            await self._app(scope, receive, send_with_headers)
        else:
            self._tell(refused, scope)
            await _answer(refused, send_with_headers)

    def _tell(self, refused: TurnedBack, scope: Scope) -> None:
        """Tells it in the log, as often as a log can bear."""
        address = _network(scope.get("client"))
        if not self._told.take(address):
            log.warning("turned back: %s", refused.code, extra={
                "address": address, "path": scope["path"]})  # fmt: skip

    def _refuse(self, scope: Scope) -> TurnedBack | None:
        headers = dict(scope["headers"])
        if scope["method"] not in SAFE and _cross_site(headers):
            words = "this came from a page of another site: open the ledger's own"
            return TurnedBack(403, "cross-site", words)
        address = _network(scope.get("client"))
        if address in LOOPBACK:
            return None
        path = str(scope["path"])
        after = self._by_address.take(address, self._cost(str(scope["method"]), path))
        if scope["method"] in ("POST", "PUT") and path in self._door:
            after = max(after, self._at_door.take(address))
        if not after:
            return None
        seconds = max(1, math.ceil(after))
        words = f"this is more than one address may ask: wait {seconds} s"
        return TurnedBack(429, "too-many", words, after)

    def _with_headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Adds what the application did not say itself."""
        stated = {name.lower() for name, _ in given}
        return [*given, *(one for one in self._headers if one[0] not in stated)]


def _cross_site(headers: Mapping[bytes, bytes]) -> bool:
    """Tells whether a browser says that another site's page sends this (Fetch Metadata; RFC 6454)."""
    if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
        return True
    origin = headers.get(b"origin")
    if origin is None:
        return False
    try:
        named = urlsplit(origin.decode("latin-1")).netloc
    except ValueError:
        return True
    return named != headers.get(b"host", b"").decode("latin-1")


def _network(client: Any) -> str:
    """Returns what an asker is known by: an IPv6 customer has 2⁶⁴ addresses, so their network counts."""
    host = str(client[0]) if client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and not address.is_loopback:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)


async def _answer(refused: TurnedBack, send: Any) -> None:
    body = {
        "type": f"urn:suyuan:{refused.code}", "title": refused.code, "status": refused.status,
        "detail": refused.detail,
    }  # fmt: skip
    headers = [(b"content-type", b"application/problem+json")]
    if refused.after_s:
        headers.append((b"retry-after", str(max(1, math.ceil(refused.after_s))).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
