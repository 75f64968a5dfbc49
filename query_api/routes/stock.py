"""Stock routes: what a premises has, or had, and the entries behind each figure."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from query_api import lots, stock, stock_schemas
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Cursor, Limit, PremisesText
from query_api.problems import Problem
from query_api.stock import Moment
from query_api.views import Reader, cursor_of, gtin_of, key_of, position, rows

ProductText = Annotated[str | None, Query(max_length=80, examples=["06901234567892"])]
LotKeyText = Annotated[str | None, Query(max_length=120, examples=["L:A2411"])]
PositionQuery = Annotated[int | None, Query(ge=0, le=2**62, description="as known there")]
StockInquiry = Annotated[Inquiry, asks("stock")]
AtQuery = Annotated[datetime | None, Query(description="what had happened by then")]

# Who says to trade at a place that nobody registered.
WHO_IS_THERE = "SELECT DISTINCT merchant FROM trade.movements WHERE premises = %s LIMIT 100"

router = APIRouter(prefix="/v1/premises", tags=["stock"])


@router.get("/{premises}/stock")
def now(
    asked: StockInquiry,
    premises: PremisesText,
    after: Cursor = None,
    limit: Limit = 100,
) -> stock_schemas.StockPage:
    """What a premises has, lot by lot."""
    with asked.snapshot() as reader:
        _look_at(asked, reader, premises)
        found, mode = stock.lines_now(reader, premises, key_of(after, 4), limit + 1)
        names = lots.product_names(reader, (line.product for line in found))
        at = position(reader)
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(last.merchant, last.product, last.lot, last.unit) if last else None
    return stock_schemas.StockPage(
        premises=premises, mode=mode, next=more, position=at,
        lines=[
            line.model_copy(update={"product_name": names.get(line.product)})
            for line in found[:limit]
        ],
    )  # fmt: skip


@router.get("/{premises}/stock/then")
def then(
    asked: StockInquiry,
    premises: PremisesText,
    as_of: PositionQuery = None,
    at: AtQuery = None,
    product: ProductText = None,
) -> stock_schemas.StockPage:
    """What a premises had: as it was known at a position, as it was true at an instant, or both."""
    with asked.snapshot() as reader:
        _look_at(asked, reader, premises)
        moment = _moment(reader, as_of, at, product)
        found = stock.lines_then(reader, premises, moment)
        mode = stock.mode_of(stock.place_of(reader, premises))
    return stock_schemas.StockPage(
        premises=premises, mode=mode, lines=found, next=None, position=moment.position
    )  # fmt: skip


@router.get("/{premises}/stock/entries")
def entries(  # each query parameter by its name
    asked: StockInquiry,
    premises: PremisesText,
    product: Annotated[str, Query(max_length=80)],
    lot: LotKeyText = None,
    as_of: PositionQuery = None,
    at: AtQuery = None,
) -> stock_schemas.StockEntries:
    """The entries that made a figure, as they happened, at most 1,000; all lots or one."""
    with asked.snapshot() as reader:
        _look_at(asked, reader, premises)
        moment = _moment(reader, as_of, at, product)._replace(lot=lot)
        found = stock.entries(reader, premises, moment)
    return stock_schemas.StockEntries(entries=found, position=moment.position)


def _look_at(asked: Inquiry, reader: Reader, premises: str) -> None:
    """Lets the asker see a place's stock; of one in no register, what its rows let be seen."""
    if (place := stock.place_of(reader, premises)) is not None:
        asked.look_at(reader, str(place["merchant"]), premises)
        return
    asked.note([row["merchant"] for row in rows(reader, WHO_IS_THERE, [premises])])


def _moment(reader: Reader, as_of: int | None, at: datetime | None, product: str | None) -> Moment:
    if at is not None and at.tzinfo is None:
        raise Problem(422, "parameter-invalid", "at: an instant needs its offset, such as +08:00")
    if product is not None and not product.startswith("item:"):
        product = lots.base_of(reader, gtin_of(product))
    instant = at if at is not None else datetime.max.replace(tzinfo=UTC)
    return Moment(position(reader) if as_of is None else as_of, instant, product)
