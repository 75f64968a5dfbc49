"""HEAD: what a page would be answered with, without the page (RFC 9110, 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadersSent(Exception):
    """The headers are sent: what would follow is of no use, and of a stream would never end."""


class HeadersAlone:
    """Lets a page be made as if it were asked for, and ends it at its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on everything else as it is."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_start(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                raise HeadersSent

        try:
            await self._app({**scope, "method": "GET"}, receive, send_start)
        except* HeadersSent:
            pass
