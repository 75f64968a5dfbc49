"""Live route of people at work: says when anything changed of what waits for them."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from query_api.devices import SILENT_AFTER
from query_api.inquiries import Inquiry, asks
from query_api.views import rows

# Positions of the last change of each; who may see less, is told of less.
WORK = """
SELECT coalesce((SELECT max(changed_at) FROM trade.alert_groups), 0) AS alerts,
       coalesce((SELECT max(position) FROM trade.alert_words), 0) AS words,
       coalesce((SELECT max(position) FROM trade.recall_words), 0) AS stops,
       (SELECT count(*) FROM accounts.device_states WHERE online) AS online,
       (SELECT count(*) FROM accounts.device_states
        WHERE online AND heard < now() - %(silent)s::interval) AS silent
"""
LOOK_S, LOOK_LEAST_S = 4.0, 2.0
# Then the browser asks again, and shows again who is signed in.
STREAM_S = 240.0

AlertInquiry = Annotated[Inquiry, asks("alert")]

router = APIRouter(prefix="/v1/live", tags=["alerts"])


@router.get("/work", response_class=StreamingResponse)
async def work(request: Request, asked: AlertInquiry) -> StreamingResponse:
    """Server-sent events: where alerts, words on them, recalls and heartbeats last changed, as JSON."""
    return StreamingResponse(_changes(request, asked), media_type="text/event-stream")


async def _changes(request: Request, asked: Inquiry) -> AsyncIterator[str]:
    watch, ends = request.app.state.watch, time.monotonic() + STREAM_S
    told = ""
    yield "retry: 1000\n\n"
    while time.monotonic() < ends and not await request.is_disconnected():
        seen = watch.count
        now = await run_in_threadpool(_standing, asked)
        yield f"event: stands\ndata: {now}\n\n" if now != told else ": here\n\n"
        told = now
        await asyncio.sleep(LOOK_LEAST_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watch.changed(seen), LOOK_S)


def _standing(asked: Inquiry) -> str:
    with asked.snapshot() as reader:
        (row,) = rows(reader, WORK, {"silent": SILENT_AFTER})
    return json.dumps(row)
