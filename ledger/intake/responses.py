"""Responses: what intake answers over HTTP, as JSON and as problems (RFC 9457)."""

from typing import Any

import msgspec
from fastapi import Request, Response


def json_response(value: Any, status: int = 200) -> Response:
    """Returns a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(status: int, code: str, detail: str) -> Response:
    """Returns a problem that says what to do."""
    body = {"type": f"urn:suyuan:{code}", "title": code, "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


async def body_of(request: Request, limit: int) -> bytes | Response:
    """Reads a body up to its limit without ever holding more."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return problem(413, "too-large", f"send at most {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
