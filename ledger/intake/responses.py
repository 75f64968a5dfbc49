"""Responses: what intake answers over HTTP, as JSON and as problems (RFC 9457)."""

import asyncio
import math
from typing import Any

import msgspec
from fastapi import Request, Response
from starlette.requests import ClientDisconnect

# The largest picture over a slow line; who takes longer holds a connection on purpose.
BODY_S = 120.0


def json_response(value: Any, status: int = 200) -> Response:
    """Returns a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(status: int, code: str, detail: str) -> Response:
    """Returns a problem that says what to do."""
    body = {"type": f"urn:suyuan:{code}", "title": code, "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


def too_many(after_s: float) -> Response:
    """Returns that somebody asks more than one may, and when they may again."""
    seconds = max(1, math.ceil(after_s))
    answer = problem(429, "too-many", f"this is more than one may ask: wait {seconds} s")
    answer.headers["retry-after"] = str(seconds)
    return answer


async def body_of(request: Request, limit: int) -> bytes | Response:
    """Reads a body up to its limit without ever holding more, and not for ever."""
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    return problem(413, "too-large", f"send at most {limit} bytes")
                chunks.append(chunk)
    except ClientDisconnect:
        # Whoever asked hung up: there is nobody to answer, and nothing for the log.
        return problem(400, "hung-up", "send a body as long as its length says")
    except TimeoutError:
        return problem(408, "too-slow", f"send it within {BODY_S:.0f} s")
    return b"".join(chunks)
