"""Problems: every error as problem+json (RFC 9457), mapped once."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import DataError, InterfaceError, OperationalError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

MEDIA = "application/problem+json"


class Problem(Exception):
    """Something the asker can act on: a status, a code and what to do."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def answer(status: int, code: str, detail: str) -> JSONResponse:
    """Returns a problem as an answer."""
    body = {"type": f"urn:suyuan:{code}", "title": code, "status": status, "detail": detail}
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body, status, headers, media_type=MEDIA)


def install(app: FastAPI) -> None:
    """Makes every error of an application a problem."""

    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Any) -> JSONResponse:
        return answer(error.status, error.code, error.detail)

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

    for kind in (OperationalError, InterfaceError, PoolTimeout):

        @app.exception_handler(kind)
        async def away(_request: Request, _error: Any) -> JSONResponse:
            return answer(503, "unavailable", "the database is away: ask again in a moment")
