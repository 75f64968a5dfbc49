"""Public routes: products and lots, as a shopper may see them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from query_api import lots, schemas
from query_api.inquiries import Inquiry, asks
from query_api.problems import Problem
from query_api.register_schemas import TestDays
from query_api.search import products_found
from query_api.shelves import tests
from query_api.views import LIMIT_MAX, gtin_of, position, rows, today

GtinText = Annotated[str, Path(max_length=20, examples=["6901234567892"])]
LotText = Annotated[str, Path(min_length=1, max_length=80, examples=["A2411"])]
PublicInquiry = Annotated[Inquiry, asks("product")]
# Of the group that is behind: pages show both.
STANDING = """
SELECT least((SELECT position FROM trade.position), (SELECT position FROM edge.position)) AS position,
       coalesce((SELECT max(position) FROM trade.recall_words), 0) AS stops
"""
# Often enough to be believed, seldom enough to cost nothing while thousands of reports come.
STANDS_S, STANDS_LEAST_S = 1.0, 0.03
# A live stream looks again at least this often, should a notification be lost.
LOOK_S = 5.0

FirstDay = Annotated[
    date | None, Query(description="the first day that a label may mean which states a month alone")
]

router = APIRouter(prefix="/v1", tags=["public"])


def dates_asked(
    produced: date | None = None, expires: date | None = None,
    produced_from: FirstDay = None, expires_from: FirstDay = None,
) -> lots.Dates:  # fmt: skip
    """Reads the days that a pack states."""
    return lots.Dates(produced, expires, produced_from, expires_from)


DatesAsked = Annotated[lots.Dates, Depends(dates_asked)]


@router.get("/products")
def search(
    asked: PublicInquiry,
    q: Annotated[str, Query(min_length=1, max_length=80, examples=["牛奶"])],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 20,
) -> schemas.ProductList:
    """Finds products by name in Chinese, pinyin or English, by GTIN, lot number, or a part of either."""
    with asked.snapshot() as reader:
        return products_found(reader, q.strip().replace("\x00", ""), limit)


@router.get("/products/{gtin}")
def product(asked: PublicInquiry, gtin: GtinText, dates: DatesAsked) -> schemas.ProductPage:
    """A product with the lots known here, or those of the dates on a pack."""
    with asked.snapshot() as reader:
        return lots.product_page(reader, gtin_of(gtin), dates)


@router.get("/lots/{gtin}")
def lot_by_date(asked: PublicInquiry, gtin: GtinText, dates: DatesAsked) -> schemas.LotPage:
    """A lot by the days printed on the pack: its production day, its last good day, or both."""
    with asked.snapshot() as reader:
        number = lots.base_of(reader, gtin_of(gtin))
        if dates.produced is None and dates.expires is None:
            raise Problem(422, "date-missing", "give the produced or the expires date of the pack")
        found = lots.find_lot(reader, number, dates)
        return lots.lot_page(reader, number, found)


@router.get("/lots/{gtin}/{lot:path}")
def lot(asked: PublicInquiry, gtin: GtinText, lot: LotText) -> schemas.LotPage:
    """A lot by its number; `D:`, `E:` and `R:` keys name lots known by a date or delivery."""
    with asked.snapshot() as reader:
        number = lots.base_of(reader, gtin_of(gtin))
        return lots.lot_page(reader, number, lots.lot_key(reader, number, lot))


@router.get("/live/lots/{gtin}/{lot:path}", response_class=StreamingResponse)
async def live(
    request: Request, asked: PublicInquiry, gtin: GtinText, lot: LotText
) -> StreamingResponse:
    """Server-sent events: the position of the last entry about a lot, whenever it changes."""
    key = await run_in_threadpool(_key, asked, gtin_of(gtin), lot)
    return StreamingResponse(_changes(request, key), media_type="text/event-stream")


@router.get("/test-days")
def test_days(asked: PublicInquiry, days: Annotated[int, Query(ge=1, le=31)] = 14) -> TestDays:
    """How many test reports of each of the last days said passed, and how many failed."""
    with asked.snapshot() as reader:
        return TestDays(days=tests(reader, today(reader), days), position=position(reader))


@router.get("/live/record", response_class=StreamingResponse)
async def record(request: Request, asked: PublicInquiry) -> StreamingResponse:
    """Server-sent events: where the views stand, and the last event of a hold or recall, as JSON.

    One comes whenever that changes, and each second, so that who listens knows that it still hears.
    """
    return StreamingResponse(_standings(request), media_type="text/event-stream")


async def _standings(request: Request) -> AsyncIterator[str]:
    watch = request.app.state.watch
    yield "retry: 1000\n\n"
    while not await request.is_disconnected():
        seen = watch.count
        stood = await run_in_threadpool(_standing, request)
        yield f"event: stood\ndata: {stood}\n\n"
        await asyncio.sleep(STANDS_LEAST_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watch.changed(seen), STANDS_S)


def _standing(request: Request) -> str:
    with request.app.state.pool.connection() as reader:
        (row,) = rows(reader, STANDING)
    return f'{{"position": {row["position"]}, "stops": {row["stops"]}}}'


def _key(asked: Inquiry, gtin: str, lot: str) -> tuple[str, str]:
    with asked.snapshot() as reader:
        base = lots.base_of(reader, gtin)
        return base, lots.lot_key(reader, base, lot)


async def _changes(request: Request, key: tuple[str, str]) -> AsyncIterator[str]:
    watch = request.app.state.watch
    last = -1
    yield "retry: 2000\n\n"
    while not await request.is_disconnected():
        seen = watch.count
        updated = await run_in_threadpool(_updated, request, key)
        if updated != last:
            last = updated
            yield f"event: updated\ndata: {updated}\n\n"
        try:
            await asyncio.wait_for(watch.changed(seen), LOOK_S)
        except TimeoutError:
            yield "event: here\ndata: \n\n"


def _updated(request: Request, key: tuple[str, str]) -> int:
    with request.app.state.pool.connection() as reader:
        return lots.updated(reader, *key).position
