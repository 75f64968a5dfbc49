"""Streams that pages leave open: server-sent events, so many for each address."""

from collections import Counter
from collections.abc import AsyncIterator

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from ledger.intake.responses import too_many

# A market's hall may stand behind one address.
STREAMS_MAX, AGAIN_S = 60, 30.0
RETRY_MS = 1000


class Streams:
    """The open streams of a route."""

    def __init__(self) -> None:
        self._opened: Counter[str] = Counter()

    def open(self, request: Request, events: AsyncIterator[str]) -> Response:
        """Answers with a stream of events, or that there are too many already (429)."""
        visitor = request.client.host if request.client else ""
        if self._opened[visitor] >= STREAMS_MAX:
            return too_many(AGAIN_S)
        return StreamingResponse(self._counted(visitor, events), media_type="text/event-stream")

    async def _counted(self, visitor: str, events: AsyncIterator[str]) -> AsyncIterator[str]:
        self._opened[visitor] += 1
        try:
            yield f"retry: {RETRY_MS}\n\n"
            async for event in events:
                yield event
        finally:
            self._opened[visitor] -= 1
            if not self._opened[visitor]:
                del self._opened[visitor]
