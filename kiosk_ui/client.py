"""Asking the query API, and what its answers mean for a page."""

from typing import Any
from urllib.parse import quote

import httpx

# A page answers a scan within a second; an API that takes longer is away.
TIMEOUT_S = 3.0


class NotRecorded(Exception):
    """The record says nothing about what was asked."""


class Ambiguous(Exception):
    """More than one lot fits what was asked: the reader must choose."""


class Unusable(Exception):
    """What was asked cannot be; the text says why, in the API's words."""


class Away(Exception):
    """The record cannot be reached at the moment."""


class QueryClient:
    """Asks the API for what a page shows."""

    def __init__(
        self, http: httpx.AsyncClient, streams: httpx.AsyncClient, visitor: str = ""
    ) -> None:
        self._http = http
        # Open pages hold a connection each; they must not take those of people who search.
        self._streams = streams
        # The API holds each visitor to their own limit, not all of them to the kiosk's.
        self._headers = {"x-forwarded-for": visitor} if visitor else {}

    def asking_for(self, visitor: str) -> "QueryClient":
        """Returns a client that asks for a visitor, by the address they come from."""
        return QueryClient(self._http, self._streams, visitor)

    async def search(self, text: str) -> list[dict[str, Any]]:
        """Returns the products found."""
        found = await self._get("/v1/products", {"q": text})
        products: list[dict[str, Any]] = found["products"]
        return products

    async def product(self, gtin: str, dates: dict[str, str]) -> dict[str, Any]:
        """Returns a product with its lots, or those of the `produced` and `expires` days told."""
        return await self._get(f"/v1/products/{quote(gtin, safe='')}", dates)

    async def lot(self, gtin: str, lot: str) -> dict[str, Any]:
        """Returns a lot by its number or key."""
        return await self._get(f"/v1/lots/{quote(gtin, safe='')}/{quote(lot, safe='')}", {})

    async def lot_by_date(self, gtin: str, dates: dict[str, str]) -> dict[str, Any]:
        """Returns a lot by the `produced` and `expires` days on its pack."""
        return await self._get(f"/v1/lots/{quote(gtin, safe='')}", dates)

    def live(self, gtin: str, lot: str) -> Any:
        """Opens the stream that says when a lot's entries change."""
        path = f"/v1/live/lots/{quote(gtin, safe='')}/{quote(lot, safe='')}"
        timeout = httpx.Timeout(TIMEOUT_S, read=None)
        return self._streams.stream("GET", path, timeout=timeout, headers=self._headers)

    async def _get(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        try:
            response = await self._http.get(
                path, params=parameters, timeout=TIMEOUT_S, headers=self._headers
            )
        except httpx.HTTPError as error:
            raise Away(str(error)) from error
        if response.status_code == 404:
            raise NotRecorded
        if response.status_code == 409:
            raise Ambiguous
        if response.status_code == 422:
            raise Unusable(response.json().get("detail", ""))
        if response.status_code != 200:
            raise Away(f"status {response.status_code}")
        answer: dict[str, Any] = response.json()
        return answer
