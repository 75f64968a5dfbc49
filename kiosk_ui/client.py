"""Asking the ledger's services for a visitor, and what their answers mean for a page."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from fastapi import Request

# A page answers a scan within a second; an API that takes longer is away.
TIMEOUT_S = 3.0
# A trace of a city's largest lot, a sheet of a year: people wait for these, and see that they do.
PATIENT_S = 20.0
# As much of a list as the query API gives at once.
PAGE = 200


class NotRecorded(Exception):
    """The record says nothing about what was asked."""


class TurnedDown(Exception):
    """The text says why, in the API's words or a page's own, and `code` is what the API calls that."""

    def __init__(self, why: str, code: str = "", **filled: object) -> None:
        """`code` is empty where the API was not asked; `filled` stands in words of our own."""
        super().__init__(why)
        self.code, self.filled = code, filled


class Ambiguous(TurnedDown):
    """More than one lot fits what was asked: the reader must choose."""


class Unusable(TurnedDown):
    """What was asked cannot be."""


class Away(Exception):
    """The record cannot be reached at the moment."""


class NotSignedIn(Exception):
    """This is not for everybody, or the sign-in is over."""


class NotYours(TurnedDown):
    """Somebody is signed in who may not see or do this."""


class TooMany(TurnedDown):
    """More was asked than one may ask."""


class Connections(NamedTuple):
    """Connections to the services; open pages hold one of `streams` each, and take none from others."""

    query: httpx.AsyncClient
    streams: httpx.AsyncClient
    intake: httpx.AsyncClient
    log: httpx.AsyncClient
    # Streams of intake: what a kiosk's scanner is held at.
    screens: httpx.AsyncClient
    # How many streams each visitor has open.
    opened: Counter[str]


class Asking:
    """Asks the services in a visitor's name: by their address, and with a token where they signed in."""

    def __init__(self, services: Connections, headers: Mapping[str, str] | None = None) -> None:
        self.services = services
        self.headers = dict(headers or {})

    def showing(self, token: str) -> "Asking":
        """Returns a client that asks as who a token says."""
        return Asking(self.services, self.headers | {"authorization": f"Bearer {token}"})

    async def get(
        self, path: str, asked: Mapping[str, Any] | None = None, *, wait_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """Asks the query API. Raises what the answer means where it is no answer."""
        answer = await reached(
            self.services.query.get(path, params=asked, timeout=wait_s, headers=self.headers)
        )
        raise_for(answer)
        found: dict[str, Any] = answer.json()
        return found

    async def post(
        self, path: str, said: Any, more: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Asks intake for something; refusals are answers. Bytes go as they are."""
        headers = self.headers | dict(more or {})
        about: dict[str, Any] = {"content": said} if isinstance(said, bytes) else {"json": said}
        return await reached(
            self.services.intake.post(path, headers=headers, timeout=PATIENT_S, **about)
        )

    async def search(self, text: str) -> dict[str, Any]:
        """Returns the products found, whether there are `more`, and whether they are only `similar`."""
        return await self.get("/v1/products", {"q": text})

    async def product(self, gtin: str, dates: dict[str, str]) -> dict[str, Any]:
        """Returns a product with its lots, or those of the `produced` and `expires` days told."""
        return await self.get(f"/v1/products/{part(gtin)}", dates)

    async def lot(self, gtin: str, lot: str) -> dict[str, Any]:
        """Returns a lot by its number or key."""
        return await self.get(f"/v1/lots/{part(gtin)}/{part(lot)}")

    async def lot_by_date(self, gtin: str, dates: dict[str, str]) -> dict[str, Any]:
        """Returns a lot by the `produced` and `expires` days on its pack."""
        return await self.get(f"/v1/lots/{part(gtin)}", dates)

    def live(self, path: str, service: httpx.AsyncClient | None = None) -> Any:
        """Opens a stream of the query API's, or of another service's."""
        timeout = httpx.Timeout(TIMEOUT_S, read=None)
        asked = service or self.services.streams
        return asked.stream("GET", path, timeout=timeout, headers=self.headers)


def client_of(request: Request) -> Asking:
    """Returns the client of whoever sends a request: the services hold each visitor to their own limits."""
    services: Connections = request.app.state.services
    visitor = request.client.host if request.client else ""
    # Goods are named as who reads this page calls them.
    said = {"accept-language": request.state.language.code}
    return Asking(
        services, said | ({"x-forwarded-for": visitor} if visitor.isascii() and visitor else {})
    )


def plain_headers(client: Asking) -> dict[str, str]:
    """Returns what is said of who asks for a paper: papers of the law name goods in Chinese, from whatever page."""
    return {name: value for name, value in client.headers.items() if name != "accept-language"}


def part(text: str) -> str:
    """Writes a text as one part of a path. Raises `NotRecorded` for one that would lead upwards."""
    if text in (".", ".."):
        raise NotRecorded
    return quote(text, safe="")


class Whole(NamedTuple):
    """A list that comes in pages, put together: its first page, its lines, and whether there are more."""

    first: dict[str, Any]
    lines: list[dict[str, Any]]
    more: bool


async def whole(
    client: Asking,
    path: str,
    name: str,
    most: int,
    asked: Mapping[str, Any] | None = None,
    *,
    wait_s: float = TIMEOUT_S,
) -> Whole:
    """Asks for page after page of a list until its end, or until there are `most` lines."""
    told = {**(asked or {}), "limit": PAGE}
    first = page = await client.get(path, told, wait_s=wait_s)
    lines = list(page[name])
    while page["next"] and len(lines) < most:
        page = await client.get(path, told | {"after": page["next"]}, wait_s=wait_s)
        lines += page[name]
    return Whole(first, lines, bool(page["next"]))


async def reached(asking: Any) -> httpx.Response:
    """Waits for an answer. Raises `Away` where none comes."""
    try:
        answer: httpx.Response = await asking
    except httpx.HTTPError as error:
        raise Away(str(error)) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Unusable("this cannot be asked: look at what you typed") from error
    return answer


def raise_for(answer: httpx.Response) -> None:
    """Raises what a status other than 200 means."""
    match answer.status_code:
        case 200 | 201:
            return
        case 401:
            raise NotSignedIn
        case 403:
            raise NotYours(*_why(answer))
        case 404:
            raise NotRecorded
        case 409:
            raise Ambiguous(*_why(answer))
        case 400 | 422:
            raise Unusable(*_why(answer))
        case 429:
            raise TooMany(*_why(answer))
        case status:
            raise Away(f"status {status}")


def detail_of(answer: httpx.Response) -> str:
    """Returns what a problem says; nothing where it is none of ours."""
    return _member(answer, "detail")


def _why(answer: httpx.Response) -> tuple[str, str]:
    return _member(answer, "detail"), _member(answer, "title")


def _member(answer: httpx.Response, name: str) -> str:
    try:
        return str(answer.json().get(name, ""))
    except (ValueError, AttributeError):
        return ""
