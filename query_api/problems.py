"""Problems: every error as problem+json (RFC 9457), mapped once."""

import logging
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import DataError, InterfaceError, OperationalError
from psycopg.errors import QueryCanceled
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ledger.limits import Buckets
from ledger.telling import TOLD_BURST, TOLD_PER_S

log = logging.getLogger("suyuan.query")

MEDIA = "application/problem+json"


# What somebody may be trying on purpose: told in the log, with who it was.
TOLD = (401, 403, 429)


class ProblemAnswer(BaseModel):
    """What is answered instead: why, and what to do (RFC 9457)."""

    type: str = Field(examples=["urn:suyuan:out-of-reach"])
    title: str = Field(examples=["out-of-reach"])
    status: int = Field(examples=[403])
    detail: str


def _documented(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemAnswer"}
    return {"description": description, "content": {MEDIA: {"schema": schema}}}


# What any question may be answered instead.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    400: _documented("what came is no request"),
    401: _documented("sign in, or show a newer token"),
    403: _documented("not among what was granted, or sent by another site's page"),
    404: {"model": ProblemAnswer, **_documented("there is none such")},
    405: _documented("this address is only read"),
    409: _documented("which one is meant has to be said, or a list has to be begun again"),
    422: _documented("a parameter that cannot be"),
    429: _documented("more than one may ask: wait"),
    503: _documented("the record, or the log of who looks, is away: ask again"),
}


class Problem(Exception):
    """Something the asker can act on: a status, a code and what to do."""

    def __init__(self, status: int, code: str, detail: str, *, after_s: int = 0) -> None:
        """`after_s` is when it may be asked again."""
        super().__init__(detail)
        self.status, self.code, self.detail, self.after_s = status, code, detail, after_s


def answer(status: int, code: str, detail: str, after_s: int = 0) -> JSONResponse:
    """Returns a problem as an answer."""
    body = {"type": f"urn:suyuan:{code}", "title": code, "status": status, "detail": detail}
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    headers |= {"retry-after": str(after_s)} if after_s else {}
    return JSONResponse(body, status, headers, media_type=MEDIA)


def install(app: FastAPI) -> None:
    """Makes every error of an application a problem."""
    told = Buckets(per_s=TOLD_PER_S, burst=TOLD_BURST, monotonic=time.monotonic)

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Any) -> JSONResponse:
        account = request.scope.get("account", "")
        address = request.client.host if request.client else ""
        if error.status in TOLD and not told.take(account or address):
            about = {"status": error.status, "code": error.code, "path": request.url.path[:200]}
            log.warning("not answered", extra=about | {"account": account})
        return answer(error.status, error.code, error.detail, error.after_s)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: Any) -> JSONResponse:
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"][1:])
        return answer(422, "parameter-invalid", f"{where}: {found['msg']}")

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: Any) -> JSONResponse:
        return answer(error.status_code, "http", str(error.detail))

    @app.exception_handler(DataError)
    async def unfit(_request: Request, _error: Any) -> JSONResponse:
        return answer(422, "parameter-invalid", "a text here has characters no record can hold")

    @app.exception_handler(QueryCanceled)
    async def too_much(_request: Request, _error: Any) -> JSONResponse:
        words = "this asks for more than can be counted in 5 seconds: ask for fewer days, or for one merchant"
        return answer(422, "too-much", words)

    for kind in (OperationalError, InterfaceError, PoolTimeout):

        @app.exception_handler(kind)
        async def away(_request: Request, _error: Any) -> JSONResponse:
            return answer(503, "unavailable", "the database is away: ask again in a moment")
